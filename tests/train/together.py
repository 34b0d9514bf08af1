"""One of several processes that train the line of `line`; run by torchrun: FOLDER LANES [KILLED_AT] [KIND].

KIND is "different" (recipes), "full" (weights are cut) or "nodes" (with two copies of them)."""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor
from train.line import CONFIG, IDENTITY, Line, Numbers

from langit.device import CPU
from langit.feed.batch import Batch
from langit.train.ranks import joined_ranks
from langit.train.restarts import was_restarted
from langit.train.sharding import gather, sharded_copy, weights_mesh
from langit.train.trainer import StepStats, Trainer


class Dying(Line):
    """A process of the last rank kills itself at a step, once."""

    killed_at = -1

    def loss(self, batch: Batch[Tensor], step: int, generator: torch.Generator) -> Tensor:
        if step == self.killed_at and os.environ["RANK"] == "1" and not was_restarted():
            os.kill(os.getpid(), signal.SIGKILL)
        return super().loss(batch, step, generator)


def main() -> None:
    folder, lanes = Path(sys.argv[1]), int(sys.argv[2])
    task = Dying()
    task.killed_at = int(sys.argv[3]) if len(sys.argv) > 3 else -1
    kind = "" if len(sys.argv) < 5 else sys.argv[4]
    identity = IDENTITY + (os.environ["RANK"] if kind == "different" else "")
    losses: list[tuple[int, float]] = []

    def note(stats: StepStats) -> None:
        losses.append((stats.step, stats.loss))

    with joined_ranks() as ranks:
        if kind in ("full", "nodes"):
            task.net = sharded_copy(task.net, weights_mesh(CPU, 2 if kind == "nodes" else 1), CPU)
        trainer = Trainer(task, Numbers(), replace(CONFIG, lanes=lanes), folder, identity, ranks=ranks)
        trainer.train(note, resume=was_restarted() or (folder / "resume").exists())
        weights = torch.cat([value.flatten() for value in gather(trainer.named).values()])
        averaged = [value.tolist() for value in gather(trainer.ema).values()]
        own = {"losses": losses, "weights": weights.tolist(), "averaged": averaged}
        (folder / f"rank-{ranks.rank}.json").write_text(json.dumps(own))


if __name__ == "__main__":
    main()
