"""`langit plan` against measurement: peak memory and seconds of generating with random models, each in a process of its
own.

    python -m benchmarks.plan [--models small medium wide] [--settings "--dtype bf16 --offload blocks"]

Models are built and saved with diffusers, opened as `langit generate` opens them, and generate a video from text to
pixels; what passes the door is not measured. The process says its own peak. On a CPU that is its resident memory, on a
GPU what torch allocated. The plan of the same request is made in the same process before anything is loaded.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from langit.device import Placement

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

# Heads of 64 channels, layers, feed-forward width; text width, layers; the autoencoder's channels; the video.
MODELS: dict[str, dict[str, Any]] = {
    "tiny": {"heads": 2, "layers": 2, "ffn": 256, "text": 64, "text_layers": 2, "vae": 8, "size": "64x64x5"},
    "small": {"heads": 4, "layers": 6, "ffn": 1024, "text": 256, "text_layers": 4, "vae": 16, "size": "192x128x9"},
    "medium": {"heads": 12, "layers": 12, "ffn": 3072, "text": 512, "text_layers": 8, "vae": 32, "size": "320x192x9"},
    "wide": {"heads": 20, "layers": 12, "ffn": 5120, "text": 512, "text_layers": 8, "vae": 8, "size": "256x128x5"},
    "large frame": {"heads": 2, "layers": 2, "ffn": 256, "text": 64, "text_layers": 2, "vae": 16, "size": "640x384x5"},
}
# What `langit generate` is given after the model.
SETTINGS = (
    "--dtype fp32",
    "--dtype fp32 --offload parts",
    "--dtype fp32 --offload blocks",
    "--dtype bf16",
    "--dtype bf16 --offload parts",
    "--dtype bf16 --offload blocks",
    "--dtype fp32 --weights int8",
    "--dtype bf16 --weights fp8",
    "--dtype fp32 --tiled",
)
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


def measure(folder: str, size: str, settings: str, steps: int) -> dict[str, float]:
    """Plan, then generate as `langit generate` does, up to the frames. Runs in a process of its own."""
    from langit.generate.request import SamplingRequest, decode_frames, encode_prompts, sample_request
    from langit.plan.fit import plan_here
    from langit.plan.generation import VideoWork
    from langit.plan.hardware import hardware_of
    from langit.plan.model import find_model
    from langit.shapes import PixelShape
    from langit.studio import Studio

    torch.set_num_threads(1)
    given = chosen(settings)
    placement = Placement.choose(given.device, given.dtype, given.offload)
    pixels = PixelShape.parse(size)
    work = VideoWork(pixels, steps, True, placement, given.weights, tiled=given.tiled)
    plan = plan_here(find_model(folder), pixels, work, hardware_of(placement))
    reset_peak(placement)
    studio = Studio(
        folder,
        device=given.device,
        dtype=given.dtype,
        offload=given.offload,
        weights=given.weights,
        tiled=given.tiled,
    )
    opened, model = peak_memory(placement), studio.model
    sampling = model.settings(steps=steps)
    times = [time.perf_counter()]

    def tick() -> None:
        placement.synchronize()
        times.append(time.perf_counter())

    conditioning = encode_prompts(["a red ball"], model, sampling)["a red ball"]
    tick()
    latents = sample_request(SamplingRequest(conditioning, pixels, 0), model, sampling)
    tick()
    sampled = peak_memory(placement)
    frames = decode_frames(latents, model)
    tick()
    assert frames.shape[0] == pixels.frames
    return {
        "planned": plan.memory,
        "measured": peak_memory(placement),
        "base": plan.base,
        "planned_seconds": plan.seconds,
        "seconds": times[-1] - times[0],
        "by_phase": {  # type: ignore[dict-item]  # for a person who looks for the cause of a difference
            "planned": [(each.name, each.memory + plan.base, each.seconds) for each in plan.phases],
            "measured": [opened, sampled, *(after - before for before, after in itertools.pairwise(times))],
        },
    }


def chosen(settings: str) -> argparse.Namespace:
    """Options of `langit generate`, read."""
    parser = argparse.ArgumentParser()
    for name, usual in (("device", "cpu"), ("dtype", "fp32"), ("offload", "none"), ("weights", "")):
        parser.add_argument(f"--{name}", default=usual)
    parser.add_argument("--tiled", action="store_true")
    return parser.parse_args(settings.split())


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


def in_process(arguments: dict[str, Any], home: Path) -> dict[str, Any]:
    """Call :func:`measure` in a new process that has encoded no prompt before."""
    code = (
        "import json, sys; from benchmarks.plan import measure; print(json.dumps(measure(**json.loads(sys.argv[1]))))"
    )
    with tempfile.TemporaryDirectory(dir=home) as place:
        run = subprocess.run(
            [sys.executable, "-c", code, json.dumps(arguments)],
            capture_output=True,
            text=True,
            check=False,
            cwd=Path(__file__).parents[1],
            env={**os.environ, "LANGIT_HOME": place},
        )
    if run.returncode:
        raise SystemExit(run.stderr)
    found: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Print a row for each model and setting, and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=["small", "medium", "wide"])
    parser.add_argument("--settings", nargs="+", default=list(SETTINGS), help="each the options of one run, quoted")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where models are built, and kept")
    parser.add_argument("--phases", action="store_true", help="memory and seconds of each phase too")
    options = parser.parse_args()
    print(
        f"{'':44}{'planned MB':>12}{'measured MB':>13}{'error':>8}{'process':>9}{'planned s':>11}{'s':>8}{'error':>8}"
    )
    with tempfile.TemporaryDirectory() as place:
        for name in options.models:
            folder = (options.folder or Path(place)) / name.replace(" ", "-")
            if not folder.exists():
                build(MODELS[name], folder)
            for settings in options.settings * options.rounds:
                arguments = {
                    "folder": str(folder),
                    "size": MODELS[name]["size"],
                    "settings": f"--device {options.device} {settings}",
                    "steps": options.steps,
                }
                found = in_process(arguments, Path(place))
                memory = found["planned"] / found["measured"] - 1
                seconds = found["planned_seconds"] / found["seconds"] - 1
                print(
                    f"{f'{name}, {settings}':44}{found['planned'] / 1e6:12.0f}{found['measured'] / 1e6:13.0f}"
                    f"{memory:8.1%}{found['base'] / 1e6:9.0f}"
                    f"{found['planned_seconds']:11.1f}{found['seconds']:8.1f}{seconds:8.0%}",
                    flush=True,
                )
                if options.phases:
                    print(json.dumps(found["by_phase"]), flush=True)


if __name__ == "__main__":
    main()
