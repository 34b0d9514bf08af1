"""A small training of the real flow task on made-up clips, alone or as one of several processes: what others measure.

    python -m benchmarks.many FOLDER [--width 64] [--steps 20] [--lanes 4] [--sharding none] [--context 1]

Writes ``rank-R.json`` (losses, seconds of each step, CPU seconds) and the run's own files into the folder; a start
after a kill goes on from the last checkpoint. torchrun starts several.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from langit.device import CPU
from langit.feed.latents import LatentClip, LatentView
from langit.feed.loader import LatentFeed
from langit.feed.windows import WindowConfig
from langit.recipes.layout import laid_out
from langit.text.encoder import TextConfig, TextEncoder
from langit.text.tokenizer import train_tokenizer
from langit.train.optim import OptimConfig
from langit.train.ranks import joined_ranks
from langit.train.restarts import was_restarted
from langit.train.tasks import FlowConfig, FlowTask
from langit.train.trainer import StepStats, TrainConfig, Trainer
from langit.transformer.model import TransformerConfig, VideoTransformer

CHANNELS = 16


@dataclass(frozen=True)
class SmallTraining:
    """``width`` is of the transformer, in multiples of 64; ``tokens`` of a micro-batch."""

    width: int = 64
    layers: int = 2
    tokens: int = 256
    steps: int = 20
    lanes: int = 4
    checkpoint_every: int = 5


def made_up_clips(count: int, caption: str) -> list[LatentClip]:
    """Latents of 16 channels, 2 to 5 frames of 8 x 8."""
    source = torch.Generator().manual_seed(1)
    return [
        LatentClip(
            f"{number:064x}",
            (caption,),
            (LatentView(torch.randn(CHANNELS, frames, 8, 8, generator=source).half(), torch.zeros(frames, 4, 4)),),
        )
        for number, frames in ((number, 2 + number % 4) for number in range(count))
    ]


def parts(training: SmallTraining, caption: str) -> tuple[VideoTransformer, TextEncoder]:
    """A transformer and a text encoder with random weights, the same in every process."""
    torch.manual_seed(0)
    heads = training.width // 64
    sizes = TransformerConfig(
        num_attention_heads=max(heads, 2),
        attention_head_dim=training.width // max(heads, 2),
        text_dim=64,
        ffn_dim=4 * training.width,
        num_layers=training.layers,
    )
    transformer = VideoTransformer(sizes)
    torch.nn.init.normal_(transformer.proj_out.weight, std=0.02)
    tokenizer = train_tokenizer([caption])
    text = TextConfig(tokenizer.get_vocab_size(), d_model=64, d_kv=32, num_heads=2, d_ff=128, num_layers=1)
    return transformer, TextEncoder(text, tokenizer)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    for name, default in vars(SmallTraining()).items():
        parser.add_argument("--" + name.replace("_", "-"), type=int, default=default)
    parser.add_argument("--sharding", default="none")
    parser.add_argument("--context", type=int, default=1)
    given = vars(parser.parse_args(arguments))
    folder, sharding, context = given.pop("folder"), given.pop("sharding"), given.pop("context")
    training = SmallTraining(**given)
    folder.mkdir(parents=True, exist_ok=True)
    caption = "a red ball rolls over a green hill"
    losses: list[tuple[int, float]] = []
    seconds: list[float] = []
    with joined_ranks(CPU, context, sharding) as ranks:
        if ranks.count > 1:
            torch.set_num_threads(1)
        transformer, text = parts(training, caption)

        def note(stats: StepStats) -> None:
            losses.append((stats.step, stats.loss))
            seconds.append(stats.step_seconds)
            with (folder / "losses.jsonl").open("a") as file:  # of every start, so that killed ones are seen too
                file.write(json.dumps([stats.step, stats.loss]) + "\n")

        with laid_out(transformer, text, ranks, CPU) as (own, encoder):
            flow = FlowConfig(thing_after=3, token_budget=training.tokens)
            feed = LatentFeed(made_up_clips(64, caption), training.tokens, 0, WindowConfig())
            optim = OptimConfig(warmup=3, decay=3, ema=0.9, score_rate=1e-3)
            config = TrainConfig(
                steps=training.steps, lanes=training.lanes, optim=optim, checkpoint_every=training.checkpoint_every
            )
            task = FlowTask(own, encoder, flow, lambda *_: None)
            trainer = Trainer(task, feed, config, folder, "sha256:many", CPU, ranks)
            before = time.process_time()
            trainer.train(note, resume=was_restarted())
        row = {"losses": losses, "seconds": seconds, "cpu_seconds": time.process_time() - before}
        (folder / f"rank-{ranks.rank}.json").write_text(json.dumps(row))


if __name__ == "__main__":
    main()
