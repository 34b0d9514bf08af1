"""Transitions that take many frames: dissolves, wipes, and fades through black or white.

A dissolve or a wipe: the pictures at the ends of a window differ as pictures of two shots do, and around each end
little changes. A moving camera can do the same, so the course between them has to fit as well. In a dissolve every
picture is a mixture of both ends, and mixing two unrelated pictures weakens their texture (Alattar 1993 uses the same
of variance). In a wipe every place shows either the old picture or the new one. A fade: contrast falls by degrees to
nothing and rises by degrees again.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

import numpy as np
from cv2 import INTER_AREA, resize
from jaxtyping import Float32

from langit.curate.similarity import OpticalFlow, texture, unlikeness

WINDOWS: Final = (16, 24, 40)  # frames; a transition needs one that is longer than it is
SIDE: Final = 8  # frames at each end in which little may change
HOP: Final = 4  # frames from one search to the next
THUMB: Final = (16, 9)  # size of the blurred picture on which a transition's course is followed
CELLS: Final = THUMB[0] * THUMB[1]
MEMORY: Final = max(WINDOWS) + SIDE + 1  # frames
FADE_MEMORY: Final = 12  # frames within which contrast must have been twice as high before a fade ends in black


@dataclass(frozen=True)
class GradualSettings:
    """What counts as a dissolve, a wipe or a fade; benchmarks/cuts.py says on which films this was chosen.

    Distances of blurred pictures are squared, and relative to that of the window's ends.
    """

    least_change: float = 6.0  # root mean square difference of the ends' blurred pictures, of 255
    unlike: float = 0.68  # minimum unlikeness of the ends
    rise: float = 1.15  # minimum unlikeness over `SIDE` frames in the middle, relative to that around the ends
    side: float = 0.5  # maximum distance over `SIDE` frames at each end
    mixed: float = 0.4  # dissolve: maximum distance from the line between the ends
    dip: float = 0.85  # dissolve: maximum texture in the middle, relative to what lies between the ends'
    wipe_side: float = 0.2  # wipe: as ``side``
    either: float = 0.12  # wipe: maximum distance of each place from the nearer end; 0.06 in most real wipes
    flat: float = 3.0  # standard deviation of luma below which a picture is plain black, white or grey
    contrast: float = 12.0  # standard deviation that a shot must have had before a fade


@dataclass(frozen=True)
class GradualTransition:
    """``end`` is the frame after the last of the old shot, ``start`` the first frame of the new one."""

    end: int
    start: int


class GradualFinder:
    """Finds dissolves and wipes. Is fed every frame's sample; remembers as many as the longest window needs."""

    def __init__(self, settings: GradualSettings, flow: OpticalFlow) -> None:
        self.settings = settings
        self.flow = flow
        self._start, self._number = 0, -1
        self._samples: deque[np.ndarray] = deque(maxlen=MEMORY)
        self._textures: deque[float | None] = deque(maxlen=MEMORY)  # of the samples, once they were asked for
        # Each blurred picture is kept twice, so that the last MEMORY of them are always one slice.
        self._thumbs = np.zeros((2 * MEMORY, CELLS), np.float32)

    def begin_shot(self, start: int) -> None:
        """Look at frames from ``start`` on only: a window never spans two transitions."""
        self._start = start

    def step(self, small: np.ndarray) -> GradualTransition | None:
        """Add the next frame; return a dissolve or wipe that ended about `SIDE` frames ago."""
        self._number += 1
        self._samples.append(small)
        self._textures.append(None)
        place = self._number % MEMORY
        self._thumbs[place] = self._thumbs[place + MEMORY] = resize(small, THUMB, interpolation=INTER_AREA).ravel()
        if self._number % HOP:
            return None
        for window in WINDOWS:
            if self._number - window < self._start:
                break
            found = self._search(window)
            if found is not None:
                return found
        return None

    def _search(self, window: int) -> GradualTransition | None:
        """The transition between the two ends of a window, if there is one. The cheapest tests come first."""
        settings = self.settings
        before = max(self._start, self._number - window - SIDE)
        first = self._number - window - before  # of the window, in the rows that follow
        end_row = self._number % MEMORY + MEMORY + 1
        rows = self._thumbs[end_row - (window + first + 1) : end_row]
        way = rows[-1] - rows[first]
        square = float(way @ way)
        if square < settings.least_change**2 * CELLS:
            return None
        sides = (rows[first] - rows[0], rows[-1] - rows[-1 - SIDE])
        side = max(float(step @ step) for step in sides) / square
        if side > settings.side:
            return None
        from_old, from_new = rows[first:] - rows[first], rows[first:] - rows[-1]
        share = from_old @ way / square  # of the way from the old picture to the new one
        off_line = ((from_old - share[:, None] * way) ** 2).sum(axis=1).max() / square
        is_wipe = False
        if side <= settings.wipe_side:
            is_wipe = np.minimum(from_old**2, from_new**2).sum(axis=1).max() / square <= settings.either
        if not is_wipe and (off_line > settings.mixed or self._dip(share, window) > settings.dip):
            return None
        if not self._rises(window, before):
            return None
        return self._course(share, window)

    def _dip(self, share: Float32[np.ndarray, " n"], window: int) -> float:
        """Least texture of a picture in the middle, relative to what a picture between the ends' would have."""
        old, new = (self._texture(place) for place in (-1 - window, -1))
        middle = np.flatnonzero((share > 0.3) & (share < 0.7))
        chosen = middle[:: max(1, len(middle) // 4)]  # texture changes slowly, and four are enough to see it
        return min(
            (
                self._texture(int(place) - window - 1) / ((1 - share[place]) * old + share[place] * new)
                for place in chosen
            ),
            default=1.0,
        )

    def _texture(self, place: int) -> float:
        """The texture of a sample. Windows overlap, so each is asked for several times."""
        known = self._textures[place]
        if known is None:
            known = self._textures[place] = texture(self._samples[place])
        return known

    def _rises(self, window: int, before: int) -> bool:
        """Whether the ends are unlike, and more changes in the middle than around the ends."""
        settings = self.settings
        first = -1 - window
        if self._unlike(first, -1) < settings.unlike:
            return False
        outer = before - self._number - 1
        side = max(self._unlike(outer, first), self._unlike(-1 - SIDE, -1))
        middle = first + window // 2
        return any(
            self._unlike(place - SIDE // 2, place + SIDE // 2) >= settings.rise * side + 0.03
            for place in (middle, middle - SIDE // 2, middle + SIDE // 2)
            if place + SIDE // 2 <= -1
        )

    def _unlike(self, first: int, last: int) -> float:
        return unlikeness(self._samples[first], self._samples[last], self.flow)

    def _course(self, share: Float32[np.ndarray, " n"], window: int) -> GradualTransition:
        """Where a transition begins and ends, from how far each picture is on the way from the old to the new one."""
        middle = int(np.argmax(share >= 0.5))
        end = next((place + 1 for place in range(middle, -1, -1) if share[place] < 0.15), 1)
        start = next((place for place in range(middle, window + 1) if share[place] > 0.85), window)
        first = self._number - window
        return GradualTransition(first + min(end, start), first + start)


class FadeFinder:
    """Follows the contrast of frames; finds fades to a plain picture and up again, on both sides by degrees."""

    def __init__(self, settings: GradualSettings) -> None:
        self.settings = settings
        self._recent: deque[float] = deque(maxlen=FADE_MEMORY)
        self._flat_since: int | None = None
        self._by_degrees = False
        self._number = -1

    def step(self, deviation: float) -> GradualTransition | None:
        """Add the next frame's standard deviation; return the plain stretch of a fade at its end.

        Whether contrast rises by degrees as well is not known at that frame; `CutFinder` waits for that.
        """
        self._number += 1
        ended = None
        if deviation < self.settings.flat:
            if self._flat_since is None:
                peak = max(self._recent, default=0.0)
                self._flat_since = self._number
                self._by_degrees = peak >= self.settings.contrast and self._recent[-1] < peak / 2
        elif self._flat_since is not None:
            if self._by_degrees:
                ended = GradualTransition(self._flat_since, self._number)
            self._flat_since = None
            self._recent.clear()
        self._recent.append(deviation)
        return ended
