"""A report on the training runs of a recipe: cost and result of each stage as tables, curves and contact sheets.

Knows figures and files, but not where runs are stored or what a recipe is.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from langit.evaluate.figures.chart import Line, Panel, chart
from langit.evaluate.figures.table import markdown_table
from langit.evaluate.scaling.runs import format_tflop
from langit.files import atomic_write

DONE, UNDER_WAY, ABSENT, OTHER = "done", "running", "not started", "of another recipe"
_HEAD = ("stage", "learns", "steps", "clips seen", "different", "seconds", "TFLOP", "loss", "state")


@dataclass(frozen=True)
class StageRun:
    """A stage and the facts in its newest checkpoint. ``curve`` is the smoothed training loss by step."""

    name: str
    kind: str
    films: tuple[str, ...]  # groups, described in words
    settings: dict[str, Any]
    wanted: int  # steps that the recipe asks for
    state: str = ABSENT
    steps: int = 0
    clips: int = 0  # that were seen, repetitions counted
    different: int = 0
    seconds: float = 0.0
    flops: float = 0.0
    curve: tuple[tuple[int, float], ...] = ()
    sheet: Path | None = None  # the newest contact sheet
    held_out: tuple[tuple[float, float], ...] = ()  # noise level, loss on held-out clips with the averaged weights

    @property
    def line(self) -> tuple[str, ...]:
        if self.state in (ABSENT, OTHER):
            return (self.name, self.kind, f"0 of {self.wanted:,}", *["–"] * 5, self.state)
        steps = f"{self.steps:,}" if self.state == DONE else f"{self.steps:,} of {self.wanted:,}"
        loss = f"{self.curve[0][1]:.3f} to {self.curve[-1][1]:.3f}" if self.curve else "–"
        figures = (f"{self.clips:,}", f"{self.different:,}", f"{self.seconds:,.0f}", format_tflop(self.flops))
        return (self.name, self.kind, steps, *figures, loss, self.state)


@dataclass(frozen=True)
class RunsReport:
    """All stages of a recipe, in order."""

    recipe: str
    stages: tuple[StageRun, ...]

    def table(self) -> Table:
        """The table for a terminal, without its less important columns."""
        table = Table(title=f"{self.recipe}: stages")
        shown = [place for place, column in enumerate(_HEAD) if column not in ("learns", "different")]
        for place in shown:
            table.add_column(_HEAD[place], justify="left" if _HEAD[place] in ("stage", "state") else "right")
        for stage in self.stages:
            table.add_row(*(stage.line[place] for place in shown))
        return table

    def stage_lines(self) -> Iterator[str]:
        """Every stage in a few words."""
        for stage in self.stages:
            begun = stage.state in (DONE, UNDER_WAY)
            steps = f" {stage.steps:,} of {stage.wanted:,} steps" if begun else ""
            yield f"{stage.name} {stage.state}{steps}"

    def markdown(self) -> str:
        begun = [stage for stage in self.stages if stage.state in (DONE, UNDER_WAY)]
        seconds, flops = (sum(getattr(stage, name) for stage in begun) for name in ("seconds", "flops"))
        parts = [
            f"# Runs of {self.recipe}",
            "Each stage starts from the averaged weights of the one before it. Seconds are those of training steps"
            " only, without rendering, encoding and pictures. FLOPs are counted, forward and backward. Loss is the"
            " training loss, smoothed over about 50 steps, at the tenth step and at the last; losses of stages with"
            " different films or objectives cannot be compared.",
            markdown_table(_HEAD, [stage.line for stage in self.stages]),
            f"Total: {seconds:,.0f} s and {format_tflop(flops)} TFLOP.",
        ]
        if any(stage.curve for stage in begun):
            parts.append("![Training loss of each stage by step](curves.png)")
        for stage in self.stages:
            training = stage.settings.get("training", {})
            optim = training.get("optim", {})
            values = ", ".join(f"{name} {value}" for name, value in {**training, **optim}.items() if name != "optim")
            parts.append(f"## {stage.name}\n\nFilms: {'; '.join(stage.films)}. Settings: {values}.")
            if stage.held_out:
                levels, losses = zip(*((f"{level:.2f}", f"{loss:.4f}") for level, loss in stage.held_out), strict=True)
                table = markdown_table(("noise level", *levels), [("held-out loss", *losses)])
                parts.append(f"Loss on clips that were held out, with the averaged weights:\n\n{table}")
            if stage.sheet is not None:
                parts.append(
                    f"![Held-out clips after {stage.sheet.stem.removeprefix('sheet-')} steps]({stage.name}.png)"
                )
        return "\n\n".join(parts) + "\n"

    def json(self) -> str:
        plain = [vars(stage) | {"sheet": stage.sheet.name if stage.sheet else None} for stage in self.stages]
        return json.dumps({"recipe": self.recipe, "stages": plain}, indent=1, ensure_ascii=False) + "\n"


def write(report: RunsReport, folder: Path) -> None:
    """Write runs.md, runs.json, curves.png and STAGE.png to an existing folder, each atomically.

    A stage has a curve after ten steps, and a sheet once it has written one.
    """
    for name, text in (("runs.json", report.json()), ("runs.md", report.markdown())):
        with atomic_write(folder / name) as unfinished:
            unfinished.write_text(text, encoding="utf-8")
    drawn = [stage for stage in report.stages if stage.curve]
    if drawn:
        with atomic_write(folder / "curves.png") as unfinished:
            chart([_panel(stage) for stage in drawn], columns=3).save(unfinished)
    for stage in report.stages:
        if stage.sheet is not None:
            with atomic_write(folder / f"{stage.name}.png") as unfinished:
                shutil.copyfile(stage.sheet, unfinished)


def _panel(stage: StageRun) -> Panel:
    steps, losses = zip(*stage.curve, strict=True)
    title = f"{stage.name} ({stage.kind}): {stage.seconds / 60:,.0f} min, {format_tflop(stage.flops)} TFLOP"
    return Panel(title, "steps", "loss", (Line("training loss, smoothed", steps, losses),))


def state_of(steps: int, wanted: int, same: bool) -> str:
    """Describe a run's state; ``same`` says whether it belongs to the current recipe."""
    return OTHER if not same else DONE if steps == wanted else UNDER_WAY


def films_in_words(groups: Sequence[tuple[str, str, int, int]]) -> tuple[str, ...]:
    """Describe groups of films, each (world, size, first seed, last seed + 1)."""
    return tuple(f"{world} {size}, seeds {first:,} to {last - 1:,}" for world, size, first, last in groups)
