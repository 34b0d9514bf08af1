"""Least-squares lines through few points, with a confidence interval of the slope. Knows only numbers.

A power law is a straight line in logarithms. It has no floor, although every loss has one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Fit:
    """``up = constant + slope * across``; the slope's 95% interval is infinite for two points."""

    slope: float
    low: float
    high: float
    constant: float
    points: int

    def at(self, across: float) -> float:
        return self.constant + self.slope * across


def fit(across: Sequence[float], up: Sequence[float]) -> Fit:
    """Fit a line by least squares, with the slope's interval by Student's t.

    The interval assumes that the line is true and that all points deviate from it by noise of equal variance.

    Raises:
        ValueError: there are fewer than two different values of ``across``.
    """
    if len(set(across)) < 2:
        raise ValueError(f"no line can be fitted to points at {sorted(set(across))}: use at least two different values")
    x, y = np.asarray(across, dtype=np.float64), np.asarray(up, dtype=np.float64)
    spread = float(((x - x.mean()) ** 2).sum())
    slope = float(((x - x.mean()) * (y - y.mean())).sum()) / spread
    constant = float(y.mean()) - slope * float(x.mean())
    free = len(x) - 2
    half = math.inf
    if free:
        residual = float(((y - constant - slope * x) ** 2).sum())
        half = student_95(free) * math.sqrt(residual / free / spread)
    return Fit(slope, slope - half, slope + half, constant, len(x))


def student_95(freedom: int) -> float:
    """Return the two-sided 95% quantile of Student's t with that many degrees of freedom, to 5 digits.

    With t = sqrt(freedom) tan(angle) the density is cos(angle) ** (freedom - 1), over a finite range of angles,
    so the trapezoidal rule integrates it.
    """
    angles = np.linspace(0.0, math.pi / 2, 20_001)
    density = np.cos(angles) ** (freedom - 1)
    cumulative = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2)])
    return math.sqrt(freedom) * math.tan(float(np.interp(0.95, cumulative / cumulative[-1], angles)))
