"""The training loop: batches in, checkpoints out. It knows no model, no data and no loss.

Everything random in a step comes from (seed, step), and a batch is a function of the step, so a run that is resumed
walks the same steps to the bit as one that was never stopped.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from langit.feed.batch import Batch
from langit.feed.exposure import ExposureLog
from langit.train import checkpoint
from langit.train.lanes import Lanes
from langit.train.metrics import count_flops, gemm_peak
from langit.train.optim import Kind, OptimConfig, Optimisers, average


@dataclass(frozen=True)
class TrainConfig:
    """How long and how a task is trained. ``seed`` fixes everything random."""

    steps: int = 1000
    seed: int = 0
    optim: OptimConfig = field(default_factory=OptimConfig)
    checkpoint_every: int = 200
    sample_every: int = 0  # 0: never
    keep: int = 2
    lanes: int = 1  # batches of a step, each on a thread of its own
    compile: bool = False

    def __post_init__(self) -> None:
        for name in ("steps", "checkpoint_every", "keep", "lanes"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)}: give a whole number of at least 1")
        if self.sample_every < 0:
            raise ValueError(f"sample_every={self.sample_every}: give 0 (never) or more")
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"seed={self.seed}: give a whole number from 0 to {2**32 - 1}")


class Task(Protocol):
    """What a loss is. The trainer sees named modules and a number to make smaller."""

    def modules(self) -> dict[str, nn.Module]:
        """The modules that are trained, by name."""

    def kind_of(self, name: str, parameter: nn.Parameter) -> Kind:
        """What an optimiser takes this parameter for."""

    def loss(self, batch: Batch, step: int, generator: torch.Generator) -> Tensor:
        """A scalar."""

    def twin(self) -> Task:
        """The same task with the same weights, and gradients of its own."""

    def show(self, ema: dict[str, Tensor], step: int, folder: Path) -> None:
        """Leave something to look at (a contact sheet) in the folder."""


class Feed(Protocol):
    """A batch for every step, the same one whenever it is asked for."""

    def batch(self, step: int) -> Batch: ...


@dataclass(frozen=True)
class Tick:
    """What one step tells a progress bar."""

    step: int
    steps: int
    loss: float
    smooth_loss: float
    norm: float
    clips_per_second: float
    tokens_per_second: float
    share_of_peak: float
    seconds: float


def check_identity(path: Path, identity: str) -> None:
    """Whether a checkpoint is of the run with that identity.

    Raises:
        ValueError: it is another's, or damaged.
    """
    _, facts = checkpoint.facts(path)
    if facts["identity"] != identity:
        raise ValueError(
            f"{path} was made by another recipe ({facts['identity'][:19]}…, this one is {identity[:19]}…):"
            f" use another name or folder, the same settings, or move {path.parent} away"
        )


class Trainer:
    """Runs a task over a feed, keeping its state in a folder."""

    def __init__(self, task: Task, feed: Feed, config: TrainConfig, folder: Path, identity: str) -> None:
        self.task, self.feed, self.config, self.folder, self.identity = task, feed, config, folder, identity
        self.named = {
            f"{part}.{name}": parameter
            for part, module in task.modules().items()
            for name, parameter in module.named_parameters()
            if parameter.requires_grad
        }
        self.lanes = Lanes(task, config.lanes)
        self.optimisers = Optimisers(self.named, task.kind_of, config.optim, self.lanes.each)
        self.ema = {name: parameter.detach().clone() for name, parameter in self.named.items()}
        self.exposure = ExposureLog(folder / "exposure.log")
        self.step, self.seconds, self.flops, self.smooth = 0, 0.0, 0, 0.0
        self.curve: list[tuple[int, float]] = []

    def resume(self) -> bool:
        """Take up the newest checkpoint in the folder; False when there is none.

        Raises:
            ValueError: the checkpoint is damaged, of another recipe, or too late for another length of the run.
        """
        newest = checkpoint.latest(self.folder)
        if newest is None:
            return False
        check_identity(newest, self.identity)
        saved = checkpoint.load(newest)
        facts: dict[str, Any] = saved.facts
        held, wanted = facts["steps"] - facts["decay"], self.config.steps - self.config.optim.decay
        if held != wanted and saved.step > min(held, wanted):
            raise ValueError(
                f"{newest} is past step {min(held, wanted)}, where the rate begins to fall: another length of the run"
                f" has to be chosen before; give steps={facts['steps']} and decay={facts['decay']}"
            )
        with torch.no_grad():
            for name, parameter in self.named.items():
                parameter.copy_(saved.tensors["model"][name])
                self.ema[name].copy_(saved.tensors["ema"][name])
        self.optimisers.restore(saved.tensors["optimiser"])
        self.step, self.seconds, self.flops = saved.step, facts["seconds"], facts["flops"]
        self.smooth, self.curve = facts["smooth"], [(int(a), float(b)) for a, b in facts["curve"]]
        self.exposure.cut(facts["exposures"])
        return True

    def fit(self, report: Callable[[Tick], None]) -> None:
        """Train up to ``config.steps``; a checkpoint every so often and at the end; nothing where it is there."""
        if self.step >= self.config.steps:
            return
        device = next(iter(self.named.values())).device
        peak = gemm_peak(device)
        token_flops = self._token_flops()
        if self.step == 0:
            self.exposure.cut(0)
        while self.step < self.config.steps:
            start = time.perf_counter()
            turns = [self.step * self.config.lanes + lane for lane in range(self.config.lanes)]
            batches = [self.feed.batch(turn) for turn in turns]
            clips = tuple(clip for batch in batches for clip in batch.clips)
            self.exposure.enter(self.step, clips)
            generators = [torch.Generator().manual_seed(self.config.seed * 1_000_003 + turn) for turn in turns]
            value = self.lanes.gradients(batches, self.step, generators)
            tokens = sum(batch.tokens for batch in batches)
            flops = token_flops * tokens
            if value != value:  # NaN
                raise ValueError(f"the loss is not a number at step {self.step}: lower the rates or clip harder")
            norm = self.optimisers.step(self.step, self.config.steps)
            average(self.ema, self.named, self.config.optim.ema, self.step)
            self.smooth = value if self.step == 0 else 0.98 * self.smooth + 0.02 * value
            self.step += 1
            seconds = time.perf_counter() - start
            self.seconds += seconds
            self.flops += round(flops)
            if self.step % 10 == 0:
                self.curve.append((self.step, round(self.smooth, 5)))
            report(
                Tick(
                    step=self.step,
                    steps=self.config.steps,
                    loss=value,
                    smooth_loss=self.smooth,
                    norm=norm,
                    clips_per_second=len(clips) / seconds,
                    tokens_per_second=tokens / seconds,
                    share_of_peak=flops / seconds / peak,
                    seconds=self.seconds,
                )
            )
            last = self.step == self.config.steps
            if last or self.step % self.config.checkpoint_every == 0:
                self.save()
            if self.config.sample_every and (last or self.step % self.config.sample_every == 0):
                self.task.show(self.ema, self.step, self.folder)

    def _token_flops(self) -> float:
        """Operations a token, counted on the first batch; the counter may choose other kernels: nothing is learnt."""
        batch = self.feed.batch(0)

        def forward_backward() -> None:
            self.task.loss(batch, 0, torch.Generator().manual_seed(0)).backward()

        flops = count_flops(forward_backward)
        for parameter in self.named.values():
            parameter.grad = None
        return flops / batch.tokens

    def save(self) -> Path:
        """Write a checkpoint of this moment; the exposure log is on disk before it."""
        self.exposure.flush()
        facts = {
            "identity": self.identity,
            "steps": self.config.steps,
            "decay": self.config.optim.decay,
            "seconds": self.seconds,
            "flops": self.flops,
            "smooth": self.smooth,
            "curve": self.curve,
            "exposures": self.exposure.rows,
        }
        tensors = {
            "model": {name: parameter.detach() for name, parameter in self.named.items()},
            "ema": self.ema,
            "optimiser": self.optimisers.state(),
        }
        return checkpoint.save(self.folder, checkpoint.Checkpoint(self.step, facts, tensors), self.config.keep)
