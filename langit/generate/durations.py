"""Seconds to whole frames. Nothing is rounded: a duration between two frames is refused, with the nearest that fit."""

from __future__ import annotations

import math

MAX_SECONDS = 300.0
"""The longest video that is read or generated."""
TOLERANCE = 0.05
"""Frames by which a duration may miss a whole number of them, so that 0.667 s are 16 frames at 24 a second."""


def frames_in(seconds: float, fps: float, name: str = "seconds") -> int:
    """The whole number of frames in a duration.

    Args:
        seconds: the duration.
        fps: frames a second.
        name: of the argument, for error messages.

    Raises:
        ValueError: not above 0, over MAX_SECONDS, or between two frames; the message names the nearest that fit.
    """
    if not 0 < seconds <= MAX_SECONDS:
        raise ValueError(f"{name} {seconds:g} is not a duration: use a number above 0, at most {MAX_SECONDS:g}")
    return frame_at(seconds, fps, name)


def frame_at(seconds: float, fps: float, name: str) -> int:
    """The number of the frame that starts at a time, which may be 0; see :func:`frames_in`.

    Raises:
        ValueError: below 0, over MAX_SECONDS, not a number, or between two frames.
    """
    if not 0 <= seconds <= MAX_SECONDS:
        raise ValueError(f"{name} {seconds:g} is not a time: use 0 to {MAX_SECONDS:g} s")
    frames = round(seconds * fps)
    below = math.floor(seconds * fps)
    if abs(seconds * fps - frames) > TOLERANCE or (frames == 0 and seconds > 0):
        near = f"{below / fps:.6g} or {(below + 1) / fps:.6g}" if below else f"{1 / fps:.6g}"
        raise ValueError(f"{name} {seconds:g} lies between two frames at {fps:g} a second: use {near}")
    return frames
