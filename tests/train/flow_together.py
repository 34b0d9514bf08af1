"""One of several processes that train a small flow task; run by torchrun: FOLDER LANES SHARDING CONTEXT [HOW].

HOW is "recompute", "compile" or "distil"."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import torch
from bundle.miniature import make_parts
from torch._dynamo.utils import counters

from langit.device import CPU
from langit.feed.exposure import ExposureLog
from langit.feed.latents import LatentClip, LatentView
from langit.feed.loader import LatentFeed
from langit.feed.windows import WindowConfig
from langit.flow.levels import LevelsConfig
from langit.recipes.layout import laid_out
from langit.train.distil import DistilConfig, DistilTask
from langit.train.optim import OptimConfig
from langit.train.ranks import Ranks, joined_ranks
from langit.train.recompute import recompute_blocks
from langit.train.restarts import was_restarted
from langit.train.sharding import gather
from langit.train.tasks import FlowConfig, FlowTask
from langit.train.trainer import StepStats, TrainConfig, Trainer
from langit.transformer.adapter import Adapter

SAID = ("a red ball rolls to the left", "a cube", "snow on a green hill at night", "a blue cone spins")
OPTIM = OptimConfig(matrix_rate=0.02, other_rate=0.01, warmup=2, decay=3, ema=0.9, score_rate=0.005)
STEPS = 6


def clips(channels: int) -> list[LatentClip]:
    source = torch.Generator().manual_seed(1)

    def view(frames: int) -> LatentView:
        latents = torch.randn(channels, frames, 4, 6, generator=source).half()
        return LatentView(latents, torch.rand(frames, 2, 3, generator=source))

    return [LatentClip(f"{number:064x}", SAID, (view(1 + number % 4),)) for number in range(12)]


def train(folder: Path, lanes: int, ranks: Ranks, how: str = "") -> dict[str, object]:
    torch.manual_seed(0)
    parts = make_parts(0)
    transformer, text = parts.transformer, parts.text
    torch.nn.init.normal_(transformer.proj_out.weight, std=0.1)  # zero when drawn: nothing else would have a gradient
    if how == "recompute":
        recompute_blocks(transformer)
    losses: list[float] = []
    norms: list[float] = []

    def note(stats: StepStats) -> None:
        losses.append(stats.loss)
        norms.append(stats.gradient_norm)

    with laid_out(transformer, text, ranks, CPU) as (own_transformer, own_text):
        task: FlowTask | DistilTask
        task = FlowTask(own_transformer, own_text, FlowConfig(thing_after=3), lambda *_: None)
        if how == "distil":
            adapter, sampling = Adapter.of_rank(transformer, 4), LevelsConfig()
            task = DistilTask(transformer, text, adapter, DistilConfig(), FlowConfig(), sampling, lambda *_: None)
        if how == "compile":
            for block in own_transformer.blocks:
                block.compile(backend="aot_eager")
        feed = LatentFeed(clips(transformer.config.in_channels), 40, 0, WindowConfig(whole=0.6, image=0.1))
        config = TrainConfig(steps=STEPS, lanes=lanes, optim=OPTIM, checkpoint_every=2, sample_every=3)
        trainer = Trainer(task, feed, config, folder, "sha256:flow", CPU, ranks)
        trainer.train(note, resume=was_restarted() or (folder / "resume").exists())
        weights = torch.cat([value.flatten() for value in gather(trainer.named).values()])
    return {
        "losses": losses,
        "norms": norms,
        "weights": weights.tolist(),
        "held": held(trainer),
        "root": ExposureLog(folder / "exposure.log").root(),
    }


def held(trainer: Trainer) -> int:
    """Values of weights that this process holds."""
    from langit.train.exchange import own_part

    return sum(own_part(value).numel() for value in trainer.named.values())


def main() -> None:
    folder, lanes, sharding, context = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    if sharding == "nodes":
        os.environ["LOCAL_WORLD_SIZE"] = "2"  # as on nodes of two processes
    with joined_ranks(CPU, context, sharding) as ranks:  # type: ignore[arg-type]
        own = train(folder, lanes, ranks, *sys.argv[5:])
        # A process of its own, in which nothing else is compiled.
        assert bool(counters["stats"]["unique_graphs"]) == (sys.argv[5:] == ["compile"])
        (folder / f"rank-{ranks.rank}.json").write_text(json.dumps(own))


if __name__ == "__main__":
    main()
