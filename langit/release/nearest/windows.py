"""Cut a video into windows of two seconds, nine frames each, at the autoencoder's size; in constant memory.

Windows are cut by time, at any frame rate. This module does not know what is computed from them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import UInt8
from numpy.typing import ArrayLike
from PIL import Image

RATE: Final = 4.0
"""Frames of a window per second: half as many as films have, which finds as much at half the cost."""
FRAMES: Final = 9
SPAN: Final = FRAMES - 1
STORED_STEP: Final = 8
"""Sampled frames from one stored window to the next."""
QUERY_STEP: Final = 4
"""Sampled frames from one query window to the next: some stored window is at most half a second away."""
AREA: Final = 64 * 64
"""Pixels of a frame, about: larger frames are made smaller."""
SLACK: Final = 1.5
EPSILON: Final = 1e-6  # seconds: twice 1/8 s must be 1/4 s in floating point too


@dataclass(frozen=True, eq=False)
class ClipWindow:
    """Nine frames from ``start`` (seconds). ``seen`` of them are the video's; the rest repeat its last frame."""

    start: float
    frames: UInt8[np.ndarray, "9 H W 3"]
    seen: int

    @property
    def whole(self) -> bool:
        """Whether the window has motion over its full length."""
        return self.seen == FRAMES


def sample_frames(frames: Iterable[ArrayLike], fps: float) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
    """Yield the frame that is shown at each tick of :data:`RATE`, resized."""
    tick = 0
    for number, frame in enumerate(frames):
        while tick / RATE < (number + 1) / fps - EPSILON:
            if tick / RATE >= number / fps - EPSILON:
                yield resize_to_cells(np.asarray(frame))
            tick += 1


def windows(frames: Iterable[ArrayLike], fps: float, step: int = QUERY_STEP) -> Iterator[ClipWindow]:
    """Yield the windows of a video; the last ends with it. A shorter video is one window that repeats its last frame.

    Raises:
        ValueError: no frames, or a rate that is not positive.
    """
    if not fps > 0:
        raise ValueError(f"{fps} frames a second is not a rate: pass a number above 0")
    recent: list[np.ndarray] = []
    number, covered = 0, 0  # frames sampled, end of the last window
    for number, frame in enumerate(sample_frames(frames, fps), start=1):
        recent = [*recent, frame][-FRAMES:]
        if number >= FRAMES and (number - FRAMES) % step == 0:
            covered = number
            yield ClipWindow((number - FRAMES) / RATE, np.stack(recent), FRAMES)
    if not number:
        raise ValueError("a video without frames cannot be compared: pass at least one")
    if covered < number:
        seen = len(recent)
        padded = [*recent, *([recent[-1]] * (FRAMES - seen))]
        yield ClipWindow(max(0, number - FRAMES) / RATE, np.stack(padded), seen)


def resize_to_cells(frame: UInt8[np.ndarray, "H W 3"], cell: int = 8) -> UInt8[np.ndarray, "h w 3"]:
    """Resize a frame so that its sides are multiples of ``cell`` and its area is about 64x64, nearly keeping its shape.

    A frame that has such sides already and is not much larger is returned as it is.
    """
    height, width = frame.shape[:2]
    if height % cell == 0 and width % cell == 0 and height * width <= SLACK * AREA and min(height, width) >= 2 * cell:
        return frame
    scale = (AREA / (height * width)) ** 0.5
    size = tuple(max(2, round(side * scale / cell)) * cell for side in (width, height))
    return np.asarray(Image.fromarray(np.ascontiguousarray(frame)).resize(size, Image.Resampling.BOX, reducing_gap=3))
