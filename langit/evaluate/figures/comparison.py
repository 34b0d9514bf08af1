"""Runs beside each other: figures in one table for each stage, curves on the same axes, differences by name.

Knows figures and settings, but not where runs are stored or what a recipe is.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from langit.evaluate.figures.chart import Line, Panel, chart
from langit.evaluate.figures.runs import ABSENT, DONE, StageRun
from langit.evaluate.figures.table import markdown_table
from langit.evaluate.scaling.runs import format_tflop
from langit.files import atomic_write

HEAD = (
    "run",
    "state",
    "steps",
    "loss",
    "held out",
    "noise: little",
    "middle",
    "much",
    "seconds",
    "TFLOP",
    "clips/s",
    "MFU",
    "data wait",
)
NARROW = ("run", "state", "steps", "loss", "held out", "seconds", "clips/s", "MFU")
Values = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class StageWatch:
    """A stage of one run, with what its file of progress says. ``loss`` holds (step, loss) of the rows.

    by_level: (noise level, loss) over the last tenth of the rows.
    clips_per_second, mfu, data_wait: medians over the rows, None where the run has no such file.
    """

    run: str
    stage: StageRun
    loss: tuple[tuple[int, float], ...] = ()
    by_level: tuple[tuple[float, float], ...] = ()
    clips_per_second: float | None = None
    mfu: float | None = None
    data_wait: float | None = None

    @property
    def curve(self) -> Values:
        """The smoothed loss by step, from the checkpoint."""
        return self.stage.curve

    @property
    def line(self) -> tuple[str, ...]:
        stage = self.stage
        if stage.state == ABSENT:
            return (self.run, stage.state, f"0 of {stage.wanted:,}", *["–"] * (len(HEAD) - 3))
        thirds = (self._level_mean(low, high) for low, high in ((0, 0.3), (0.3, 0.7), (0.7, 1.0)))
        return (
            self.run,
            stage.state,
            f"{stage.steps:,}" if stage.state == DONE else f"{stage.steps:,} of {stage.wanted:,}",
            f"{self.curve[-1][1]:.4f}" if self.curve else "–",
            f"{statistics.fmean(loss for _, loss in stage.held_out):.4f}" if stage.held_out else "–",
            *("–" if mean is None else f"{mean:.3f}" for mean in thirds),
            f"{stage.seconds:,.0f}",
            format_tflop(stage.flops),
            "–" if self.clips_per_second is None else f"{self.clips_per_second:.1f}",
            "–" if self.mfu is None else f"{100 * self.mfu:.2g}%",
            "–" if self.data_wait is None else f"{self.data_wait:.1%}",
        )

    def _level_mean(self, low: float, high: float) -> float | None:
        values = [loss for level, loss in self.by_level if low <= level < high]
        return statistics.fmean(values) if values else None


@dataclass(frozen=True)
class RunsComparison:
    """Several runs, stage by stage. ``differences``: setting, and its value in each run; None where it is not set."""

    runs: tuple[str, ...]
    stages: Mapping[str, tuple[StageWatch, ...]]
    differences: Mapping[str, tuple[Any, ...]]

    def table(self) -> Table:
        """The tables for a terminal: figures of each stage, then what was set differently."""
        grid = Table.grid()
        for name, watches in self.stages.items():
            table = Table(title=name, title_justify="left")
            for column in NARROW:  # what fits on a terminal of 80 columns
                table.add_column(column, justify="left" if column in ("run", "state") else "right")
            for watch in watches:
                table.add_row(*(watch.line[HEAD.index(column)] for column in NARROW))
            grid.add_row(table)
        table = Table(title="Settings that differ", title_justify="left")
        for column in ("setting", *self.runs):
            table.add_column(column)
        for line in self._difference_lines():
            table.add_row(*line)
        grid.add_row(table if self.differences else "All settings are the same.")
        return grid

    def markdown(self) -> str:
        parts = [
            f"# {' against '.join(self.runs)}",
            "Loss is the training loss, smoothed over about 50 steps, at the last checkpoint; by noise it is the mean"
            " over the last tenth of the steps. Held out is the mean over noise levels on clips that were not learnt,"
            " with the averaged weights. Stages with other films or another objective have losses that cannot be"
            " compared. Seconds are of training steps only. Clips a second, MFU (operations of the model alone, of what"
            " matrix products reach on the machine) and the share of time that steps waited for data are medians.",
        ]
        for name, watches in self.stages.items():
            parts.append(f"## {name}\n\n{markdown_table(HEAD, [watch.line for watch in watches])}")
        if any(watch.curve for watches in self.stages.values() for watch in watches):
            parts.append("![Training loss by step and by noise level, all runs on the same axes](curves.png)")
        lines = list(self._difference_lines())
        same = "All settings are the same."
        parts.append(f"## Settings that differ\n\n{markdown_table(('setting', *self.runs), lines) if lines else same}")
        return "\n\n".join(parts) + "\n"

    def json(self) -> str:
        plain = {
            "runs": self.runs,
            "stages": {name: [_plain(watch) for watch in watches] for name, watches in self.stages.items()},
            "differences": dict(self.differences),
        }
        return json.dumps(plain, indent=1, ensure_ascii=False) + "\n"

    def _difference_lines(self) -> Iterator[tuple[str, ...]]:
        for setting, values in self.differences.items():
            yield (setting, *("–" if value is None else json.dumps(value, ensure_ascii=False) for value in values))


def _plain(watch: StageWatch) -> dict[str, Any]:
    stage = {key: value for key, value in vars(watch.stage).items() if key not in ("settings", "sheet")}
    return vars(watch) | {"stage": stage}


def settings_that_differ(configs: Sequence[Mapping[str, Any]]) -> dict[str, tuple[Any, ...]]:
    """Settings with different values, by their path as ``key=value`` changes spell it; None where one is not set."""
    flat = [dict(_flat("", config)) for config in configs]
    paths = dict.fromkeys(path for each in flat for path in each)
    values = {path: tuple(each.get(path) for each in flat) for path in paths}
    return {path: row for path, row in values.items() if any(value != row[0] for value in row[1:])}


def _flat(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    prefix = f"{path}." if path else ""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flat(f"{prefix}{key}", item)
    elif isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
        for number, item in enumerate(value):
            yield from _flat(f"{prefix}{item.get('name', number)}", item)
    else:
        yield path, value


def write_comparison(report: RunsComparison, folder: Path) -> None:
    """Write comparison.md, comparison.json and curves.png to an existing folder, each atomically."""
    for name, text in (("comparison.json", report.json()), ("comparison.md", report.markdown())):
        with atomic_write(folder / name) as unfinished:
            unfinished.write_text(text, encoding="utf-8")
    panels = [panel for name, watches in report.stages.items() for panel in _panels(name, watches)]
    if panels:
        with atomic_write(folder / "curves.png") as unfinished:
            chart(panels, columns=3).save(unfinished)


def _panels(stage: str, watches: Sequence[StageWatch]) -> Iterator[Panel]:
    kinds: tuple[tuple[str, str, Callable[[StageWatch], Values]], ...] = (
        (f"{stage}: training loss, smoothed", "steps", lambda watch: watch.curve),
        (f"{stage}: loss by noise level, at the end", "noise level", lambda watch: watch.by_level),
        (f"{stage}: the same on held-out clips", "noise level", lambda watch: watch.stage.held_out),
    )
    for title, across, pick in kinds:
        lines = []
        for number, watch in enumerate(watches):
            if values := pick(watch):
                places, losses = zip(*values, strict=True)
                lines.append(Line(watch.run, places, losses, marked=across != "steps", colour=number))
        if lines:
            yield Panel(title, across, "loss", tuple(lines))
