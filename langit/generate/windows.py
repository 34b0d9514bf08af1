"""Plan the windows in which a model generates missing frames: numbers only, before anything is computed.

A span grows from the frames beside it: forwards from frames before it, backwards from frames after it, and from the
frames before towards those after it where there are both. The module knows numbers of frames, not pixels.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from langit.shapes import Compression, whole_frames

CONTEXT = 13
"""Frames before its own that a window sees: four latent frames (docs/LOG.md compares other numbers)."""
AFTER = 12
"""Frames after its own that a window sees: three latent frames."""


@dataclass(frozen=True)
class Span:
    """Missing frames from ``first`` up to but not including ``last``, with a prompt that may be empty."""

    first: int
    last: int
    prompt: str


@dataclass(frozen=True)
class SamplingWindow:
    """Frames ``begin`` to ``end`` that are sampled at once, of which ``first`` to ``last`` are kept.

    Ends are exclusive. A window may begin before frame 0 or end after the last one; what lies outside is cut off.
    """

    begin: int
    end: int
    first: int
    last: int
    prompt: str


@dataclass(frozen=True)
class WindowLimits:
    """What a model can sample at once: ``least`` to ``most`` frames, ``context`` before and ``after`` for orientation.

    Context is reduced to half of ``most``: a window that sees more than it generates would take very long.
    """

    least: int
    most: int
    compression: Compression = Compression()
    context: int = CONTEXT
    after: int = AFTER

    def __post_init__(self) -> None:
        half = self.most // 2
        # Both are rounded to whole latent frames: a latent frame is known or generated as a whole.
        object.__setattr__(self, "context", self.round_from_start(max(1, min(self.context, half))))
        object.__setattr__(self, "after", max(self.round_to_groups(min(self.after, half)), self.group))

    @property
    def group(self) -> int:
        """Frames that become one latent frame."""
        return self.round_to_groups(1, up=True)

    def round_to_groups(self, frames: int, up: bool = False) -> int:
        """The most frames up to ``frames`` (``up``: the fewest from there) that fill latent frames after the first."""
        return whole_frames(frames + 1, self.compression, up) - 1

    def round_from_start(self, frames: int, up: bool = False) -> int:
        """The same from a video's start, where the first frame is a latent frame of its own."""
        return whole_frames(frames, self.compression, up)


def plan_windows(given: Sequence[bool], spans: Sequence[Span], limits: WindowLimits) -> tuple[SamplingWindow, ...]:
    """The windows for all spans, in the order in which they are sampled.

    Args:
        given: for each frame, whether it is given.
        spans: of missing frames, in the order in which they are generated: each may look at those before.
        limits: of the model.

    Raises:
        ValueError: a span between given frames, and a model too short to see both sides.
    """
    known = list(given)
    windows: list[SamplingWindow] = []
    for span in spans:
        assert 0 <= span.first < span.last <= len(known) and not any(known[span.first : span.last])
        windows += _plan_span(known, span, limits)
        known[span.first : span.last] = [True] * (span.last - span.first)
    return tuple(windows)


def _plan_span(known: Sequence[bool], span: Span, limits: WindowLimits) -> Iterator[SamplingWindow]:
    before = _leading_known(known[: span.first][::-1])
    after = _leading_known(known[span.last :])
    tail = min(limits.round_to_groups(after), limits.after)
    if after and not tail and span.last + after == len(known):
        tail = limits.group  # too few frames for a latent frame: the canvas' last one is repeated to fill it
    if tail and before:
        return _plan_between(span, before, tail, limits)
    return _plan_backwards(span, tail, limits) if tail else _plan_forwards(span, before, limits)


def _leading_known(known: Sequence[bool]) -> int:
    """How many frames are known before the first that is not."""
    return known.index(False) if False in known else len(known)


def _even_share(need: int, room: int) -> int:
    """Frames for each window if as few windows as possible, of ``room`` each, share ``need`` frames evenly."""
    return math.ceil(need / math.ceil(need / room))


def _plan_forwards(span: Span, before: int, limits: WindowLimits) -> Iterator[SamplingWindow]:
    at = span.first
    while at < span.last:
        need = span.last - at
        context = limits.round_from_start(min(before, limits.context)) if before else 0
        room = limits.most - context
        count = min(need, limits.round_to_groups(_even_share(need, room), up=True) if before else limits.most)
        begin = at - context
        end = begin + max(limits.round_from_start(context + count, up=True), limits.least)
        yield SamplingWindow(begin, end, at, at + count, span.prompt)
        at, before = at + count, before + count


def _plan_backwards(span: Span, tail: int, limits: WindowLimits) -> Iterator[SamplingWindow]:
    at = span.last
    while at > span.first:
        need = at - span.first
        count = min(need, limits.round_from_start(_even_share(need, limits.most - tail), up=True))
        # The window begins a latent frame; what it generates before `at - count` is cut off.
        begin = min(at - limits.round_from_start(count, up=True), at + tail - limits.least)
        yield SamplingWindow(begin, at + tail, at - count, at, span.prompt)
        at, tail = at - count, min(limits.round_to_groups(tail + count), limits.after)


def _plan_between(span: Span, before: int, tail: int, limits: WindowLimits) -> Iterator[SamplingWindow]:
    """Go forwards until the rest fits into a window that sees both sides."""
    least = limits.round_from_start(2 * limits.group + 1)
    if limits.most < least:
        raise ValueError(
            f"a model of at most {limits.most} frames cannot join what lies before and after: use one that generates"
            f" {least} or more"
        )
    at = span.first
    while (sides := _visible_sides(span.last - at, before, tail, limits)) is None:
        need = span.last - at
        context = limits.round_from_start(min(before, limits.context))
        count = limits.round_to_groups(min(_even_share(need, limits.most - context), need - 1))
        begin = at - context
        yield SamplingWindow(begin, max(at + count, begin + limits.least), at, at + count, span.prompt)
        at, before = at + count, before + count
    begin, end = at - sides[0], span.last + sides[1]
    yield SamplingWindow(begin, max(end, begin + limits.least), at, span.last, span.prompt)


def _visible_sides(need: int, before: int, tail: int, limits: WindowLimits) -> tuple[int, int] | None:
    """Frames before and after that a window which generates ``need`` frames sees; None if there is no room for both.

    What comes after starts a latent frame. Where too few frames come before for that, the first of them is repeated.
    """
    context = limits.round_from_start(min(before, limits.context) + need) - need
    context += limits.group if context < 1 else 0
    while context + need + tail > limits.most:
        # Shorten the longer side first, and the tail where they are equal.
        if tail > limits.group and tail >= context:
            tail -= limits.group
        elif context > limits.group:
            context -= limits.group
        elif tail > limits.group:
            tail -= limits.group
        else:
            return None
    return context, tail
