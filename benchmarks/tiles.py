"""Decoding in tiles against decoding whole frames: peak memory, seconds, and how far the pixels are apart.

    python -m benchmarks.tiles [--width 16] [--frames 9] [--sizes 320x320 640x384 832x480 1280x720]

A random autoencoder of Wan 2.1's structure decodes noise, with the default tiles and without, each in a process of its
own, which says by how much its resident memory grew at the peak. Of random weights and noise the pixels differ more
than of a trained model's: the decibels are for comparing places, along seams and away from them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

SCALE, CHANNELS = 8, 16  # pixels to a side of a latent cell, and its channels


def random_autoencoder(width: int) -> torch.nn.Module:
    """An autoencoder of ``width`` channels (Wan's has 96) with random weights, the same each time."""
    from diffusers import AutoencoderKLWan

    from langit.families.autoencoder import WanAutoencoder

    torch.manual_seed(0)
    return WanAutoencoder(AutoencoderKLWan(base_dim=width)).eval()


def measure(width: int, size: str, frames: int, tiled: bool, file: str) -> dict[str, float]:
    """Decode noise and keep the pixels in a file. Runs in a process of its own."""
    from benchmarks.plan import peak_memory, reset_peak
    from langit.device import CPU
    from langit.generate.request import DECODED_AT_ONCE
    from langit.generate.tiles import Tiles, decode_tiles
    from langit.offload.host import return_freed_memory
    from langit.plan.hardware import process_memory

    torch.set_num_threads(1)
    return_freed_memory()  # as all open weights on a CPU
    autoencoder = random_autoencoder(width)
    across, down = (int(side) // SCALE for side in size.split("x"))
    cells = 1 + (frames - 1) // 4, down, across
    latents = torch.randn(CHANNELS, *cells, generator=torch.Generator().manual_seed(1))
    tiles = Tiles() if tiled else Tiles(side=max(down, across, 3), overlap=1)  # one tile is the whole frame
    decode_tiles(latents[:, :1, :4, :4], autoencoder, CPU, tiles, 1)  # kernels are made ready
    before = process_memory()
    reset_peak(CPU)
    begin = time.perf_counter()
    pixels = decode_tiles(latents, autoencoder, CPU, tiles, DECODED_AT_ONCE)
    seconds = time.perf_counter() - begin
    grown = peak_memory(CPU) - before
    save_file({"pixels": pixels}, file)
    return {"grown": grown, "seconds": seconds}


def decibels(error: Tensor) -> float:
    """PSNR of 8-bit values."""
    return float(10 * torch.log10(255**2 / error.float().square().mean()))


def seams(size: str) -> Tensor:
    """True where two tiles meet, (height, width)."""
    from langit.generate.tiles import Tiles

    across, down = (int(side) for side in size.split("x"))
    marked = torch.zeros(down, across, dtype=torch.bool)
    for axis, length in enumerate((down, across)):
        spans = Tiles().spans(length // SCALE)
        for before, after in zip(spans, spans[1:], strict=False):
            marked.narrow(axis, after[0] * SCALE, (before[1] - after[0]) * SCALE).fill_(True)
    return marked


def in_process(arguments: dict[str, object]) -> dict[str, float]:
    """Call :func:`measure` in a new process."""
    code = (
        "import json, sys; from benchmarks.tiles import measure; print(json.dumps(measure(**json.loads(sys.argv[1]))))"
    )
    command = [sys.executable, "-c", code, json.dumps(arguments)]
    run = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1])
    found: dict[str, float] = json.loads(run.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Print a row for each size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--frames", type=int, default=9)
    parser.add_argument("--sizes", nargs="+", default=["320x320", "640x384", "832x480", "1280x720"])
    options = parser.parse_args()
    heads = ("whole MB", "tiled MB", "whole s", "tiled s", "dB at seams", "dB apart")
    print(f"{'size':10}" + "".join(f"{head:>13}" for head in heads))
    with tempfile.TemporaryDirectory() as place:
        for size in options.sizes:
            found, pixels = [], []
            for tiled in (False, True):
                file = Path(place) / "pixels.safetensors"
                common = {"width": options.width, "size": size, "frames": options.frames, "file": str(file)}
                found.append(in_process(common | {"tiled": tiled}))
                pixels.append(load_file(file)["pixels"])
            error, where = pixels[0].float() - pixels[1].float(), seams(size)
            apart = [decibels(error[:, part]) if part.any() else float("nan") for part in (where, ~where)]
            print(
                f"{size:10}{found[0]['grown'] / 1e6:13.0f}{found[1]['grown'] / 1e6:13.0f}{found[0]['seconds']:13.1f}"
                f"{found[1]['seconds']:13.1f}{apart[0]:13.1f}{apart[1]:13.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
