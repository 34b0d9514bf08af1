"""Which windows a model makes a stretch of frames in: a plan of numbers, made before anything is computed.

A stretch grows from what is there already: onwards from frames before it, backwards from frames after it, and from the
frames before it towards those after it where there are both. It knows numbers of frames, not pixels.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from langit.shapes import Compression, whole_frames

CONTEXT = 13
"""Frames before a window's own that it is shown: four latent frames (docs/LOG.md has what other numbers do)."""
AFTER = 12
"""Frames after a window's own that it is shown: three latent frames."""


@dataclass(frozen=True)
class Stretch:
    """Frames ``first`` to ``last`` (which is not part of it) that are to be made, with a prompt that may be empty."""

    first: int
    last: int
    prompt: str


@dataclass(frozen=True)
class Window:
    """A walk over frames ``begin`` to ``end``, of which ``first`` to ``last`` are kept.

    Ends are not part of it. A window may begin before frame 0 or end after the last: what it makes there is cut off.
    """

    begin: int
    end: int
    first: int
    last: int
    prompt: str


@dataclass(frozen=True)
class Reach:
    """What a walk of a model can do: ``least`` to ``most`` frames, of which it is shown so many before and after."""

    least: int
    most: int
    compression: Compression = Compression()
    context: int = CONTEXT
    after: int = AFTER

    def __post_init__(self) -> None:
        half = self.most // 2  # a walk that is shown more than it makes would take all day
        object.__setattr__(self, "context", self.begun(max(1, min(self.context, half))))
        object.__setattr__(self, "after", max(self.groups(min(self.after, half)), self.group))

    @property
    def group(self) -> int:
        """Frames that become one latent frame."""
        return self.groups(1, up=True)

    def groups(self, frames: int, up: bool = False) -> int:
        """The most frames, of at most (``up``: the fewest, of at least) so many, that fill groups after the first."""
        return whole_frames(frames + 1, self.compression, up) - 1

    def begun(self, frames: int, up: bool = False) -> int:
        """The same where the first frame is a group of its own."""
        return whole_frames(frames, self.compression, up)


def plan(there: Sequence[bool], stretches: Sequence[Stretch], reach: Reach) -> tuple[Window, ...]:
    """The windows for stretches in the order in which they are to be made.

    Args:
        there: which frames are given.
        stretches: of frames that are not.
        reach: of the model.
    """
    known = list(there)
    windows: list[Window] = []
    for stretch in stretches:
        assert 0 <= stretch.first < stretch.last <= len(known) and not any(known[stretch.first : stretch.last])
        windows += _windows(known, stretch, reach)
        known[stretch.first : stretch.last] = [True] * (stretch.last - stretch.first)
    return tuple(windows)


def _windows(known: Sequence[bool], stretch: Stretch, reach: Reach) -> Iterator[Window]:
    before = _run(known[: stretch.first][::-1])
    after = _run(known[stretch.last :])
    tail = min(reach.groups(after), reach.after)
    if after and not tail and stretch.last + after == len(known):
        tail = reach.group  # the canvas' last frame is held to fill it
    if tail and before:
        return _between(stretch, before, tail, reach)
    return _backwards(stretch, tail, reach) if tail else _onwards(stretch, before, reach)


def _run(known: Sequence[bool]) -> int:
    """How many frames are known from the first on."""
    return known.index(False) if False in known else len(known)


def _share(need: int, room: int) -> int:
    """Of as few windows as can make ``need`` frames, ``room`` each, what one makes if all make about the same."""
    return math.ceil(need / math.ceil(need / room))


def _onwards(stretch: Stretch, before: int, reach: Reach) -> Iterator[Window]:
    at = stretch.first
    while at < stretch.last:
        need = stretch.last - at
        context = reach.begun(min(before, reach.context)) if before else 0
        make = min(need, reach.groups(_share(need, reach.most - context), up=True) if before else reach.most)
        begin = at - context
        yield Window(
            begin, begin + max(reach.begun(context + make, up=True), reach.least), at, at + make, stretch.prompt
        )
        at, before = at + make, before + make


def _backwards(stretch: Stretch, tail: int, reach: Reach) -> Iterator[Window]:
    at = stretch.last
    while at > stretch.first:
        need = at - stretch.first
        make = min(need, reach.begun(_share(need, reach.most - tail), up=True))
        begin = min(at - reach.begun(make, up=True), at + tail - reach.least)
        yield Window(begin, at + tail, at - make, at, stretch.prompt)
        at, tail = at - make, min(reach.groups(tail + make), reach.after)


def _between(stretch: Stretch, before: int, tail: int, reach: Reach) -> Iterator[Window]:
    """Onwards until the rest fits into a window that sees both sides."""
    if reach.most < reach.begun(2 * reach.group + 1):
        raise ValueError(
            f"a model of at most {reach.most} frames cannot join what lies before and after: use one that makes"
            f" {reach.begun(2 * reach.group + 1)} or more"
        )
    at = stretch.first
    while (sides := _sides(stretch.last - at, before, tail, reach)) is None:
        need = stretch.last - at
        context = reach.begun(min(before, reach.context))
        make = reach.groups(min(_share(need, reach.most - context), need - 1))
        begin = at - context
        yield Window(begin, max(at + make, begin + reach.least), at, at + make, stretch.prompt)
        at, before = at + make, before + make
    begin, end = at - sides[0], stretch.last + sides[1]
    yield Window(begin, max(end, begin + reach.least), at, stretch.last, stretch.prompt)


def _sides(need: int, before: int, tail: int, reach: Reach) -> tuple[int, int] | None:
    """Frames before and after that a window which makes ``need`` is shown; None where there is no room for both.

    What comes after begins a group. Where there are too few frames before for that, the first of them is held.
    """
    context = reach.begun(min(before, reach.context) + need) - need
    context += reach.group if context < 1 else 0
    while context + need + tail > reach.most:
        if tail > reach.group and tail >= context:
            tail -= reach.group
        elif context > reach.group:
            context -= reach.group
        elif tail > reach.group:
            tail -= reach.group
        else:
            return None
    return context, tail
