"""Figures in tables: shares, spreads and plain numbers under names, as JSON, Markdown and for a terminal."""

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
    """Of many numbers the mean, the median and the worst; ``unit`` goes behind them."""

    count: int
    mean: float
    median: float
    worst: float
    unit: str = ""

    def __str__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        return f"{self.median:.2f} (mean {self.mean:.2f}, worst {self.worst:.2f}){unit}" if self.count else "–"


def spread(values: Sequence[float], unit: str = "", worst_is_least: bool = False) -> Spread:
    """Mean, median and worst; the worst is the largest unless told otherwise."""
    if not values:
        return Spread(0, math.nan, math.nan, math.nan, unit)
    worst = min(values) if worst_is_least else max(values)
    return Spread(len(values), statistics.fmean(values), statistics.median(values), worst, unit)


Figure = Rate | Spread | float | str


@dataclass(frozen=True)
class Section:
    """A table: rows by name, each with a figure for every column. ``meaning`` says how to read it."""

    title: str
    meaning: str
    columns: tuple[str, ...]
    rows: Mapping[str, tuple[Figure, ...]]

    def __post_init__(self) -> None:
        for name, row in self.rows.items():
            assert len(row) == len(self.columns), f"{self.title}: {name}"

    def markdown(self) -> str:
        lines = [["", *self.columns], ["---"] * (len(self.columns) + 1)]
        lines += [[name, *map(said, row)] for name, row in self.rows.items()]
        table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
        return f"## {self.title}\n\n{self.meaning}\n\n{table}"

    def table(self) -> Table:
        """For a terminal."""
        table = Table(title=self.title)
        table.add_column("")
        for column in self.columns:
            table.add_column(column, justify="right")
        for name, row in self.rows.items():
            table.add_row(name, *map(said, row))
        return table

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        rows = {
            name: {column: _plain(figure) for column, figure in zip(self.columns, row, strict=True)}
            for name, row in self.rows.items()
        }
        return {"title": self.title, "meaning": self.meaning, "rows": rows}


def said(figure: Figure) -> str:
    return ("–" if math.isnan(figure) else f"{figure:.2f}") if isinstance(figure, float) else str(figure)


def _plain(figure: Figure) -> Any:
    if isinstance(figure, Rate):
        low, high = figure.interval
        return {"right": figure.right, "of": figure.of, "low": round(low, 4), "high": round(high, 4)}
    if isinstance(figure, Spread):
        numbers = {"mean": figure.mean, "median": figure.median, "worst": figure.worst}
        return {"count": figure.count, **{name: _number(number) for name, number in numbers.items()}}
    return _number(figure) if isinstance(figure, float) else figure


def _number(number: float) -> float | None:
    return round(number, 4) if math.isfinite(number) else None
