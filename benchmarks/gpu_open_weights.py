"""Open weights at their real sizes on a GPU: seconds a step, peak memory, share of the peak, beside diffusers.

    python -m benchmarks.gpu_open_weights [--models 1.3b 5b] [--device cuda] [--dtype bf16] [--steps 4] [--out FILE]

Weights are random, so nothing is downloaded: speed and memory do not depend on their values. In one process and
interleaved: a product of two 8192 x 8192 matrices, our step with guidance as one batch, diffusers' transformer on the
same weights and inputs; then the plan of the same step against what was allocated, and offloading block by block, fp8
and int8. Each line is printed and written as soon as it is known, so that a run that is cut short leaves its figures.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from langit.device import Placement
from langit.generate.sampler import repeat_pack
from langit.offload import offload
from langit.patches import Pack, TextPack, pack
from langit.plan.flops import forward_work
from langit.plan.generation import VideoWork, part_weights, trace_denoiser
from langit.shapes import Compression, LatentShape, PixelShape, latent_shape, token_grid
from langit.transformer import SIZES, TransformerConfig, VideoTransformer
from langit.transformer.blank import blank
from langit.transformer.precision import Storage, narrow

FIVE = TransformerConfig(
    num_attention_heads=24,
    attention_head_dim=128,
    in_channels=48,
    out_channels=48,
    text_dim=4096,
    ffn_dim=14336,
    num_layers=30,
)
TINY = TransformerConfig(
    num_attention_heads=2, attention_head_dim=16, text_dim=32, freq_dim=32, ffn_dim=64, num_layers=2
)
MODELS = {
    "tiny": (TINY, PixelShape(5, 32, 32), Compression(), 8),
    "1.3b": (SIZES["wan-1.3b"], PixelShape(81, 480, 832), Compression(), 512),
    "5b": (FIVE, PixelShape(121, 704, 1280), Compression(4, 16, 48), 512),
}
SIDE = 8192


def random_weights(sizes: TransformerConfig, placement: Placement) -> VideoTransformer:
    """Our transformer with random weights, made on the device."""
    with blank():
        model = VideoTransformer(sizes)
    dice = torch.Generator(placement.device).manual_seed(0)
    for part in model.modules():
        for name, old in list(part._parameters.items()):
            if old is not None:
                made = torch.empty(old.shape, dtype=placement.dtype, device=placement.device)
                part._parameters[name] = nn.Parameter(made.normal_(0, 0.02, generator=dice), requires_grad=False)
    return model.eval()


def same_in_diffusers(model: VideoTransformer) -> Any:
    """diffusers' transformer that shares these weights."""
    from diffusers import WanTransformer3DModel

    with torch.device("meta"):
        theirs = WanTransformer3DModel(**asdict(model.config))
    rope = WanTransformer3DModel(**{**asdict(model.config), "num_layers": 1, "ffn_dim": 8, "text_dim": 8}).rope
    theirs.load_state_dict(model.state_dict(), assign=True)
    theirs.rope = rope.to(next(model.parameters()).device)  # its buffers are not in the state
    return theirs.eval()


def inputs_of(
    sizes: TransformerConfig, latent: LatentShape, words: int, placement: Placement
) -> tuple[Tensor, Pack, TextPack]:
    """Latents, and the pack and prompts of one guided step."""
    shape = (latent.channels, latent.frames, latent.height, latent.width)
    latents = placement.put(torch.randn(shape, generator=torch.Generator().manual_seed(1)))
    packed = repeat_pack(pack([latents.float()], [0.5], sizes.patch_size), 2)
    text = placement.put(torch.randn(2 * words, sizes.text_dim, generator=torch.Generator().manual_seed(2)))
    return latents, packed, TextPack(text, (words, words))


def timed(run: Callable[[], object], placement: Placement) -> float:
    """Seconds of one call."""
    placement.synchronize()
    begin = time.perf_counter()
    run()
    placement.synchronize()
    return time.perf_counter() - begin


def allocated(placement: Placement, run: Callable[[], object], model: nn.Module) -> int:
    """Bytes of a model and what a call of it takes, without what else is on the device; 0 where torch counts none."""
    if placement.device.type != "cuda":
        run()
        return 0
    torch.cuda.empty_cache()
    tensors = {t.data_ptr(): t for t in (*model.parameters(), *model.buffers()) if t.is_cuda}
    own, before = sum(t.nbytes for t in tensors.values()), torch.cuda.memory_allocated(placement.device)
    torch.cuda.reset_peak_memory_stats(placement.device)
    run()
    return int(torch.cuda.max_memory_allocated(placement.device)) - before + own


