"""Proportions and their confidence intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass

_95 = 1.959963984540054  # standard deviations around the mean that contain 95% of a normal distribution


def wilson(right: int, of: int, deviations: float = _95) -> tuple[float, float]:
    """Return Wilson's score interval of a binomial proportion (Wilson 1927, JASA 22, p. 209).

    Raises:
        ValueError: ``right`` is negative or larger than ``of``.
    """
    if not 0 <= right <= of:
        raise ValueError(f"{right} of {of} is not a proportion: use 0 <= right <= of")
    if of == 0:
        return 0.0, 1.0
    share, squared = right / of, deviations**2
    middle = (share + squared / (2 * of)) / (1 + squared / of)
    half = deviations / (1 + squared / of) * math.sqrt(share * (1 - share) / of + squared / (4 * of * of))
    return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True)
class Rate:
    """How many of a number of judgements were right."""

    right: int
    of: int

    def __post_init__(self) -> None:
        assert 0 <= self.right <= self.of

    @property
    def share(self) -> float:
        return self.right / self.of if self.of else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """The 95% interval, as if all judgements were independent."""
        return wilson(self.right, self.of)

    def plain(self) -> dict[str, float]:
        """Return the rate as JSON stores it."""
        low, high = self.interval
        return {"right": self.right, "of": self.of, "low": round(low, 4), "high": round(high, 4)}

    def __str__(self) -> str:
        if not self.of:
            return "–"
        low, high = self.interval
        return f"{100 * self.share:.1f}% ({100 * low:.0f}–{100 * high:.0f})"


def rate(answers: list[bool]) -> Rate:
    """Count the true answers."""
    return Rate(sum(answers), len(answers))
