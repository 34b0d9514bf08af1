"""The scaling report: what more training compute gives, from runs of one recipe at several budgets and sizes.

Does not know how runs are trained or measured; the results are arguments.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

import langit
from langit.evaluate.fidelity.scores import ShownVideo
from langit.evaluate.figures.table import markdown_table
from langit.evaluate.scaling.fit import Fit
from langit.evaluate.scaling.measures import ALL, EVERYTHING
from langit.evaluate.scaling.pictures import RunColumn, fit_chart, side_by_side
from langit.evaluate.scaling.runs import FACTOR, ScalingRun, Trend, format_tflop, trends
from langit.files import atomic_write

_HEAD = ("run", "steps", "parameters", "TFLOP", "seconds", "held-out loss", ALL, EVERYTHING)


@dataclass(frozen=True)
class ScaleReport:
    """Results of a recipe at several budgets."""

    recipe: str
    stage: str
    prompts: int
    seeds: int
    pixels: str
    runs: tuple[ScalingRun, ...]
    version: str = langit.__version__

    @property
    def trends(self) -> tuple[Trend, ...]:
        return trends(self.runs)

    def markdown(self) -> str:
        loss = self.runs[0].loss
        parts = [
            f"# {self.recipe} at {len(self.runs)} budgets",
            f"Langit {self.version}, stage {self.stage}, {self.pixels}. Each run is trained from scratch on the same"
            " films in the same order; schedules are stretched to its number of steps. Its averaged weights are tested."
            f" Held-out loss: squared error of the velocity on {loss.clips} clips that were never trained on, with"
            f" {loss.draws} draws of level and noise, the same for all runs; ± one standard error over clips. As the"
            " clips are the same, differences between runs are more certain than that. Fidelity:"
            f" {self.prompts} prompts of combinations that were never trained on, {self.seeds} seeds each, half English"
            " and half Indonesian, judged by the probe; in brackets 95% Wilson intervals. FLOPs are counted, forward"
            " and backward, without those of the shared autoencoder.",
            markdown_table(_HEAD, [self._line(run) for run in self.runs]),
            markdown_table(
                ("attribute", *(run.label for run in self.runs)),
                [(name, *(str(run.rates[name]) for run in self.runs)) for name in self.runs[0].rates],
            ),
            *(self._trend_text(trend) for trend in self.trends),
            *(f"{run.label}: not trained for this report, taken from {run.taken}." for run in self.runs if run.taken),
            "Pictures: scale.png (loss and fidelity against FLOPs), prompts.png (the first prompts, one column per"
            " run).",
        ]
        return "\n\n".join(parts) + "\n"

    def json(self) -> str:
        plain = {
            "recipe": self.recipe,
            "stage": self.stage,
            "version": self.version,
            "pixels": self.pixels,
            "prompts": self.prompts,
            "seeds": self.seeds,
            "runs": [_run(run) for run in self.runs],
            "trends": [_trend(trend) for trend in self.trends],
        }
        return json.dumps(plain, indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    def table(self) -> Table:
        """The runs, for a terminal."""
        table = Table(title=f"{self.recipe}, stage {self.stage}: {self.prompts} unseen prompts x {self.seeds} seeds")
        for column in _HEAD:
            table.add_column(column, justify="left" if column == _HEAD[0] else "right")
        for run in self.runs:
            table.add_row(*self._line(run))
        return table

    def _line(self, run: ScalingRun) -> tuple[str, ...]:
        return (
            run.label,
            f"{run.steps:,}",
            f"{run.parameters / 1e6:.2f}M",
            format_tflop(run.flops),
            f"{run.seconds:,.0f}",
            f"{run.loss.mean:.4f} ± {run.loss.error:.4f}",
            str(run.rates[ALL]),
            str(run.rates[EVERYTHING]),
        )

    def _trend_text(self, trend: Trend) -> str:
        loss, right = trend.loss, trend.right
        further = [f"{name} {100 * trend.share_further(name):.0f}%" for name in right]
        return (
            f"**{trend.name}**: loss = {10**loss.constant:.3g} x FLOPs^{loss.slope:.4f}, least squares in logarithms"
            f" through {loss.points} points; slope {_interval(loss, 1, 4)}. Per factor of ten:"
            f" {ALL} {100 * right[ALL].slope:+.1f} points {_interval(right[ALL], 100, 1)}, {EVERYTHING}"
            f" {100 * right[EVERYTHING].slope:+.1f} points {_interval(right[EVERYTHING], 100, 1)}. Extrapolated to ten"
            f" times the FLOPs of the largest run: loss {trend.further:.4f},"
            f" {', '.join(further)}. A line has no floor and no ceiling, but losses and rates do."
        )


def write(report: ScaleReport, shown: Sequence[Sequence[ShownVideo]], folder: Path, rows: int = 8) -> None:
    """Write scale.json, scale.md, scale.png and prompts.png to an existing folder, each atomically.

    Args:
        report: the results.
        shown: for every run, its videos of the same prompts in the same order.
        folder: an existing folder.
        rows: number of prompts in the picture.
    """
    for name, text in (("scale.json", report.json()), ("scale.md", report.markdown())):
        with atomic_write(folder / name) as unfinished:
            unfinished.write_text(text, encoding="utf-8")
    columns = [
        RunColumn(f"{run.label}, {format_tflop(run.flops)} TFLOP", tuple(one.frames for one in videos[:rows]))
        for run, videos in zip(report.runs, shown, strict=True)
    ]
    with atomic_write(folder / "prompts.png") as unfinished:
        side_by_side([one.text for one in shown[0][:rows]], columns).save(unfinished)
    with atomic_write(folder / "scale.png") as unfinished:
        fit_chart(report.runs, report.trends).save(unfinished)


def _interval(found: Fit, times: float, digits: int) -> str:
    """Format a slope's interval."""
    if not math.isfinite(found.low):
        return "(two points: no interval)"
    return f"({times * found.low:.{digits}f} to {times * found.high:.{digits}f})"


def _run(run: ScalingRun) -> dict[str, Any]:
    return vars(run) | {"loss": vars(run.loss), "rates": {name: rate.plain() for name, rate in run.rates.items()}}


def _fit(found: Fit) -> dict[str, float | None]:
    # JSON has no infinity, which is the interval of two points
    return {key: value if math.isfinite(value) else None for key, value in vars(found).items()}


def _trend(one: Trend) -> dict[str, Any]:
    right = {name: _fit(found) for name, found in one.right.items()}
    tenfold = {"flops": one.last * FACTOR, "loss": one.further} | {name: one.share_further(name) for name in right}
    return {"name": one.name, "loss": _fit(one.loss), "right": right, "extrapolated": tenfold}
