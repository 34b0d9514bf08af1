"""Run an evaluation: open a model, measure it, and write the text, numbers and pictures of the report to a folder.

Knows no measure. Each kind of evaluation (fidelity, story, abilities, physics, copying) passes a function that
measures, and gets back the report that it made.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

from PIL import Image
from rich.table import Table
from torch import Tensor

from langit.bundle import Bundle, load_bundle
from langit.device import CPU, Placement
from langit.evaluate.figures.pictures import save_animation
from langit.evaluate.figures.table import ReportTable
from langit.files import atomic_write, created_folder
from langit.generate import Model

Progress = Callable[[str, int, int], None]
"""Receives a stage's name, how much of it is done, and of how much."""

_ENLARGED = 2  # times that animations are enlarged: the shipped model's videos are 64 pixels wide


class EvaluationReport(Protocol):
    """The results of an evaluation in three forms."""

    def json(self) -> str:
        """Return all figures as a JSON document."""

    def markdown(self) -> str:
        """Return all figures as a page."""

    def table(self) -> Table:
        """Return the main figures for a terminal."""


Report = TypeVar("Report", bound=EvaluationReport)


@dataclass(frozen=True, eq=False)
class Animation:
    """Videos of one size that play side by side, ``columns`` in a row."""

    videos: Sequence[Tensor]  # each (T, H, W, 3) uint8
    columns: int


@dataclass(frozen=True, eq=False)
class ReportPictures:
    """The pictures of a report by file name without suffix: stills become PNG, animations WebP."""

    stills: Mapping[str, Image.Image]
    animations: Mapping[str, Animation] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Subject:
    """The model under evaluation and where it computes."""

    bundle: Bundle
    model: Model
    placement: Placement = CPU

    @property
    def name(self) -> str:
        return self.bundle.provenance.model

    @property
    def judges(self) -> Placement:
        """Where judges compute: on the model's device, but always in single precision, so that figures compare."""
        return Placement(self.placement.device)


@dataclass(frozen=True)
class TableReport:
    """A report that consists of tables.

    facts: the head of the JSON document, in order; the tables follow as "sections".
    introduction: paragraphs before the tables.
    summary: how many tables, from the first, are shown on a terminal; None for all.
    """

    title: str
    facts: Mapping[str, Any]
    introduction: tuple[str, ...]
    sections: tuple[ReportTable, ...]
    summary: int | None = None
    warning: str = ""  # shown under the tables on a terminal

    def json(self) -> str:
        plain = {**self.facts, "sections": [section.plain() for section in self.sections]}
        return json.dumps(plain, indent=1, ensure_ascii=False) + "\n"

    def markdown(self) -> str:
        tables = [section.markdown() for section in self.sections]
        return "\n\n".join((f"# {self.title}", *self.introduction, *tables)) + "\n"

    def table(self) -> Table:
        shown = self.sections[: self.summary]
        if len(shown) == 1 and not self.warning:
            return shown[0].table()
        grid = Table.grid()
        for section in shown:
            grid.add_row(section.table())
        if self.warning:
            grid.add_row(self.warning)
        return grid


def run_evaluation(
    model_name: str,
    measure: Callable[[Subject], tuple[Report, ReportPictures]],
    *,
    stem: str,
    folder: Path,
    changes: Sequence[str] = (),
    placement: Placement = CPU,
) -> Report:
    """Measure a model and write ``stem``.json, ``stem``.md and pictures to a folder.

    Args:
        model_name: a model's name, or a bundle's folder.
        measure: makes the report; called when the model is open and the folder is known to be writable.
        stem: file name of the report without suffix.
        folder: created if missing; files of an earlier report are replaced. If measuring fails, a folder that was
            created is removed again.
        changes: sampling settings to override, as in :meth:`langit.generate.Model.override`.
        placement: device and precision of the model and its judges.

    Raises:
        ValueError: the model does not exist or is damaged, or a change is wrong.
        OSError: the folder cannot be written.
    """
    bundle = load_bundle(model_name, placement)
    subject = Subject(bundle, Model.of(bundle).override(changes), placement)
    with created_folder(folder):
        check_writable(folder)
        report, pictures = measure(subject)
        write_report(report, pictures, stem, folder, bundle.fps)
    return report


def check_writable(folder: Path) -> None:
    """Find out before hours of measuring whether a folder can be written.

    Raises:
        OSError: no file can be created in the folder.
    """
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise OSError(f"no report can be written to {folder} ({error.strerror}): choose another folder") from error


def write_report(report: EvaluationReport, pictures: ReportPictures, stem: str, folder: Path, fps: float) -> None:
    """Write a report's files to an existing folder, each atomically; ``fps`` is the rate of animations."""
    for suffix, text in (("json", report.json()), ("md", report.markdown())):
        with atomic_write(folder / f"{stem}.{suffix}") as unfinished:
            unfinished.write_text(text, encoding="utf-8")
    for name, picture in pictures.stills.items():
        with atomic_write(folder / f"{name}.png") as unfinished:
            picture.save(unfinished)
    for name, animation in pictures.animations.items():
        with atomic_write(folder / f"{name}.webp") as unfinished:
            save_animation(animation.videos, animation.columns, _ENLARGED, fps, unfinished)
