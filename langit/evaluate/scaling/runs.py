"""Runs of one recipe at several budgets and sizes, as values, and the lines through what they came to."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from langit.evaluate.figures.intervals import Rate
from langit.evaluate.scaling.fit import Fit, fit
from langit.evaluate.scaling.measures import ALL, EVERYTHING, HeldOutLoss

OWN = "as the recipe has it"  # the size of the recipe's own transformer
FRONTIER = "least loss for its FLOPs"
FACTOR = 10.0  # how much more computing is looked ahead to


@dataclass(frozen=True)
class Run:
    """One budget of one size: what it cost and what it came to. ``taken`` names a run that was there already."""

    size: str
    steps: int
    parameters: int  # of transformer and text encoder
    flops: float
    seconds: float
    clips: int  # seen in training, a clip as often as it was seen
    loss: HeldOutLoss
    rates: Mapping[str, Rate]
    curve: tuple[tuple[int, float], ...]  # smoothed training loss by step
    taken: str = ""

    @property
    def label(self) -> str:
        return f"{self.steps:,} steps" if self.size == OWN else f"{self.size}, {self.steps:,} steps"


@dataclass(frozen=True)
class Trend:
    """Lines through the runs of one size, or of those that no other beats: in log10 of FLOPs.

    ``loss`` is of log10 of the held-out loss, a power law; ``right`` of each rate's share.
    """

    name: str
    last: float  # FLOPs of the largest run
    loss: Fit
    right: Mapping[str, Fit]

    @property
    def further(self) -> float:
        """The loss at ten times the largest run's FLOPs, by the line."""
        return float(10 ** self.loss.at(math.log10(self.last * FACTOR)))

    def share_further(self, name: str) -> float:
        """A rate's share there, by the line, but no more than all and no less than none."""
        return min(1.0, max(0.0, self.right[name].at(math.log10(self.last * FACTOR))))


def tflop(flops: float) -> str:
    """FLOPs in units of 10^12, to three digits or to one."""
    return f"{flops / 1e12:,.3g}" if flops < 1e15 else f"{flops / 1e12:,.0f}"


def trends(runs: Sequence[Run]) -> tuple[Trend, ...]:
    """One for every size with several budgets, and, of several sizes, one through the runs that none beats."""
    sizes = list(dict.fromkeys(run.size for run in runs))
    groups = {size: [run for run in runs if run.size == size] for size in sizes}
    if len(sizes) > 1:
        groups[FRONTIER] = frontier(runs)
    return tuple(trend(name, some) for name, some in groups.items() if len({run.flops for run in some}) > 1)


def trend(name: str, runs: Sequence[Run]) -> Trend:
    """The lines through some runs."""
    across = [math.log10(run.flops) for run in runs]
    loss = fit(across, [math.log10(run.loss.mean) for run in runs])
    right = {key: fit(across, [run.rates[key].share for run in runs]) for key in (ALL, EVERYTHING)}
    return Trend(name, max(run.flops for run in runs), loss, right)


def frontier(runs: Sequence[Run]) -> list[Run]:
    """The runs that no other beats: none has a lower loss for as many FLOPs or fewer."""
    return [
        run
        for run in sorted(runs, key=lambda run: run.flops)
        if not any(other.flops <= run.flops and other.loss.mean < run.loss.mean for other in runs)
    ]
