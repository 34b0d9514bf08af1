"""Is a clip worth learning from? Each rule keeps it, or drops it with a reason. Knows only what was measured."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass

from langit.curate.measures import BlackBars
from langit.curate.settings import ClipLimits


@dataclass(frozen=True)
class DropReason:
    """Why something was dropped: ``reason`` can be counted, ``detail`` is for a person."""

    stage: str
    reason: str
    detail: str


@dataclass(frozen=True)
class ClipMeasures:
    """A clip's figures, each of all its looks together."""

    seconds: float
    width: int  # of the upright frames
    height: int
    whole: float | None
    inside: float | None
    sharpness: float
    text: float | None
    bars: BlackBars

    @property
    def kept(self) -> tuple[int, int, int, int]:
        """What lies between the bars: width, height, left, top; sizes are even, as video files need them."""
        wide, high = self.width - self.bars.left - self.bars.right, self.height - self.bars.top - self.bars.bottom
        return wide - wide % 2, high - high % 2, self.bars.left, self.bars.top


def middle(values: list[float | None]) -> float | None:
    """The median of those that are there."""
    there = [value for value in values if value is not None]
    return statistics.median(there) if there else None


def length(clip: ClipMeasures, limits: ClipLimits) -> DropReason | None:
    """Long enough to show something happen."""
    if clip.seconds >= limits.seconds - 1e-6:
        return None
    return DropReason("shots", "too short", f"{clip.seconds:.2f} s, at least {limits.seconds:g} s are wanted")


def moves(clip: ClipMeasures, limits: ClipLimits) -> DropReason | None:
    """Something moves, and not so fast that nothing can be followed."""
    if clip.whole is None or clip.inside is None:
        return None
    speed = clip.whole + clip.inside
    if speed < limits.motion:
        return DropReason("motion", "still", f"{speed:.4f} picture widths a second move, at least {limits.motion:g}")
    if limits.shake and clip.whole > limits.shake:
        return DropReason(
            "motion", "shake", f"the picture moves {clip.whole:.2f} widths a second, at most {limits.shake:g}"
        )
    return None


def sharp(clip: ClipMeasures, limits: ClipLimits) -> DropReason | None:
    """Something is in focus."""
    if clip.sharpness >= limits.sharpness:
        return None
    return DropReason("sharpness", "blurred", f"sharpness {clip.sharpness:.1f}, at least {limits.sharpness:g}")


def framed(clip: ClipMeasures, limits: ClipLimits) -> DropReason | None:
    """Enough is left between black bars."""
    wide, high, _, _ = clip.kept
    bars = 1 - wide * high / max(1, clip.width * clip.height)
    if limits.bars and bars > limits.bars:
        return DropReason(
            "black bars", "mostly bars", f"black bars take {bars:.0%} of the picture, at most {limits.bars:.0%}"
        )
    if min(wide, high) < limits.side:
        return DropReason("black bars", "too small", f"{wide}x{high} pixels, at least {limits.side} a side")
    return None


def clean(clip: ClipMeasures, limits: ClipLimits) -> DropReason | None:
    """No lettering is laid over it."""
    if clip.text is None or clip.text <= limits.text:
        return None
    share = f"{clip.text:.1%} of the picture, at most {limits.text:.1%}"
    return DropReason("text overlay", "lettering", f"lettering that stands still covers {share}")


RULES: tuple[tuple[str, Callable[[ClipMeasures, ClipLimits], DropReason | None]], ...] = (
    ("shots", length),
    ("motion", moves),
    ("sharpness", sharp),
    ("black bars", framed),
    ("text overlay", clean),
)
