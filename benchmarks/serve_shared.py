"""Whether waiting videos should share a walk: python -m benchmarks.serve_shared [--model NAME] [--repeats N].

One evaluation of the model on packs of 1, 2, 4 and 8 videos of its default size: CPU time for each video beside that of
a pack of one, and whether the first video's bits are those that it has alone. On a CPU, with one thread.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import torch
from torch import Tensor

from langit.bundle import load_bundle
from langit.generate import Model
from langit.generate.request import encode_prompts, latent_size
from langit.patches import TextPack, pack

PROMPTS = ("a red ball bounces on snow at sunset", "a blue cube stands on sand")
COUNTS = (1, 2, 4, 8)


def cpu_time(act: Callable[[], Tensor], repeats: int) -> tuple[Tensor, float]:
    """What a call returns, and the CPU seconds of the quickest of several."""
    result, times = act(), []
    for _ in range(repeats):
        begun = time.process_time()
        act()
        times.append(time.process_time() - begun)
    return result, min(times)


@torch.no_grad()
def compare(name: str, repeats: int) -> None:
    """Print a line for each size of a pack."""
    model = Model.of(load_bundle(name))
    settings = model.settings()
    model = model.fuse(settings)
    encoded = [each.text for each in encode_prompts(PROMPTS, model, settings).values()]
    shape, patch = latent_size(model.sizes[0], model), model.transformer.patch_size
    dice = torch.Generator().manual_seed(0)
    size = (shape.channels, shape.frames, shape.height, shape.width)
    noise = [torch.randn(size, generator=dice) for _ in range(max(COUNTS))]
    alone, single = torch.empty(0), 0.0
    for count in COUNTS:
        texts = [encoded[index % len(encoded)] for index in range(count)]
        text = TextPack(
            torch.cat([each.tokens for each in texts]),
            tuple(length for each in texts for length in each.lengths),
            tuple(pad for each in texts for pad in each.pads),
        )
        videos = pack(noise[:count], [1.0] * count, patch)
        # mypy infers no lambda with defaults
        found, seconds = cpu_time(lambda videos=videos, text=text: model.transformer(videos, text), repeats)  # type: ignore[misc]
        if count == 1:
            alone, single = found, seconds
        first = found[: videos.lengths[0]]
        equal = "equal bits" if torch.equal(first, alone) else f"up to {(first - alone).abs().max():.1e} apart"
        print(f"{count} in a pack: {seconds / count / single:.2f} of the CPU time for each, {equal}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="pocket")
    parser.add_argument("--repeats", type=int, default=3)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    compare(chosen.model, chosen.repeats)


if __name__ == "__main__":
    main()
