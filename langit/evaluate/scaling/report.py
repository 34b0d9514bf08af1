"""What more computing gives: runs of one recipe at several budgets and sizes, and the lines through them; one report.

It does not know how runs are trained or measured: whoever did so gives what was found.
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
from langit.evaluate.fidelity.scores import Shown
from langit.evaluate.figures.intervals import Rate
from langit.evaluate.scaling.fit import Fit
from langit.evaluate.scaling.measures import ALL, EVERYTHING
from langit.evaluate.scaling.pictures import Column, fit_chart, side_by_side
from langit.evaluate.scaling.runs import FACTOR, Run, Trend, tflop, trends
from langit.files import atomic_write

_HEAD = ("run", "steps", "parameters", "TFLOP", "seconds", "held-out loss", ALL, EVERYTHING)


@dataclass(frozen=True)
class ScaleReport:
    """What is known of a recipe at several budgets."""

    recipe: str
    stage: str
    prompts: int
    seeds: int
    pixels: str
    runs: tuple[Run, ...]
    version: str = langit.__version__

    @property
    def trends(self) -> tuple[Trend, ...]:
        return trends(self.runs)

    def markdown(self) -> str:
        loss = self.runs[0].loss
        parts = [
            f"# {self.recipe} at {len(self.runs)} budgets",
            f"Langit {self.version}, stage {self.stage}, {self.pixels}. Each run is trained from the beginning, on the"
            " same films in the same order; its rate falls, and things begin to weigh more, at the same shares of its"
            " steps. It is tried with its averaged weights."
            f" Held-out loss: squared error of the velocity on {loss.clips} clips that were never trained on, x"
            f" {loss.draws} draws of level and noise, the same for all; ± one standard error over clips, which are"
            " the same, so that runs differ more surely than that. Fidelity:"
            f" {self.prompts} prompts whose pairings were never trained on x {self.seeds} seeds, half English and half"
            " Indonesian, judged by the probe; in brackets 95% Wilson intervals. FLOPs are counted, forward and"
            " backward; those of the autoencoder, which all share, are not among them.",
            markdown_table(_HEAD, [self._line(run) for run in self.runs]),
            markdown_table(
                ("attribute", *(run.label for run in self.runs)),
                [(name, *(str(run.rates[name]) for run in self.runs)) for name in self.runs[0].rates],
            ),
            *(self._said(trend) for trend in self.trends),
            *(f"{run.label}: not trained for this, taken from {run.taken}." for run in self.runs if run.taken),
            "Pictures: scale.png (loss and fidelity against FLOPs), prompts.png (the first prompts, unchosen, a column"
            " for each run).",
        ]
        return "\n\n".join(parts) + "\n"

    def json(self) -> str:
        said = {
            "recipe": self.recipe,
            "stage": self.stage,
            "version": self.version,
            "pixels": self.pixels,
            "prompts": self.prompts,
            "seeds": self.seeds,
            "runs": [_run(run) for run in self.runs],
            "trends": [_trend(trend) for trend in self.trends],
        }
        return json.dumps(said, indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    def table(self) -> Table:
        """For a terminal."""
        table = Table(title=f"{self.recipe}, stage {self.stage}: {self.prompts} unseen prompts x {self.seeds} seeds")
        for column in _HEAD:
            table.add_column(column, justify="left" if column == _HEAD[0] else "right")
        for run in self.runs:
            table.add_row(*self._line(run))
        return table

    def _line(self, run: Run) -> tuple[str, ...]:
        return (
            run.label,
            f"{run.steps:,}",
            f"{run.parameters / 1e6:.2f}M",
            tflop(run.flops),
            f"{run.seconds:,.0f}",
            f"{run.loss.mean:.4f} ± {run.loss.error:.4f}",
            str(run.rates[ALL]),
            str(run.rates[EVERYTHING]),
        )

    def _said(self, trend: Trend) -> str:
        found, right = trend.loss, trend.right
        further = [f"{name} {100 * trend.share_further(name):.0f}%" for name in right]
        return (
            f"**{trend.name}**: loss = {10**found.constant:.3g} x FLOPs^{found.slope:.4f}, least squares in logarithms"
            f" through {found.points} points; slope {_interval(found, 1, 4)}. Per factor of ten:"
            f" {ALL} {100 * right[ALL].slope:+.1f} points {_interval(right[ALL], 100, 1)}, {EVERYTHING}"
            f" {100 * right[EVERYTHING].slope:+.1f} points {_interval(right[EVERYTHING], 100, 1)}. Extrapolated to ten"
            f" times the FLOPs of the largest run, which nobody has tried: loss {trend.further:.4f},"
            f" {', '.join(further)}. No line knows a floor or a ceiling, and all have one."
        )


def write(report: ScaleReport, shown: Sequence[Sequence[Shown]], folder: Path, rows: int = 8) -> None:
    """Leave scale.json, scale.md, scale.png and prompts.png in a folder, each whole or not at all.

    Args:
        report: the figures.
        shown: for every run its videos of the same prompts, in the same order.
        folder: is there.
        rows: prompts in the picture of prompts.
    """
    for name, text in (("scale.json", report.json()), ("scale.md", report.markdown())):
        with atomic_write(folder / name) as unfinished:
            unfinished.write_text(text, encoding="utf-8")
    columns = [
        Column(f"{run.label}, {tflop(run.flops)} TFLOP", tuple(one.frames for one in videos[:rows]))
        for run, videos in zip(report.runs, shown, strict=True)
    ]
    with atomic_write(folder / "prompts.png") as unfinished:
        side_by_side([one.text for one in shown[0][:rows]], columns).save(unfinished)
    with atomic_write(folder / "scale.png") as unfinished:
        fit_chart(report.runs, report.trends).save(unfinished)


def markdown_table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _interval(found: Fit, times: float, digits: int) -> str:
    """A slope's interval in words."""
    if not math.isfinite(found.low):
        return "(two points: no interval)"
    return f"({times * found.low:.{digits}f} to {times * found.high:.{digits}f})"


def _rate(found: Rate) -> dict[str, float]:
    low, high = found.interval
    return {"right": found.right, "of": found.of, "low": round(low, 4), "high": round(high, 4)}


def _run(run: Run) -> dict[str, Any]:
    return vars(run) | {"loss": vars(run.loss), "rates": {name: _rate(found) for name, found in run.rates.items()}}


def _fit(found: Fit) -> dict[str, float | None]:
    return {key: value if math.isfinite(value) else None for key, value in vars(found).items()}


def _trend(one: Trend) -> dict[str, Any]:
    right = {name: _fit(found) for name, found in one.right.items()}
    tenfold = {"flops": one.last * FACTOR, "loss": one.further} | {name: one.share_further(name) for name in right}
    return {"name": one.name, "loss": _fit(one.loss), "right": right, "extrapolated": tenfold}