def narrow_row(
    storage: Storage, model: VideoTransformer, packed: Pack, prompts: TextPack, exact: Tensor, placement: Placement
) -> dict[str, Any]:
    """Measure narrow weights, and their error against the exact step."""
    narrow(model, storage)
    error = float((model(packed, prompts) - exact).norm() / exact.norm())
    return {
        "weights": storage,
        "seconds_a_step": min(timed(lambda: model(packed, prompts), placement) for _ in range(2)),
        "peak_bytes": allocated(placement, lambda: model(packed, prompts), model),
        "relative_error": error,
    }


@torch.no_grad()
def measure(name: str, placement: Placement, steps: int, say: Callable[[dict[str, Any]], None]) -> None:
    """Measure one size."""
    sizes, pixels, compression, words = MODELS[name]
    latent = latent_shape(pixels, compression)
    tokens = token_grid(latent, sizes.patch_size).count
    work = VideoWork(pixels, steps, True, placement)
    model = random_weights(sizes, placement)
    latents, packed, prompts = inputs_of(sizes, latent, words, placement)
    flops = 2 * forward_work(sizes, tokens, words).total

    def ours() -> Tensor:
        return model(packed, prompts)

    theirs = same_in_diffusers(model)
    batch = latents[None].repeat(2, 1, 1, 1, 1)
    text = prompts.tokens.unflatten(0, (2, words))
    moments = torch.full((2,), 500.0, device=placement.device)

    def peer() -> Tensor:
        out: Tensor = theirs(batch, moments, text).sample
        return out

    side = SIDE if placement.device.type == "cuda" else 512
    left = placement.put(torch.randn(side, side))
    rounds: dict[str, list[float]] = {"product": [], "langit": [], "diffusers": []}
    runs = {"product": lambda: left @ left, "langit": ours, "diffusers": peer}
    for run in runs.values():
        run()
    for _ in range(steps):
        for key, run in runs.items():
            rounds[key].append(timed(run, placement))
    peak = 2 * side**3 / statistics.median(rounds["product"])
    share = {key: flops / statistics.median(rounds[key]) / peak for key in ("langit", "diffusers")}
    ratios = [a / b for a, b in zip(rounds["diffusers"], rounds["langit"], strict=True)]
    say(
        {
            "model": name,
            "tokens": tokens,
            "teraflops_of_a_product": peak / 1e12,
            "seconds_a_step": statistics.median(rounds["langit"]),
            "diffusers_seconds_a_step": statistics.median(rounds["diffusers"]),
            "times_as_fast": [statistics.median(ratios), min(ratios), max(ratios)],
            "mfu": share["langit"],
            "diffusers_mfu": share["diffusers"],
        }
    )
    took, peer_took = allocated(placement, ours, model), allocated(placement, peer, theirs)
    with blank():
        empty = VideoTransformer(sizes)
    usage = trace_denoiser(empty, latent, words, work)
    planned = usage.peak + sum(p.numel() * p.element_size() for p in model.parameters())
    say(
        {
            "model": name,
            "peak_bytes": took,
            "diffusers_peak_bytes": peer_took,
            "planned_bytes": planned,
            "error_of_plan": planned / took - 1 if took else None,
        }
    )
    exact = ours()
    for storage in ("fp8", "int8"):
        say({"model": name} | narrow_row(storage, random_weights(sizes, placement), packed, prompts, exact, placement))
    away = random_weights(sizes, Placement(torch.device("cpu"), placement.dtype))
    for parameter in away.parameters():
        if placement.device.type == "cuda":
            parameter.data = parameter.data.pin_memory()
    offload({"transformer": away}, replace(placement, offload="blocks"), "blocks")
    away(packed, prompts)
    seconds = min(timed(lambda: away(packed, prompts), placement) for _ in range(2))
    bytes_ = allocated(placement, lambda: away(packed, prompts), away)
    blocks = replace(work, placement=replace(placement, offload="blocks"))
    planned = usage.peak + part_weights(empty, blocks)[1]
    say(
        {
            "model": name,
            "offload": "blocks",
            "seconds_a_step": seconds,
            "peak_bytes": bytes_,
            "planned_bytes": planned,
            "error_of_plan": planned / bytes_ - 1 if bytes_ else None,
        }
    )


def main() -> None:
    """Measure the chosen sizes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=["1.3b", "5b"])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--dtype", default="bf16")
    parser.add_argument("--steps", type=int, default=4, help="rounds")
    parser.add_argument("--out", type=Path, help="a file for the lines")
    options = parser.parse_args()
    placement = Placement.choose(options.device, options.dtype)

    def say(row: dict[str, Any]) -> None:
        line = json.dumps(row)
        print(line, flush=True)
        if options.out is not None:
            with options.out.open("a", encoding="utf-8") as file:
                file.write(line + "\n")

    say({"device": placement.name, "dtype": options.dtype, "torch": torch.__version__})
    for name in options.models:
        measure(name, placement, options.steps, say)


if __name__ == "__main__":
    main()
