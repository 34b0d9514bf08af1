"""Tables of figures: proportions, spreads and plain numbers, as JSON, Markdown and for a terminal."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from langit.evaluate.figures.intervals import Rate


@dataclass(frozen=True)
class Spread:
    """Mean, median and worst of many numbers; ``unit`` is printed after them."""

    count: int
    mean: float
    median: float
    worst: float
    unit: str = ""

    def __str__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        return f"{self.median:.2f} (mean {self.mean:.2f}, worst {self.worst:.2f}){unit}" if self.count else "–"


def spread(values: Sequence[float], unit: str = "", worst_is_least: bool = False) -> Spread:
    """Summarise numbers; the worst is the largest unless ``worst_is_least``."""
    if not values:
        return Spread(0, math.nan, math.nan, math.nan, unit)
    worst = min(values) if worst_is_least else max(values)
    return Spread(len(values), statistics.fmean(values), statistics.median(values), worst, unit)


Figure = Rate | Spread | float | str


@dataclass(frozen=True)
class ReportTable:
    """A table with named rows, each with one figure per column. ``meaning`` says how to read it.

    Title, row names and column names are also the keys of the JSON document, so renaming one changes the format.
    """

    title: str
    meaning: str
    columns: tuple[str, ...]
    rows: Mapping[str, tuple[Figure, ...]]

    def __post_init__(self) -> None:
        for name, row in self.rows.items():
            assert len(row) == len(self.columns), f"{self.title}: {name}"

    def markdown(self) -> str:
        lines = [(name, *map(format_figure, row)) for name, row in self.rows.items()]
        return f"## {self.title}\n\n{self.meaning}\n\n{markdown_table(('', *self.columns), lines)}"

    def table(self) -> Table:
        """The table for a terminal."""
        table = Table(title=self.title)
        table.add_column("")
        for column in self.columns:
            table.add_column(column, justify="right")
        for name, row in self.rows.items():
            table.add_row(name, *map(format_figure, row))
        return table

    def plain(self) -> dict[str, Any]:
        """The table as JSON stores it."""
        rows = {
            name: {column: _plain(figure) for column, figure in zip(self.columns, row, strict=True)}
            for name, row in self.rows.items()
        }
        return {"title": self.title, "meaning": self.meaning, "rows": rows}


def markdown_table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Format a Markdown table."""
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def format_figure(figure: Figure) -> str:
    """Format a figure for a reader; NaN becomes a dash."""
    return ("–" if math.isnan(figure) else f"{figure:.2f}") if isinstance(figure, float) else str(figure)


def _plain(figure: Figure) -> Any:
    if isinstance(figure, Rate):
        return figure.plain()
    if isinstance(figure, Spread):
        numbers = {"mean": figure.mean, "median": figure.median, "worst": figure.worst}
        return {"count": figure.count, **{name: _finite(number) for name, number in numbers.items()}}
    return _finite(figure) if isinstance(figure, float) else figure


def _finite(number: float) -> float | None:
    # JSON has no NaN and no infinity
    return round(number, 4) if math.isfinite(number) else None
