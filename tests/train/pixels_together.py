"""One of several processes that train a small autoencoder; run by torchrun: FOLDER."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from langit.autoencoder.model import Autoencoder, AutoencoderConfig
from langit.device import CPU
from langit.feed.batch import Batch
from langit.train.optim import OptimConfig
from langit.train.parts import in_parts
from langit.train.ranks import Ranks, joined_ranks
from langit.train.restarts import was_restarted
from langit.train.tasks import ReconstructionConfig, ReconstructionTask
from langit.train.trainer import TrainConfig, Trainer

SMALL = AutoencoderConfig(latent_channels=4, fine_width=8, coarse_width=8, encoder_blocks=(1, 1), decoder_blocks=(1, 1))
OPTIM = OptimConfig(matrix_rate=0.02, other_rate=0.01, warmup=2, decay=3, ema=0.9)
CONFIG = TrainConfig(steps=6, seed=3, optim=OPTIM, checkpoint_every=2)
COUNTS = (3, 1, 4)  # videos of a batch: shared unevenly, by one process alone, and evenly


class Videos:
    """Batches of several sizes; every third is of pictures."""

    def batch(self, step: int) -> Batch[Tensor]:
        count, source = COUNTS[step % 3], torch.Generator().manual_seed(step)
        frames = torch.randint(0, 256, (count, (5, 5, 1)[step % 3], 16, 24, 3), generator=source, dtype=torch.uint8)
        clips = tuple(f"{100 * step + number:064x}" for number in range(count))
        return Batch(clips, 12 * count, frames)


def train(folder: Path, ranks: Ranks | None = None, resume: bool = False) -> tuple[list[float], Trainer[Any]]:
    """With ``ranks`` in parts; without by one process as it would be."""
    torch.manual_seed(0)
    task, losses = ReconstructionTask(Autoencoder(SMALL), ReconstructionConfig(), lambda *_: None), list[float]()
    shared = in_parts(task, Videos(), CONFIG, ranks or Ranks())
    trainer = Trainer(*shared[:3], folder, "sha256:pixels", CPU, shared[3])
    trainer.train(lambda stats: losses.append(stats.loss), resume)
    return losses, trainer


def flat(trainer: Trainer[Any]) -> list[float]:
    values: list[float] = torch.cat([value.detach().flatten() for value in trainer.named.values()]).tolist()
    return values


if __name__ == "__main__":
    place = Path(sys.argv[1])
    with joined_ranks() as joined:
        own, trained = train(place, joined, was_restarted() or (place / "resume").exists())
        (place / f"rank-{joined.rank}.json").write_text(json.dumps({"losses": own, "weights": flat(trained)}))
