"""How long one batch of one shape takes to draw on a CPU thread, while a GPU computes the one before (docs/gpu.md).

    python -m benchmarks.draws

Random latents of 128x128x17 stand for films; captions are those of worlds-1, and the text encoder is the shipped one's.
"""

from __future__ import annotations

import cProfile
import pstats
import statistics
import time

import torch

from langit import recipes
from langit.bundle import load_bundle
from langit.feed.latents import LatentClip, LatentView
from langit.feed.shaped import ShapedFeed
from langit.train.shaped import DrawnFeed
from langit.worlds.world import find_world

CLIPS, BATCHES = 600, 12


def main() -> None:
    torch.set_num_threads(1)
    flow, world = recipes.find("pocket").stages[0].flow, find_world("worlds-1")
    source = torch.Generator().manual_seed(0)

    def view(frames: int) -> LatentView:
        return LatentView(torch.randn(24, frames, 16, 16, generator=source).half(), torch.rand(frames, 8, 8))

    clips = [
        LatentClip(f"{seed:064x}", world.captions(world.sample(seed), 8), (view(5), view(3))) for seed in range(CLIPS)
    ]
    shaped = ShapedFeed(clips, flow.token_budget, 0, flow.windows)
    feed = DrawnFeed(shaped, load_bundle("pocket").text, flow, 0)
    whole = [step for step in range(60) if len(shaped.batch(step).items.latents) == 120][:BATCHES]
    feed.batch(whole[0])
    times = []
    for step in whole:
        began = time.perf_counter()
        feed.batch(step)
        times.append(time.perf_counter() - began)
    print(f"{statistics.median(times) * 1e3:.0f} ms a batch of 120 x 320 tokens, one thread (of {len(times)})")
    with cProfile.Profile() as profile:
        for step in whole[:4]:
            feed.batch(step)
    pstats.Stats(profile).sort_stats("cumulative").print_stats(18)


if __name__ == "__main__":
    main()
