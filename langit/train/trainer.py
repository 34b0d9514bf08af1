"""The training loop: batches in, checkpoints out. It knows no model, no data and no loss.

Everything random in a step comes from (seed, step), and a batch is a function of the step, so a run that is resumed
repeats to the bit what one that was never stopped would have done (on the same kind of CPU).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Protocol

import torch
from torch import Tensor, nn

from langit import config as configs
from langit.bundle.provenance import code_version
from langit.device import CPU, Placement
from langit.feed.batch import Batch, Items
from langit.feed.exposure import open_exposure_log
from langit.train import checkpoint, shards
from langit.train.clock import StageClock
from langit.train.exchange import matrix_exchange
from langit.train.lock import locked_run
from langit.train.metrics import count_flops, gemm_peak
from langit.train.microbatch import MicroBatches
from langit.train.optim import OptimConfig, Optimisers, ParameterKind, update_ema
from langit.train.ranks import ALONE, Ranks
from langit.train.sharding import is_sharded


@dataclass(frozen=True)
class TrainConfig:
    """How long and how a task is trained. ``seed`` fixes everything random."""

    steps: int = 1000
    seed: int = 0
    optim: OptimConfig = field(default_factory=OptimConfig)
    checkpoint_every: int = 200
    sample_every: int = 0  # 0: never
    keep: int = 2
    lanes: int = 1  # micro-batches of a step, each on a thread of its own on a CPU
    compile: bool = False
    recompute: bool = configs.added_field(False)  # blocks compute their activations again backwards: less memory

    def __post_init__(self) -> None:
        for name in ("steps", "checkpoint_every", "keep", "lanes"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)}: use a whole number of at least 1")
        if self.sample_every < 0:
            raise ValueError(f"sample_every={self.sample_every}: use 0 (never) or more")
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"seed={self.seed}: use a whole number from 0 to {2**32 - 1}")


class Task(Protocol[Items]):
    """What the loss is. The trainer sees named modules and a number to make smaller."""

    def modules(self) -> dict[str, nn.Module]:
        """The modules that are trained, by name."""

    def parameter_kind(self, name: str, parameter: nn.Parameter) -> ParameterKind:
        """Which optimiser a parameter belongs to."""

    def loss(self, batch: Batch[Items], step: int, generator: torch.Generator) -> Tensor:
        """A scalar."""

    def replica(self) -> Task[Items]:
        """The same task with the same weights, and gradients of its own."""

    def save_preview(self, ema: dict[str, Tensor], step: int, folder: Path) -> None:
        """Save something to look at (a contact sheet) in the folder, made with the averaged weights."""


class Feed(Protocol[Items]):
    """A batch for every step, the same one whenever it is asked for."""

    def batch(self, step: int) -> Batch[Items]: ...


@dataclass(frozen=True)
class StepStats:
    """What one step tells a progress bar."""

    step: int
    steps: int
    loss: float
    smooth_loss: float
    gradient_norm: float
    clips_per_second: float
    tokens_per_second: float
    share_of_peak: float
    seconds: float
    step_seconds: float = 0.0
    data_seconds: float = 0.0  # of this step, that it waited for its batches
    flops_per_second: float = 0.0  # of the model alone, all processes together
    peak: float = 0.0  # of all processes' devices together, as `metrics.gemm_peak` measured it


def check_identity(path: Path, identity: str) -> None:
    """Check that a checkpoint belongs to the run of that identity.

    Raises:
        ValueError: it belongs to another one, or is damaged.
    """
    _, facts = checkpoint.facts(path)
    if facts["identity"] != identity:
        raise ValueError(
            f"{path} was made by another recipe ({facts['identity'][:19]}…, this one is {identity[:19]}…):"
            f" use another name or folder, the same settings, or move {path.parent} away"
        )


class Trainer(Generic[Items]):
    """Runs a task over a feed, keeping its state in a folder.

    The modules hold single-precision weights on the placement's device; losses are computed in its dtype.
    """

    def __init__(
        self,
        task: Task[Items],
        feed: Feed[Items],
        config: TrainConfig,
        folder: Path,
        identity: str,
        placement: Placement = CPU,
        ranks: Ranks = ALONE,
        clock: StageClock | None = None,
    ) -> None:
        if placement.dtype == torch.float16:
            raise ValueError("training in fp16 is not supported, because small gradients vanish: use bf16 or fp32")
        self.task, self.feed, self.config, self.folder, self.identity = task, feed, config, folder, identity
        self.placement, self.everyone, self.clock = placement, ranks, clock
        self.named = {
            f"{part}.{name}": parameter
            for part, module in task.modules().items()
            for name, parameter in module.named_parameters()
            if parameter.requires_grad
        }
        self.sharded = is_sharded(self.named.values())
        # Micro-batches that cannot be shared out are all the first process's; the others take up what it has trained.
        divided = config.lanes % ranks.groups == 0 and (self.sharded or ranks.context == 1)
        assert divided or not self.sharded, "all processes take part where weights are cut"
        self.ranks = ranks if divided else ALONE
        # Units of FSDP gather and scatter in an order that threads would mix up.
        threaded = False if self.sharded else None
        self.micro_batches = MicroBatches(task, len(self.ranks.own(config.lanes)), placement, threaded)
        exchange = matrix_exchange(list(self.named.values()), self.ranks.rank, self.ranks.count)
        each = self.micro_batches.each
        self.optimisers = Optimisers(self.named, task.parameter_kind, config.optim, each, exchange, placement.dtype)
        self.ema = {name: parameter.detach().clone() for name, parameter in self.named.items()}
        self.exposure = open_exposure_log(folder / "exposure.log")
        self.step, self.seconds, self.flops, self.smooth = 0, 0.0, 0, 0.0
        self.curve: list[tuple[int, float]] = []
        self.finished = False  # by its clock, whatever its steps are

    def resume(self) -> bool:
        """Continue from the newest checkpoint in the folder; False when there is none.

        Raises:
            ValueError: the checkpoint is damaged, of another recipe, or too late for another length of the run; or the
                exposure log is not the checkpoint's.
        """
        newest = checkpoint.latest(self.folder)
        if newest is None:
            return False
        check_identity(newest, self.identity)
        saved = shards.load_like(newest, self.named) if self.sharded else checkpoint.load(newest)
        facts: dict[str, Any] = saved.facts
        # Before its rate falls a run may be made longer or shorter: until there the schedule is the same.
        saved_hold, hold = facts["steps"] - facts["decay"], self.config.steps - self.config.optim.decay
        by_clock = "clock" in facts or (self.clock is not None and self.clock.timed)
        if not by_clock and saved_hold != hold and saved.step > min(saved_hold, hold):
            raise ValueError(
                f"{newest} is past step {max(0, min(saved_hold, hold))}, where the rate begins to fall, so the length"
                f" of the run cannot be changed any more: use steps={facts['steps']} and decay={facts['decay']}"
            )
        if self.everyone.first:
            self.exposure.restore(facts["exposures"], saved.step, facts.get("exposure_root"))
        with torch.no_grad():
            for name, parameter in self.named.items():
                parameter.copy_(saved.tensors["model"][name])
                self.ema[name].copy_(saved.tensors["ema"][name])
        self.optimisers.restore(saved.tensors["optimiser"])
        self.step, self.seconds, self.flops = saved.step, facts["seconds"], facts["flops"]
        self.smooth, self.curve = facts["smooth"], [(int(a), float(b)) for a, b in facts["curve"]]
        self.finished = bool(facts.get("clock", {}).get("finished"))
        return True

    def train(self, report: Callable[[StepStats], None], resume: bool = False) -> None:
        """Hold the run's lock, continue from its newest checkpoint if asked to, and train up to ``config.steps``.

        Raises:
            ValueError: another process trains this run; it has checkpoints and is not to be resumed; what
                :meth:`resume` and :meth:`fit` raise.
        """
        if self.everyone.count > 1:
            self.everyone.check_same("the recipe or the code", f"{self.identity} {code_version()}")
        if self.ranks is self.everyone:
            self._train(report, resume)
            return
        with self.everyone.first_goes_first():
            if self.everyone.first:
                self._train(report, resume)
            else:
                self.resume()

    def _train(self, report: Callable[[StepStats], None], resume: bool) -> None:
        with locked_run(self.folder) if self.ranks.first else nullcontext():
            newest = checkpoint.latest(self.folder)
            if newest is not None and not resume:
                raise ValueError(f"{newest} is there already: resume it, or train in another folder")
            if resume:
                with nullcontext() if self.sharded else self.ranks.first_goes_first():
                    self.resume()
            if not self.sharded:
                self.ranks.broadcast((*(p.detach() for p in self.named.values()), *self.ema.values()))
            self.fit(report)

    def fit(self, report: Callable[[StepStats], None]) -> None:
        """Train up to ``config.steps``, or by the clock, saving a checkpoint every so often and at the end.

        The caller holds the run's lock, or is sure that no other process trains it (:meth:`train` does both).

        Raises:
            ValueError: the loss or its gradient is not a number.
            OSError: a checkpoint cannot be written.
        """
        if self._is_over():
            return
        peak = gemm_peak(self.placement)
        token_flops = self._token_flops()
        if self.step == 0 and self.ranks.first:
            self.exposure.cut(0)
        last = False
        while not last:
            stats = self._train_step(token_flops, peak)
            last, due = self._is_over(), self.clock is not None and self.clock.wants_checkpoint()
            if self.clock is not None:  # clocks differ by a little: the first process's counts
                last, due = self.ranks.first_says((last, due))
            if self.ranks.first:
                report(stats)
            elif not self.sharded:
                continue
            if last or due or self.step % self.config.checkpoint_every == 0:
                self.save()
            if self.config.sample_every and (last or self.step % self.config.sample_every == 0):
                with self.ranks.own_folder(self.folder) as folder:
                    self.task.save_preview(self.ema, self.step, folder)

    def _is_over(self) -> bool:
        """Whether no further step is to be taken: the clock says so or, where it sets no end, the steps are done."""
        clock = self.clock
        if clock is None:
            return self.finished or self.step >= self.config.steps
        over = clock.over
        self.finished |= over and not clock.stopped
        return self.finished or over or (not clock.timed and self.step >= self.config.steps)

    def _train_step(self, token_flops: float, peak: float) -> StepStats:
        start = time.perf_counter()
        count = self.config.lanes
        numbers = [self.step * count + micro for micro in self.ranks.own(count)]
        batches = [self.feed.batch(number) for number in numbers]
        waited = time.perf_counter() - start
        seen = self.ranks.merge([(batch.clips, batch.tokens) for batch in batches])
        clips = tuple(clip for own, _ in seen for clip in own)
        # Before the step, so that no clip can have been learnt from without being in the log.
        if self.ranks.first:
            with self._naming_last_checkpoint():
                self.exposure.append(self.step, clips)
        generators = [torch.Generator().manual_seed(self.config.seed * 1_000_003 + number) for number in numbers]
        losses = self.ranks.merge(self.micro_batches.gradients(batches, self.step, generators))
        for (own, _), loss in zip(seen, losses, strict=True):
            if not math.isfinite(loss):
                raise self._not_a_number("the loss", own)
        if not self.sharded:  # there the backward pass has done it
            self.ranks.average_gradients(list(self.named.values()))
        norm = self.optimisers.clip_gradients()
        if not math.isfinite(norm):
            raise self._not_a_number("the gradient", clips)
        timed = self.clock if self.clock is not None and self.clock.timed else None
        share = None if timed is None else timed.rate(self.step, self.config.optim)
        self.optimisers.step(self.step, self.config.steps, share)
        update_ema(self.ema, self.named, self.config.optim.ema, self.step)
        value = sum(losses) / count
        self.smooth = value if self.step == 0 else 0.98 * self.smooth + 0.02 * value
        self.step += 1
        seconds = time.perf_counter() - start
        tokens = sum(length for _, length in seen)
        flops = token_flops * tokens
        self.seconds += seconds
        self.flops += round(flops)
        if self.step % 10 == 0:
            self.curve.append((self.step, round(self.smooth, 5)))
        return StepStats(
            step=self.step,
            steps=self.config.steps,
            loss=value,
            smooth_loss=self.smooth,
            gradient_norm=norm,
            clips_per_second=len(clips) / seconds,
            tokens_per_second=tokens / seconds,
            share_of_peak=flops / seconds / peak / self.ranks.count,
            seconds=self.seconds,
            step_seconds=seconds,
            data_seconds=waited,
            flops_per_second=flops / seconds,
            peak=peak * self.ranks.count,
        )

    def _not_a_number(self, what: str, clips: tuple[str, ...]) -> ValueError:
        """The error for a step that cannot be taken. The weights are still those of the step before."""
        shown = ", ".join(clip.removeprefix("sha256:")[:16] for clip in clips[:8])
        more = f" and {len(clips) - 8} more" if len(clips) > 8 else ""
        return ValueError(
            f"{what} is not a number at step {self.step}, on clips {shown}{more}. {self._last_checkpoint()} Look at"
            " these clips, or lower the rates (training.optim)"
        )

    def _last_checkpoint(self) -> str:
        newest = checkpoint.latest(self.folder)
        if newest is None:
            return "There is no checkpoint yet."
        return f"The last good checkpoint is {newest}, and --resume goes on from there."

    @contextmanager
    def _naming_last_checkpoint(self) -> Iterator[None]:
        """Let errors of writing (a full disk) say which checkpoint is safe."""
        try:
            yield
        except OSError as error:
            where = error.filename or self.folder
            raise OSError(
                f"{where} cannot be written at step {self.step} ({error.strerror}). {self._last_checkpoint()} Make room"
                " first"
            ) from error

    def _token_flops(self) -> float:
        """Operations a token, counted on the first batch. Nothing is learnt: the counter may choose other kernels."""
        batch = self.feed.batch(0).to(self.placement.device)

        def forward_backward() -> None:
            with self.micro_batches.autocast():
                loss = self.task.loss(batch, 0, torch.Generator().manual_seed(0))
            loss.backward()

        flops = count_flops(forward_backward)
        for parameter in self.named.values():
            parameter.grad = None
        return flops * self.ranks.context / batch.tokens  # those of this process are a part of the batch

    def save(self) -> Path:
        """Write a checkpoint of this moment; the exposure log is on disk before it.

        Raises:
            OSError: it cannot be written, for example because the disk is full; older checkpoints are still there.
            ValueError: another process writes to the exposure log.
        """
        facts = {
            "identity": self.identity,
            "steps": self.config.steps,
            "decay": self.config.optim.decay,
            "seconds": self.seconds,
            "flops": self.flops,
            "smooth": self.smooth,
            "curve": self.curve,
            "exposures": self.exposure.rows,
            "exposure_root": self.exposure.root() if self.ranks.first else "",
            "device": self.placement.name,
        }
        if self.clock is not None and self.clock.timed:
            seconds = self.clock.end - self.clock.begin
            facts["clock"] = {"seconds": seconds, "fall": self.clock.fall, "finished": self.finished}
        tensors = {
            "model": {name: parameter.detach() for name, parameter in self.named.items()},
            "ema": self.ema,
            "optimiser": self.optimisers.state(),
        }
        with self._naming_last_checkpoint():
            if self.ranks.first:
                self.exposure.flush()
            save = shards.save if self.sharded else checkpoint.save
            return save(self.folder, checkpoint.Checkpoint(self.step, facts, tensors), self.config.keep)
