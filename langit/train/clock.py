"""The time of a stage of training that ends by the clock: when it is over, and where its rate stands.

The rate rises over the first steps (`OptimConfig.warmup`), holds, and falls to ``final`` over the last ``fall`` of the
stage's time. A stage that goes on later has a new clock: what is reproduced to the bit is a run without a deadline.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from langit.train.optim import OptimConfig


@dataclass
class StageClock:
    """From ``begin`` to ``end`` (never, where that is infinite), in the seconds of ``now``."""

    begin: float
    end: float
    fall: float
    checkpoint_seconds: float
    now: Callable[[], float] = time.monotonic
    timed: bool = field(init=False)  # whether the stage's length follows from the clock, rather than from its steps
    stopped: bool = field(default=False, init=False)  # before its time
    saved: float = field(init=False)

    def __post_init__(self) -> None:
        self.timed, self.saved = math.isfinite(self.end), self.begin

    @property
    def over(self) -> bool:
        """Whether no further step may begin."""
        return self.now() >= self.end

    def rate(self, step: int, config: OptimConfig) -> float:
        """The share of the peak rate, now, at a step (0-based)."""
        rising = min(1.0, (step + 1) / max(config.warmup, 1))
        left = max(self.end - self.now(), 0.0) / max(self.end - self.begin, 1e-9)
        return rising * (config.final + (1 - config.final) * min(1.0, left / max(self.fall, 1e-9)))

    def wants_checkpoint(self) -> bool:
        """Whether the last one is long ago; asked once for every step."""
        due = self.now() - self.saved >= self.checkpoint_seconds
        if due:
            self.saved = self.now()
        return due
