"""Training runs of one recipe at several budgets and sizes, and the trends of their results."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from langit.evaluate.figures.intervals import Rate
from langit.evaluate.scaling.fit import Fit, fit
from langit.evaluate.scaling.measures import ALL, EVERYTHING, HeldOutLoss

OWN = "as the recipe has it"  # label of the recipe's own size of transformer
FRONTIER = "least loss for its FLOPs"
FACTOR = 10.0  # how much more compute is extrapolated to


@dataclass(frozen=True)
class ScalingRun:
    """One budget of one size: its cost and its results. ``taken`` names an existing run that was reused."""

    size: str
    steps: int
    parameters: int  # of transformer and text encoder
    flops: float
    seconds: float
    clips: int  # seen in training, repetitions counted
    loss: HeldOutLoss
    rates: Mapping[str, Rate]
    curve: tuple[tuple[int, float], ...]  # smoothed training loss by step
    taken: str = ""

    @property
    def label(self) -> str:
        return f"{self.steps:,} steps" if self.size == OWN else f"{self.size}, {self.steps:,} steps"


@dataclass(frozen=True)
class Trend:
    """Lines through the runs of one size, or through the Pareto-optimal runs, over log10 of FLOPs.

    ``loss`` fits log10 of the held-out loss, a power law; ``right`` fits each rate's share.
    """

    name: str
    last: float  # FLOPs of the largest run
    loss: Fit
    right: Mapping[str, Fit]

    @property
    def further(self) -> float:
        """The extrapolated loss at ten times the FLOPs of the largest run."""
        return float(10 ** self.loss.at(math.log10(self.last * FACTOR)))

    def share_further(self, name: str) -> float:
        """Extrapolate a rate's share to the same FLOPs, clipped to between 0 and 1."""
        return min(1.0, max(0.0, self.right[name].at(math.log10(self.last * FACTOR))))


def format_tflop(flops: float) -> str:
    """Format FLOPs in units of 10^12: three significant digits below 1,000, whole numbers above."""
    return f"{flops / 1e12:,.3g}" if flops < 1e15 else f"{flops / 1e12:,.0f}"


def trends(runs: Sequence[ScalingRun]) -> tuple[Trend, ...]:
    """Fit a trend for every size with several budgets and, if there are several sizes, for the Pareto frontier."""
    sizes = list(dict.fromkeys(run.size for run in runs))
    groups = {size: [run for run in runs if run.size == size] for size in sizes}
    if len(sizes) > 1:
        groups[FRONTIER] = frontier(runs)
    return tuple(trend(name, some) for name, some in groups.items() if len({run.flops for run in some}) > 1)


def trend(name: str, runs: Sequence[ScalingRun]) -> Trend:
    """Fit lines through runs."""
    across = [math.log10(run.flops) for run in runs]
    loss = fit(across, [math.log10(run.loss.mean) for run in runs])
    right = {key: fit(across, [run.rates[key].share for run in runs]) for key in (ALL, EVERYTHING)}
    return Trend(name, max(run.flops for run in runs), loss, right)


def frontier(runs: Sequence[ScalingRun]) -> list[ScalingRun]:
    """Return the Pareto-optimal runs: no other has a lower loss for as many FLOPs or fewer."""
    return [
        run
        for run in sorted(runs, key=lambda run: run.flops)
        if not any(other.flops <= run.flops and other.loss.mean < run.loss.mean for other in runs)
    ]
