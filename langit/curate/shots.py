"""Where one shot ends and the next begins, from a strided sample of each frame's luma. It knows no files.

Hard cuts are found by three tests, cheapest first; each runs only where the one before passed. Does the picture change,
and more than it has been changing? Does the distribution of its shades change? When the old frame is warped along the
optical flow onto the new one, how well do their textured blocks correlate? A few frames later, a flash is distinguished
from a cut: after a flash the old picture returns. Slow transitions are found by `gradual`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from cv2 import NORM_L1, meanStdDev, norm

from langit.curate.gradual import FadeFinder, GradualFinder, GradualSettings, GradualTransition
from langit.curate.similarity import OpticalFlow, shade_change, subsample, unlikeness

__all__ = ["LOOKAHEAD", "CutFinder", "CutSettings", "Transition", "sampled", "subsample"]

sampled = subsample  # its earlier name, which scripts outside the project import

SHADES: Final = 0.2  # weight of the change of shades in unlikeness where the picture was calm before
FLASH: Final = 5  # frames within which the old picture returns after a flash
LOOKAHEAD: Final = 10  # frames after the first of a shot by which it is known, at most
RETURN: Final = 0.8  # change from before a flash to after it, relative to the change into it, at most
ALIKE: Final = 0.45  # and unlikeness, at most


@dataclass(frozen=True)
class CutSettings:
    """What counts as a cut; chosen on tears-of-steel.webm and on films of `worlds/` (see benchmarks/r6_curation.py)."""

    least_change: float = 5.0  # mean absolute difference of luma, of 255
    rise: float = 1.25  # relative to the mean of the last two changes
    least_shades: float = 0.05  # share of pixels in another bin of the histogram
    unlike: float = 0.68  # 1 - correlation of what flow cannot explain, above which it is a cut
    calm: float = 2.5  # a rise from which the picture was calm before, so that less is a cut:
    calm_unlike: float = 0.45  # as where smooth pictures can be warped far
    shortest: int = 5  # frames between two cuts
    gradual: GradualSettings = field(default_factory=GradualSettings)


@dataclass(frozen=True)
class Transition:
    """Between two shots: ``end`` is the frame after the last of the old one, ``start`` the first of the new one.

    For a hard cut they are the same frame; the frames of a slow transition belong to neither shot.
    """

    end: int
    start: int

    @property
    def cut(self) -> int:
        """The frame where a single cut would be."""
        return (self.end + self.start) // 2


@dataclass(frozen=True)
class _Candidate:
    """A frame that may begin a shot, until it is known that the picture before it does not return."""

    number: int
    before: np.ndarray  # the last frame of the old shot
    change: float
    from_plain: bool  # it follows a plain black or white picture: then it has to be at full contrast at once


class CutFinder:
    """Is fed the sample of one frame after another; ``cuts`` are the first frames of every shot but the first."""

    def __init__(self, settings: CutSettings) -> None:
        self.settings = settings
        self.frames = 0
        self.flow = OpticalFlow()
        self.transitions: list[Transition] = []
        self._last: np.ndarray | None = None
        self._changes: deque[float] = deque(maxlen=2)
        self._deviations: deque[float] = deque(maxlen=12)
        self._candidate: _Candidate | None = None
        self._fade: GradualTransition | None = None  # becomes one if the candidate at its end is not a cut
        self._gradual = GradualFinder(settings.gradual, self.flow)
        self._fades = FadeFinder(settings.gradual)

    @property
    def candidate(self) -> int | None:
        """The frame that may begin a shot, while that is not certain."""
        return None if self._candidate is None else self._candidate.number

    @property
    def cuts(self) -> list[int]:
        """The frames of all cuts so far, also of the last, which a return of the old picture could still undo."""
        pending = [] if self._candidate is None else [self._candidate.number]
        return [transition.cut for transition in self.transitions] + pending

    def step(self, small: np.ndarray) -> None:
        """Look at the next frame, (h, w) uint8. One of another size begins a shot."""
        last, number = self._last, self.frames
        self._last = small
        self.frames += 1
        deviation = float(meanStdDev(small)[1].item())
        if last is not None and last.shape != small.shape:
            self._confirm()
            self._add(number, number)
            self._changes.clear()
        elif last is not None:
            self._look_for_cut(last, small, number, deviation)
        self._deviations.append(deviation)
        self._fade = self._fades.step(deviation) or self._fade
        slow = self._gradual.step(small)
        if self._candidate is None:
            fade, self._fade = self._fade, None
            self._take(fade or slow)

    def finish(self) -> None:
        """Signal the end of the video: a pending cut becomes final."""
        self._confirm()

    def _look_for_cut(self, last: np.ndarray, small: np.ndarray, number: int, deviation: float) -> None:
        change = norm(last, small, NORM_L1) / small.size
        usual = sum(self._changes) / len(self._changes) if self._changes else 0.0
        self._changes.append(change)
        candidate = self._candidate
        if candidate is not None:
            if self._returns(candidate, small):
                self._candidate = None
                return
            if candidate.from_plain and not self._is_full(candidate, number, deviation):
                self._candidate = None
            elif number - candidate.number >= FLASH:
                self._confirm()
            return
        settings = self.settings
        if change < settings.least_change or change < settings.rise * usual:
            return
        if self.transitions and number - self.transitions[-1].start < settings.shortest:
            return
        before = self._deviations[-1]
        plain = settings.gradual.flat
        if deviation < plain or before < plain:
            # Into black at once, from full contrast; a fade is at half of it or less before it ends.
            if deviation < plain and before < max(self._deviations) / 2:
                return
            self._candidate = _Candidate(number, last, change, before < plain)
            return
        if shade_change(last, small) < settings.least_shades:
            return
        unlike = unlikeness(last, small, self.flow)
        calm = change >= settings.calm * usual
        shades = SHADES * shade_change(last, small)
        if unlike > settings.unlike or (calm and unlike + shades > settings.calm_unlike):
            self._candidate = _Candidate(number, last, change, False)

    def _returns(self, candidate: _Candidate, small: np.ndarray) -> bool:
        """Whether the picture before a candidate is back: it was a flash, or a broken frame."""
        if norm(candidate.before, small, NORM_L1) / small.size > RETURN * candidate.change:
            return False
        plain = self.settings.gradual.flat
        if meanStdDev(small)[1].item() < plain or meanStdDev(candidate.before)[1].item() < plain:
            return norm(candidate.before, small, NORM_L1) / small.size < self.settings.least_change
        return unlikeness(candidate.before, small, self.flow) < ALIKE

    def _is_full(self, candidate: _Candidate, number: int, deviation: float) -> bool:
        """Whether a picture that followed black had its contrast at once; one that fades in doubles it in a moment."""
        return deviation < 2 * self._deviations[candidate.number - number]  # counted from the last frame's

    def _confirm(self) -> None:
        if self._candidate is not None:
            number, self._candidate, self._fade = self._candidate.number, None, None
            self._add(number, number)

    def _take(self, slow: GradualTransition | None) -> None:
        """Enter a slow transition, unless it overlaps the last cut."""
        if slow is not None and (not self.transitions or slow.end > self.transitions[-1].start):
            # What is known later than LOOKAHEAD frames after a shot's start is not looked at any more.
            start = max(slow.start, self.frames - 1 - LOOKAHEAD)
            self._add(min(slow.end, start), start)

    def _add(self, end: int, start: int) -> None:
        self.transitions.append(Transition(end, start))
        self._gradual.begin_shot(start)
