"""What can be measured of a frame's luma: how sharp it is, where black bars lie, what moves. Knows no files, no limits.

Each works on stored luma (16 to 235 in most files), and on one frame or two: what a clip is worth is decided from many.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from cv2 import CV_16S, INTER_AREA, Laplacian, meanStdDev, resize
from jaxtyping import UInt8

from langit.curate.shots import OpticalFlow

WIDTH: Final = 400
"""Pixels, once or twice which a wide picture is reduced to: figures of small and large copies of a film are alike."""
UNEVEN: Final = 0.2  # by which bars at opposite edges may differ
BLACK: Final = 40  # luma that no pixel of a bar exceeds: 16 is black, and encoders leave some noise


@dataclass(frozen=True)
class BlackBars:
    """Black rows and columns at each edge, in pixels."""

    top: int
    bottom: int
    left: int
    right: int

    def within(self, other: BlackBars) -> BlackBars:
        """The bars that both have."""
        return BlackBars(
            min(self.top, other.top),
            min(self.bottom, other.bottom),
            min(self.left, other.left),
            min(self.right, other.right),
        )

    def balanced(self) -> BlackBars:
        """Only bars that opposite edges share alike: a dark side of a scene is no bar."""
        pairs = ((self.top, self.bottom), (self.left, self.right))
        kept = [pair if max(pair) - min(pair) <= max(2, UNEVEN * max(pair)) else (0, 0) for pair in pairs]
        return BlackBars(*kept[0], *kept[1])


@dataclass(frozen=True)
class MotionSpeeds:
    """Speeds in picture widths a second: of the whole picture, and of what moves against it."""

    whole: float
    inside: float


def reduced(luma: UInt8[np.ndarray, "H W"]) -> UInt8[np.ndarray, "h w"]:
    """A picture `WIDTH` to twice `WIDTH` pixels wide, by areas of whole pixels; a narrower one as it is."""
    times = luma.shape[1] // WIDTH
    if times < 2:
        return luma
    return resize(luma, (luma.shape[1] // times, luma.shape[0] // times), interpolation=INTER_AREA)


def sharpness(small: UInt8[np.ndarray, "h w"]) -> float:
    """Standard deviation of the Laplacian of a reduced picture; it is low where nothing is in focus.

    Pech-Pacheco et al. 2000 take its square, the variance.
    """
    return float(meanStdDev(Laplacian(small, CV_16S))[1].item())


def bars(luma: UInt8[np.ndarray, "H W"]) -> BlackBars:
    """Black bars at the edges; a wholly black picture has none, for there is nothing between them."""
    rows = luma.max(axis=1) > BLACK
    if not rows.any():
        return BlackBars(0, 0, 0, 0)
    columns = luma.max(axis=0) > BLACK
    top, left = int(rows.argmax()), int(columns.argmax())
    return BlackBars(top, int(rows[::-1].argmax()), left, int(columns[::-1].argmax()))


def motion(before: UInt8[np.ndarray, "h w"], after: UInt8[np.ndarray, "h w"], seconds: float, flow: OpticalFlow) -> MotionSpeeds:
    """Motion between two strided samples of luma that lie ``seconds`` apart.

    The median of the flow is taken for the camera's, what is left for the things'.
    """
    if after.shape != before.shape or seconds <= 0:
        return MotionSpeeds(0.0, 0.0)
    vectors = flow.between(after, before)[::3, ::3].reshape(-1, 2)
    middle = np.sort(vectors, axis=0)[len(vectors) // 2]  # np.median takes as long as the flow itself
    inside = np.sqrt(((vectors - middle) ** 2).sum(axis=1)).mean()
    scale = after.shape[1] * seconds
    return MotionSpeeds(float(np.hypot(*middle)) / scale, float(inside) / scale)
