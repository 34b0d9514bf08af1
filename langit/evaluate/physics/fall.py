"""Does what falls fall as things fall? A vertical track is cut into flights, and each flight is fitted by a parabola.

It knows tracks, in picture heights from the top, one number a frame; no pixels, no prompts and no models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

TURN = 0.03  # picture heights: smaller ups and downs are the tracker's
DROP = 0.10  # picture heights that a thing must go down before it counts as fallen
_LEAST = 4  # points that a parabola of three numbers is fitted to


@dataclass(frozen=True)
class Flight:
    """A parabola through a thing's heights while nothing touches it.

    acceleration: downwards, in picture heights a second squared; r2: share of the track's variance that it explains;
    off: root mean square distance of the track from it, in picture heights.
    """

    acceleration: float
    r2: float
    off: float


@dataclass(frozen=True)
class Fall:
    """What a track shows: the first flight (None if nothing fell), the one after the first bounce, and heights.

    heights: of the drop and of every bounce after it, in picture heights above the lowest place.
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
        """Whether it bounced, and each time less high than before."""
        return self.bounced and all(
            after < before for before, after in zip(self.heights, self.heights[1:], strict=False)
        )


def fall_of(track: Sequence[float | None], fps: float) -> Fall:
    """Read a track of heights from the picture's top; None where nothing was seen."""
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
        whole = end < len(down) or down[begin:end].argmin() < end - begin - 1
        if whole and top >= TURN:
            heights.append(top)
    first = _flight(times[: lows[0]], down[: lows[0]])
    second = _flight(times[lows[0] + 1 : lows[1]], down[lows[0] + 1 : lows[1]]) if len(lows) > 1 else None
    return Fall(first, second, tuple(heights))


def _turns(down: np.ndarray) -> list[tuple[int, bool]]:
    """Places where a track turns by at least TURN: (where, whether it is a lowest place), by turns."""
    found: list[tuple[int, bool]] = []
    best, falling = 0, True  # a fall begins at its top
    for at, y in enumerate(down):
        if (y >= down[best]) if falling else (y <= down[best]):
            best = at
        elif abs(y - down[best]) >= TURN:
            found.append((best, falling))
            best, falling = at, not falling
    return found


def _flight(times: np.ndarray, down: np.ndarray) -> Flight | None:
    """The parabola of least squares; None of fewer points than it needs or of a track that does not move."""
    if len(times) < _LEAST or np.ptp(down) < TURN:
        return None
    numbers = np.polyfit(times - times.mean(), down, 2)
    left = down - np.polyval(numbers, times - times.mean())
    r2 = 1 - float((left**2).sum() / ((down - down.mean()) ** 2).sum())
    return Flight(2 * float(numbers[0]), r2, float(np.sqrt((left**2).mean())))


def within(values: Sequence[float], real: Sequence[float]) -> list[bool]:
    """Of each value whether it lies in the middle 95% of the real ones; never where there is no real one."""
    if not real:
        return [False for _ in values]
    low, high = np.quantile(real, (0.025, 0.975))
    return [bool(low <= value <= high) for value in values]
