"""`langit plan` against measurement: peak memory and seconds of generating with random models, each in a process of its
own.

    python -m benchmarks.plan [--models small medium] [--device cpu] [--steps 2]

Models are built and saved with diffusers, opened as any checkpoint, and generate a video from text to pixels; the
process says its own peak. On a CPU that is its resident memory, on a GPU what torch allocated. The plan of the same
request is made in the same process before anything is loaded.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

# Heads of 64 channels, layers, feed-forward width; text width, layers; the autoencoder's channels; the video.
MODELS: dict[str, dict[str, Any]] = {
    "tiny": {"heads": 2, "layers": 2, "ffn": 256, "text": 64, "text_layers": 2, "vae": 8, "size": "64x64x5"},
    "small": {"heads": 4, "layers": 6, "ffn": 1024, "text": 256, "text_layers": 4, "vae": 16, "size": "192x128x9"},
    "medium": {"heads": 12, "layers": 12, "ffn": 3072, "text": 512, "text_layers": 8, "vae": 32, "size": "320x192x17"},
}
OFFLOADS = ("none", "parts", "blocks")
VOCABULARY = 30_000


def build(sizes: dict[str, Any], folder: Path) -> None:
    """Save a random model of these sizes in diffusers' layout."""
    from diffusers import AutoencoderKLWan, WanPipeline, WanTransformer3DModel
    from families import tiny
    from transformers import UMT5Config, UMT5EncoderModel

    torch.manual_seed(0)
    text = UMT5Config(
        vocab_size=VOCABULARY,
        d_model=sizes["text"],
        d_kv=64,
        d_ff=2 * sizes["text"],
        num_layers=sizes["text_layers"],
        num_heads=sizes["text"] // 64,
        feed_forward_proj="gated-gelu",
    )
    transformer = WanTransformer3DModel(
        num_attention_heads=sizes["heads"],
        attention_head_dim=64,
        in_channels=16,
        out_channels=16,
        text_dim=sizes["text"],
        ffn_dim=sizes["ffn"],
        num_layers=sizes["layers"],
    )
    vae = AutoencoderKLWan(base_dim=sizes["vae"])
    pipeline = WanPipeline(tiny.tokenizer(), UMT5EncoderModel(text), vae, tiny.scheduler(5.0), transformer)
    pipeline.save_pretrained(folder, safe_serialization=True)


def measure(folder: str, size: str, device: str, dtype: str, offload: str, steps: int) -> dict[str, float]:
    """Plan, then generate; what was planned and measured. Runs in a process of its own."""
    from langit.device import Placement
    from langit.families.load import open_model
    from langit.generate import Model
    from langit.generate.request import SamplingRequest, decode_frames, encode_prompts, sample_request
    from langit.plan.fit import plan_here
    from langit.plan.generation import VideoWork
    from langit.plan.hardware import hardware_of
    from langit.plan.model import find_model
    from langit.shapes import PixelShape
    from langit.studio.opening import settle_weights

    torch.set_num_threads(1)
    placement = Placement.choose(device, dtype, offload)
    pixels = PixelShape.parse(size)
    planned = find_model(folder)
    work = VideoWork(pixels, steps, True, placement)
    plan = plan_here(planned, pixels, work, hardware_of(placement))
    reset_peak(placement)
    bundle = open_model(folder, placement)
    settle_weights(bundle, placement, "", ())
    model = Model.of(bundle)
    sampling = model.settings(steps=steps)
    begin = time.perf_counter()
    conditioning = encode_prompts(["a red ball"], model, sampling)["a red ball"]
    latents = sample_request(SamplingRequest(conditioning, pixels, 0), model, sampling)
    frames = decode_frames(latents, model)
    placement.synchronize()
    seconds = time.perf_counter() - begin
    assert frames.shape[0] == pixels.frames
    return {
        "planned": plan.memory,
        "measured": peak_memory(placement),
        "base": plan.base,
        "planned_seconds": plan.seconds,
        "seconds": seconds,
    }


def reset_peak(placement: Any) -> None:
    """Forget the peak so far."""
    if placement.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(placement.device)
    else:
        Path("/proc/self/clear_refs").write_text("5")  # sets the peak of resident memory to what it is now


def peak_memory(placement: Any) -> int:
    """Bytes at the peak since then."""
    if placement.device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(placement.device))
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
    return int(fields["VmHWM"].split()[0]) * 1024


def in_process(arguments: dict[str, Any]) -> dict[str, float]:
    """Call :func:`measure` in a new process."""
    code = (
        "import json, sys; from benchmarks.plan import measure; print(json.dumps(measure(**json.loads(sys.argv[1]))))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, json.dumps(arguments)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[1],
    )
    found: dict[str, float] = json.loads(run.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Print a row for each model and way of offloading."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=["small", "medium"])
    parser.add_argument("--offload", nargs="+", choices=OFFLOADS, default=list(OFFLOADS))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", nargs="+", default=["fp32"])
    parser.add_argument("--steps", type=int, default=2)
    options = parser.parse_args()
    print(f"{'':28}{'planned MB':>12}{'measured MB':>13}{'error':>8}{'of it process':>15}{'planned s':>11}{'s':>8}")
    with tempfile.TemporaryDirectory() as place:
        for name in options.models:
            folder = Path(place) / name
            build(MODELS[name], folder)
            for dtype in options.dtype:
                for offload in options.offload:
                    found = in_process(
                        {
                            "folder": str(folder),
                            "size": MODELS[name]["size"],
                            "device": options.device,
                            "dtype": dtype,
                            "offload": offload,
                            "steps": options.steps,
                        }
                    )
                    error = found["planned"] / found["measured"] - 1
                    print(
                        f"{f'{name}, {dtype}, offload {offload}':28}{found['planned'] / 1e6:12.0f}"
                        f"{found['measured'] / 1e6:13.0f}{error:8.1%}{found['base'] / 1e6:15.0f}"
                        f"{found['planned_seconds']:11.1f}{found['seconds']:8.1f}",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
