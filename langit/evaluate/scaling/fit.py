"""Straight lines through few points, by least squares, and how sure one can be of their slope. Knows numbers only.

A power law is a straight line in logarithms; what it lacks is a floor that no amount of computing gets below.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Fit:
    """``up = constant + slope * across``; the slope's 95% interval is infinite where two points are all there is."""

    slope: float
    low: float
    high: float
    constant: float
    points: int

    def at(self, across: float) -> float:
        return self.constant + self.slope * across


def fit(across: Sequence[float], up: Sequence[float]) -> Fit:
    """Least squares, the slope's interval by Student's t.

    The interval takes the line to be true and the points to miss it by chance, all equally.

    Raises:
        ValueError: fewer than two different values across.
    """
    if len(set(across)) < 2:
        raise ValueError(f"a line through points at {sorted(set(across))} is no line: give two different values")
    x, y = np.asarray(across, dtype=np.float64), np.asarray(up, dtype=np.float64)
    spread = float(((x - x.mean()) ** 2).sum())
    slope = float(((x - x.mean()) * (y - y.mean())).sum()) / spread
    constant = float(y.mean()) - slope * float(x.mean())
    free = len(x) - 2
    half = math.inf
    if free:
        missed = float(((y - constant - slope * x) ** 2).sum())
        half = student_95(free) * math.sqrt(missed / free / spread)
    return Fit(slope, slope - half, slope + half, constant, len(x))


def student_95(freedom: int) -> float:
    """How many standard errors hold 95% of Student's t with that many degrees of freedom, to 5 digits.

    With t = sqrt(freedom) tan(angle) the density is cos(angle) ** (freedom - 1), over a finite range of angles.
    """
    angles = np.linspace(0.0, math.pi / 2, 20_001)
    density = np.cos(angles) ** (freedom - 1)
    held = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2)])
    return math.sqrt(freedom) * math.tan(float(np.interp(0.95, held / held[-1], angles)))
