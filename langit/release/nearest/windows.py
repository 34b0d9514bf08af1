"""A video in windows of two seconds, nine frames each, at the size that the autoencoder knows; in constant memory.

Windows are taken by time, whatever the video's rate. Knows nothing of what is made of them.
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
"""Frames of a window to a second: half of what films have. Likeness is seen as well, at half the work."""
FRAMES: Final = 9
SPAN: Final = FRAMES - 1
STORED_STEP: Final = 8
"""Sampled frames from one stored window to the next."""
ASKED_STEP: Final = 4
"""... and from one window that is looked for to the next: no stored one is further away than half a second."""
AREA: Final = 64 * 64
"""Pixels of a frame, about: what is larger is made smaller."""
SLACK: Final = 1.5


@dataclass(frozen=True, eq=False)
class Window:
    """``start`` in seconds; ``seen`` of the frames are the video's, the rest repeat its last one."""

    start: float
    frames: UInt8[np.ndarray, "9 H W 3"]
    seen: int

    @property
    def whole(self) -> bool:
        """Whether there is motion of the full length to compare."""
        return self.seen == FRAMES


def sampled(frames: Iterable[ArrayLike], fps: float) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
    """Of each moment of the windows' rate the frame that is shown then, fitted."""
    wanted = 0
    for number, frame in enumerate(frames):
        # A hair of slack: 1/8 s twice is 1/4 s, whatever floating point says.
        while wanted / RATE < (number + 1) / fps - 1e-6:
            if wanted / RATE >= number / fps - 1e-6:
                yield fitted(np.asarray(frame))
            wanted += 1


def windows(frames: Iterable[ArrayLike], fps: float, step: int = ASKED_STEP) -> Iterator[Window]:
    """The windows of a video, the last one flush with its end. A shorter video is one window, held at its last frame.

    Raises:
        ValueError: no frames, or a rate that is not positive.
    """
    if not fps > 0:
        raise ValueError(f"{fps} frames a second is no rate: give a number above 0")
    kept: list[np.ndarray] = []
    number, done = 0, 0  # frames sampled, end of the last window
    for number, frame in enumerate(sampled(frames, fps), start=1):
        kept = [*kept, frame][-FRAMES:]
        if number >= FRAMES and (number - FRAMES) % step == 0:
            done = number
            yield Window((number - FRAMES) / RATE, np.stack(kept), FRAMES)
    if not number:
        raise ValueError("a video of no frames is similar to nothing: give at least one")
    if done < number:
        seen = len(kept)
        held = [*kept, *([kept[-1]] * (FRAMES - seen))]
        yield Window(max(0, number - FRAMES) / RATE, np.stack(held), seen)


def fitted(frame: UInt8[np.ndarray, "H W 3"], cell: int = 8) -> UInt8[np.ndarray, "h w 3"]:
    """A frame whose sides are multiples of ``cell`` and whose area is about that of 64x64, its shape nearly kept.

    One that has such sides already, and is not much larger, stays as it is.
    """
    height, width = frame.shape[:2]
    if height % cell == 0 and width % cell == 0 and height * width <= SLACK * AREA and min(height, width) >= 2 * cell:
        return frame
    scale = (AREA / (height * width)) ** 0.5
    size = tuple(max(2, round(side * scale / cell)) * cell for side in (width, height))
    return np.asarray(Image.fromarray(np.ascontiguousarray(frame)).resize(size, Image.Resampling.BOX, reducing_gap=3))
