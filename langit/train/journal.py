"""The progress of a run as a plain file that is written while it trains: one JSON row for every few steps.

``progress.jsonl`` lies beside the checkpoints. A run that is resumed cuts it back to its checkpoint, as it does the
exposure log, so that no step is told twice. Knows steps and losses, no model and no recipe.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch
from jaxtyping import Float
from torch import Tensor

from langit.files import atomic_write

if TYPE_CHECKING:
    from langit.train.trainer import StepStats

FILE: Final = "progress.jsonl"
EVERY: Final = 10  # steps between two rows,
AT_LEAST_EVERY: Final = 30.0  # or seconds, where steps take long
LEVELS: Final = 10  # equal ranges of noise levels, from 0 (clean) to 1 (noise)


class LevelLosses:
    """Mean squared error of a velocity by noise level, over all tokens since it was last read.

    Sums stay on the device of the losses until they are read, so that adding to them waits for nothing.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()  # micro-batches have a thread each on a CPU
        self._sums: Tensor | None = None

    def add(self, errors: Float[Tensor, " N"], levels: Float[Tensor, " N"]) -> None:
        """Count tokens in; those of level 0 are known, and left out."""
        noisy = (levels > 0).float()
        places = (levels.float() * LEVELS).long().clamp(0, LEVELS - 1)
        sums = torch.zeros(2, LEVELS, device=errors.device)
        sums[0].index_add_(0, places, errors.float() * noisy)
        sums[1].index_add_(0, places, noisy)
        with self._lock:
            self._sums = sums if self._sums is None else self._sums.to(sums.device) + sums

    def take(self) -> tuple[float | None, ...]:
        """The mean of each range of levels, None where no token fell into it; begins anew."""
        with self._lock:
            sums, self._sums = self._sums, None
        if sums is None:
            return (None,) * LEVELS
        errors, counts = sums.tolist()
        return tuple(error / count if count else None for error, count in zip(errors, counts, strict=True))


@dataclass(frozen=True)
class ProgressRow:
    """What happened between the row before and ``step``. Field names are keys of the file.

    mfu: operations of the model alone, of what matrix products reach on this machine (``peak_tflops``).
    loss_by_level: of `LEVELS` equal ranges of noise levels, the cleanest first; empty for tasks without levels.
    seconds: of training steps since the run began; ``left`` at the pace since the last row.
    """

    step: int
    steps: int
    loss: float
    smooth_loss: float
    gradient_norm: float
    clips_per_second: float
    tokens_per_second: float
    tflops: float
    peak_tflops: float
    mfu: float
    data_wait_share: float
    seconds: float
    left: float
    loss_by_level: tuple[float | None, ...] = ()


@dataclass
class _Since:
    """Sums since the last row."""

    steps: int = 0
    loss: float = 0.0
    clips: float = 0.0
    tokens: float = 0.0
    flops: float = 0.0
    waited: float = 0.0
    seconds: float = 0.0


@dataclass
class Journal:
    """Writes the rows of one run; call it with the figures of every step."""

    folder: Path
    by_level: LevelLosses | None = None
    newest: ProgressRow | None = None
    _since: _Since = field(default_factory=_Since)
    _last: float = field(default_factory=time.monotonic)
    _begun: bool = False

    def add(self, stats: StepStats) -> bool:
        """Count a step in; True where it ended a row."""
        since = self._since
        since.steps += 1
        since.loss += stats.loss
        since.clips += stats.clips_per_second * stats.step_seconds
        since.tokens += stats.tokens_per_second * stats.step_seconds
        since.flops += stats.flops_per_second * stats.step_seconds
        since.waited += stats.data_seconds
        since.seconds += stats.step_seconds
        late = time.monotonic() - self._last >= AT_LEAST_EVERY
        if stats.step % EVERY and stats.step != stats.steps and not late:
            return False
        seconds = since.seconds or 1e-9
        self.newest = ProgressRow(
            step=stats.step,
            steps=stats.steps,
            loss=_rounded(since.loss / since.steps),
            smooth_loss=_rounded(stats.smooth_loss),
            gradient_norm=_rounded(stats.gradient_norm),
            clips_per_second=_rounded(since.clips / seconds),
            tokens_per_second=_rounded(since.tokens / seconds),
            tflops=_rounded(since.flops / seconds / 1e12),
            peak_tflops=_rounded(stats.peak / 1e12),
            mfu=_rounded(since.flops / seconds / stats.peak) if stats.peak else 0.0,
            data_wait_share=_rounded(since.waited / seconds),
            seconds=round(stats.seconds, 3),
            left=round(since.seconds / since.steps * (stats.steps - stats.step), 1),
            loss_by_level=()
            if self.by_level is None
            else tuple(None if loss is None else _rounded(loss) for loss in self.by_level.take()),
        )
        self._write(self.newest)
        self._since, self._last = _Since(), time.monotonic()
        return True

    def _write(self, row: ProgressRow) -> None:
        path = self.folder / FILE
        if not self._begun:  # rows past the checkpoint that this run goes on from are told again
            kept = [each for each in read_progress(self.folder) if each.step < row.step - self._since.steps + 1]
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(path) as unfinished:
                unfinished.write_text("".join(map(_line, kept)), encoding="utf-8")
            self._begun = True
        with path.open("a", encoding="utf-8") as file:
            file.write(_line(row))


def read_progress(folder: Path) -> Iterator[ProgressRow]:
    """The rows of a run's file, in order; none where there is no file. A row that a kill cut off is left out.

    Raises:
        ValueError: a row is not one of this format.
    """
    path = folder / FILE
    if not path.exists():
        return
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith("\n"):
                return
            try:
                plain: dict[str, Any] = json.loads(line)
                yield ProgressRow(**plain | {"loss_by_level": tuple(plain["loss_by_level"])})
            except (ValueError, TypeError, KeyError) as error:
                raise ValueError(f"{path}, line {number}, is no row of progress ({error}): remove the line") from error


def _line(row: ProgressRow) -> str:
    return json.dumps(vars(row)) + "\n"


def _rounded(value: float) -> float:
    """Six significant digits: rows are read by people as well."""
    return float(f"{value:.6g}")
