"""Charts draw their values in the right places."""

from __future__ import annotations

import numpy as np
import pytest

from langit.evaluate.figures import chart as charts
from langit.evaluate.figures.chart import Line, Panel, chart

BLUE = (24, 92, 170)


def rows_of(panel: Panel) -> list[float]:
    """For each quarter of the picture's width with something blue, the mean row of it."""
    picture = np.asarray(chart([panel]))[: charts._GAP + charts._TOP + charts._HIGH]
    blue = (picture == BLUE).all(2)
    quarters = np.array_split(blue, 4, axis=1)
    return [float(np.nonzero(quarter)[0].mean()) for quarter in quarters if quarter.any()]


def test_more_is_higher_and_later_is_further_right() -> None:
    rising = Panel("rising", "steps", "loss", (Line("one", (1, 2, 3, 4), (1.0, 2.0, 3.0, 4.0), marked=True),))
    rows = rows_of(rising)
    assert len(rows) == 4 and rows == sorted(rows, reverse=True)


@pytest.mark.parametrize(("log", "least", "most"), [(True, 0, 2), (False, 5, 200)])
def test_a_power_law_is_straight_on_logarithmic_axes(log: bool, least: float, most: float) -> None:
    across = tuple(10.0**power for power in range(12, 17))
    law = Panel("law", "FLOPs", "loss", (Line("one", across, tuple(c**-0.2 for c in across)),), True, log)
    picture = np.asarray(chart([law]))[: charts._GAP + charts._TOP + charts._HIGH]
    rows, columns = np.nonzero((picture == BLUE).all(2))
    slope, constant = np.polyfit(columns, rows, 1)
    assert slope > 0 and least <= np.std(rows - slope * columns - constant) <= most


def test_several_panels_and_every_kind_of_line_are_drawn() -> None:
    kinds = (
        Line("points", (1e14,), (0.5,), joined=False, marked=True, around=((0.4, 0.6),)),
        Line("fit", (1e13, 1e15), (0.6, 0.45), dashed=True),
    )
    panels = [Panel("both", "FLOPs", "loss", kinds, log_across=True)] * 3
    one, three = chart(panels[:1]), chart(panels)
    assert three.width > 1.9 * one.width and three.height > 1.9 * one.height
    assert np.asarray(three).std() > 5


@pytest.mark.parametrize("flat", [0.0, 7.0, -2.5])
def test_one_value_alone_has_an_axis_too(flat: float) -> None:
    axis = charts._axis([flat], False, "flat")
    assert axis.low < flat < axis.high and 0 < len(charts._ticks(axis)) < 12


@pytest.mark.parametrize(
    ("values", "log"), [([3e14, 4e15], True), ([0.385, 0.41], True), ([0, 1.0], False), ([5, 2e5], True)]
)
def test_axes_have_a_few_round_numbers(values: list[float], log: bool) -> None:
    ticks = charts._ticks(charts._axis(values, log, "some"))
    assert 3 <= len(ticks) <= 8 and ticks == sorted(set(ticks))
    assert len({charts._tick_label(tick) for tick in ticks}) == len(ticks)


def test_values_that_cannot_be_drawn_are_named() -> None:
    with pytest.raises(ValueError, match="at least one panel"):
        chart([])
    with pytest.raises(ValueError, match=r"empty: \[\] cannot"):
        chart([Panel("empty", "a", "b", ())])
    with pytest.raises(ValueError, match="cannot be drawn on a logarithmic axis"):
        chart([Panel("zero", "a", "b", (Line("one", (0.0, 1.0), (1.0, 1.0)),), log_across=True)])
