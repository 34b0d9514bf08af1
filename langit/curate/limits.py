"""Rules that keep a clip or drop it with a reason. They know only what was measured."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass

from langit.curate.measures import BlackBars
from langit.curate.settings import ClipLimits


@dataclass(frozen=True)
class DropReason:
    """Why a file or clip was dropped: ``reason`` is a category that can be counted, ``detail`` is for people."""

    stage: str
    reason: str
    detail: str


@dataclass(frozen=True)
class ClipMeasures:
    """What was measured of a clip, combined over its sampled frames; see `measures` for the units."""

    seconds: float
    width: int  # of the upright frames
    height: int
    whole: float | None
    inside: float | None
    sharpness: float
    text: float | None
    bars: BlackBars
    still: bool = False  # a picture: it lasts no time

    @property
    def crop(self) -> tuple[int, int, int, int]:
        """The picture between the black bars: width, height, left, top. Sizes are even, as 4:2:0 video needs."""
        width, height = self.width - self.bars.left - self.bars.right, self.height - self.bars.top - self.bars.bottom
        return width - width % 2, height - height % 2, self.bars.left, self.bars.top


def median(values: list[float | None]) -> float | None:
    """The median of the values that are not None."""
    present = [value for value in values if value is not None]
    return statistics.median(present) if present else None


def check_length(clip: ClipMeasures, limits: ClipLimits) -> DropReason | None:
    """Drop clips that are too short to show something happen; of a picture nobody expects that."""
    if clip.still or clip.seconds >= limits.seconds - 1e-6:
        return None
    return DropReason("shots", "too short", f"{clip.seconds:.2f} s; at least {limits.seconds:g} s are needed")


def check_motion(clip: ClipMeasures, limits: ClipLimits) -> DropReason | None:
    """Drop clips in which nothing moves, or the camera moves too fast to follow anything."""
    if clip.whole is None or clip.inside is None:
        return None
    speed = clip.whole + clip.inside
    if speed < limits.motion:
        return DropReason("motion", "still", f"motion {speed:.4f} picture widths per second, below {limits.motion:g}")
    if limits.shake and clip.whole > limits.shake:
        return DropReason(
            "motion", "shake", f"the camera moves {clip.whole:.2f} widths per second, above {limits.shake:g}"
        )
    return None


def check_sharpness(clip: ClipMeasures, limits: ClipLimits) -> DropReason | None:
    """Drop clips in which nothing is in focus."""
    if clip.sharpness >= limits.sharpness:
        return None
    return DropReason("sharpness", "blurred", f"sharpness {clip.sharpness:.1f}, below {limits.sharpness:g}")


def check_bars(clip: ClipMeasures, limits: ClipLimits) -> DropReason | None:
    """Drop clips that have too little picture between black bars."""
    width, height, _, _ = clip.crop
    bars = 1 - width * height / max(1, clip.width * clip.height)
    if limits.bars and bars > limits.bars:
        return DropReason(
            "black bars", "mostly bars", f"black bars cover {bars:.0%} of the picture, above {limits.bars:.0%}"
        )
    if min(width, height) < limits.side:
        return DropReason("black bars", "too small", f"{width}x{height} pixels, below {limits.side} on a side")
    return None


def check_text(clip: ClipMeasures, limits: ClipLimits) -> DropReason | None:
    """Drop clips with lettering laid over the picture."""
    limit = limits.still_text if clip.still else limits.text
    if clip.text is None or clip.text <= limit:
        return None
    share = f"{clip.text:.1%} of the picture, above {limit:.1%}"
    fixed = "" if clip.still else " that does not move"
    return DropReason("text overlay", "lettering", f"lettering{fixed} covers {share}")


# In the order in which they are applied: a clip is counted under the first rule that drops it.
RULES: tuple[tuple[str, Callable[[ClipMeasures, ClipLimits], DropReason | None]], ...] = (
    ("shots", check_length),
    ("motion", check_motion),
    ("sharpness", check_sharpness),
    ("black bars", check_bars),
    ("text overlay", check_text),
)
