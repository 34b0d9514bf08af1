"""Fitted lines against known ones, and Student's t against tables."""

from __future__ import annotations

import math

import numpy as np
import pytest

from langit.evaluate.scaling.fit import fit, student_95


@pytest.mark.parametrize(
    ("freedom", "known"), [(1, 12.7062), (2, 4.30265), (5, 2.57058), (30, 2.04227), (400, 1.96591)]
)
def test_student_against_the_tables(freedom: int, known: float) -> None:
    assert student_95(freedom) == pytest.approx(known, abs=2e-4)


def test_a_power_law_is_recovered() -> None:
    flops = [1e12, 3e13, 4e14, 2e15]
    found = fit([math.log10(c) for c in flops], [math.log10(7.0 * c**-0.08) for c in flops])
    assert found.slope == pytest.approx(-0.08) and 10**found.constant == pytest.approx(7.0)
    assert found.low == pytest.approx(found.high, abs=1e-9)
    assert 10 ** found.at(16) == pytest.approx(7.0 * 1e16**-0.08)


def test_the_interval_contains_the_true_slope_19_times_out_of_20() -> None:
    dice = np.random.default_rng(0)
    across = [0.0, 1.0, 2.0, 3.0]
    held = [
        f.low <= 0.5 <= f.high for f in (fit(across, 0.5 * np.array(across) + dice.normal(size=4)) for _ in range(300))
    ]
    assert 0.92 <= np.mean(held) <= 0.98


def test_two_points_give_a_line_without_an_interval() -> None:
    found = fit([1.0, 3.0], [2.0, 6.0])
    assert (found.slope, found.constant, found.points) == (2.0, 0.0, 2)
    assert (found.low, found.high) == (-math.inf, math.inf)
    with pytest.raises(ValueError, match="no line can be fitted"):
        fit([1.0, 1.0], [2.0, 3.0])
