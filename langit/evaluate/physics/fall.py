"""Free fall: split a vertical track into flights between bounces, and fit each with a parabola.

Knows tracks (one number per frame, in picture heights from the top); no pixels, no prompts and no models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

TURN = 0.03  # picture heights: smaller ups and downs are noise of the tracker
DROP = 0.10  # picture heights that an object must descend to count as falling
_LEAST = 4  # the fewest points to fit the three coefficients of a parabola to


@dataclass(frozen=True)
class Flight:
    """A parabola fitted to an object's height between two contacts.

    acceleration: downwards, in picture heights per second squared.
    r2: coefficient of determination.
    off: root mean square residual, in picture heights.
    """

    acceleration: float
    r2: float
    off: float


@dataclass(frozen=True)
class Fall:
    """The first flight of a track (None if nothing fell), the flight after the first bounce, and heights.

    heights: of the drop and of each bounce, in picture heights above the lowest point.
    """

    first: Flight | None
    second: Flight | None
    heights: tuple[float, ...]

    @property
    def fell(self) -> bool:
        return self.first is not None

    @property
    def bounced(self) -> bool:
        return len(self.heights) > 1

    @property
    def ever_lower(self) -> bool:
        """Whether it bounced, each time lower than before."""
        return self.bounced and all(
            after < before for before, after in zip(self.heights, self.heights[1:], strict=False)
        )


def measure_fall(track: Sequence[float | None], fps: float) -> Fall:
    """Analyse a track of distances from the picture's top; None where the object was not seen."""
    times = np.array([at / fps for at, y in enumerate(track) if y is not None])
    down = np.array([y for y in track if y is not None])
    turns = _turns(down)
    lows = [at for at, low in turns if low]
    if not lows or down[lows[0]] - down[0] < DROP:
        return Fall(None, None, ())
    ground = max(down[at] for at in lows)
    ends = [*lows, len(down)]
    heights = [float(ground - down[0])]
    for begin, end in zip(ends, ends[1:], strict=False):
        top = float(ground - down[begin:end].min())
        # the last bounce may be cut off by the end of the video before it reaches its top
        whole = end < len(down) or down[begin:end].argmin() < end - begin - 1
        if whole and top >= TURN:
            heights.append(top)
    first = _flight(times[: lows[0]], down[: lows[0]])
    second = _flight(times[lows[0] + 1 : lows[1]], down[lows[0] + 1 : lows[1]]) if len(lows) > 1 else None
    return Fall(first, second, tuple(heights))


def _turns(down: np.ndarray) -> list[tuple[int, bool]]:
    """Return the turning points of a track that differ by at least TURN, as (index, whether it is a low point)."""
    found: list[tuple[int, bool]] = []
    best, falling = 0, True  # a fall starts at its top
    for at, y in enumerate(down):
        if (y >= down[best]) if falling else (y <= down[best]):
            best = at
        elif abs(y - down[best]) >= TURN:
            found.append((best, falling))
            best, falling = at, not falling
    return found


def _flight(times: np.ndarray, down: np.ndarray) -> Flight | None:
    """Fit a parabola by least squares; None if there are too few points or the track does not move."""
    if len(times) < _LEAST or np.ptp(down) < TURN:
        return None
    # centred times keep the fit well conditioned
    coefficients = np.polyfit(times - times.mean(), down, 2)
    residuals = down - np.polyval(coefficients, times - times.mean())
    r2 = 1 - float((residuals**2).sum() / ((down - down.mean()) ** 2).sum())
    return Flight(2 * float(coefficients[0]), r2, float(np.sqrt((residuals**2).mean())))


def in_real_range(values: Sequence[float], real: Sequence[float]) -> list[bool]:
    """Return for each value whether it lies in the middle 95% of the real values; False if there are none."""
    if not real:
        return [False for _ in values]
    low, high = np.quantile(real, (0.025, 0.975))
    return [bool(low <= value <= high) for value in values]
