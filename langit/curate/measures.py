"""What can be measured of a frame's luma: sharpness, black bars, motion. It knows no files and no limits.

All functions work on stored luma (16 to 235 in most files), of one frame or two; a clip's value combines many frames.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from cv2 import CV_16S, INTER_AREA, Laplacian, meanStdDev, resize
from jaxtyping import UInt8

from langit.curate.similarity import OpticalFlow

WIDTH: Final = 400
"""Wide pictures are reduced to 400 to 800 pixels, so that small and large copies of a film measure alike."""
UNEVEN: Final = 0.2  # relative difference allowed between the bars at opposite edges
BLACK: Final = 40  # maximum luma of a bar: black is 16, and encoders add noise


@dataclass(frozen=True)
class BlackBars:
    """Black rows and columns at each edge, in pixels."""

    top: int
    bottom: int
    left: int
    right: int

    def common(self, other: BlackBars) -> BlackBars:
        """The bars that both have."""
        return BlackBars(
            min(self.top, other.top),
            min(self.bottom, other.bottom),
            min(self.left, other.left),
            min(self.right, other.right),
        )

    def crop(self, picture: np.ndarray) -> np.ndarray:
        """What lies between the bars, as a view."""
        height, width = picture.shape[:2]
        return picture[self.top : height - self.bottom, self.left : width - self.right]

    def balance(self) -> BlackBars:
        """Only bars that are about equal at opposite edges: a dark side of a scene is not a bar."""
        pairs = ((self.top, self.bottom), (self.left, self.right))
        kept = [pair if max(pair) - min(pair) <= max(2, UNEVEN * max(pair)) else (0, 0) for pair in pairs]
        return BlackBars(*kept[0], *kept[1])


NO_BARS: Final = BlackBars(0, 0, 0, 0)


@dataclass(frozen=True)
class MotionSpeeds:
    """Speeds in picture widths per second: of the camera (``whole``), and of what moves relative to it."""

    whole: float
    inside: float


def shrink_luma(luma: UInt8[np.ndarray, "H W"]) -> UInt8[np.ndarray, "h w"]:
    """Shrink a picture by a whole number to `WIDTH` to twice `WIDTH` pixels; narrower ones are returned as they are."""
    factor = luma.shape[1] // WIDTH
    if factor < 2:
        return luma
    return resize(luma, (luma.shape[1] // factor, luma.shape[0] // factor), interpolation=INTER_AREA)


def sharpness(small: UInt8[np.ndarray, "h w"]) -> float:
    """Standard deviation of the Laplacian of a reduced picture; low where nothing is in focus.

    Pech-Pacheco et al. 2000 use its square, the variance.
    """
    return float(meanStdDev(Laplacian(small, CV_16S))[1].item())


def black_bars(luma: UInt8[np.ndarray, "H W"]) -> BlackBars:
    """Measure black bars at the edges. A picture that is black everywhere has none."""
    rows = luma.max(axis=1) > BLACK
    if not rows.any():
        return NO_BARS
    columns = luma.max(axis=0) > BLACK
    top, left = int(rows.argmax()), int(columns.argmax())
    return BlackBars(top, int(rows[::-1].argmax()), left, int(columns[::-1].argmax()))


def motion(
    before: UInt8[np.ndarray, "h w"], after: UInt8[np.ndarray, "h w"], seconds: float, flow: OpticalFlow
) -> MotionSpeeds:
    """Measure motion between two strided samples of luma that lie ``seconds`` apart.

    The median of the flow is the camera's motion; what remains is the motion of things.
    """
    if after.shape != before.shape or seconds <= 0:
        return MotionSpeeds(0.0, 0.0)
    vectors = flow.between(after, before)[::3, ::3].reshape(-1, 2)
    camera = np.sort(vectors, axis=0)[len(vectors) // 2]  # a sort: np.median takes as long as the flow itself
    inside = np.sqrt(((vectors - camera) ** 2).sum(axis=1)).mean()
    scale = after.shape[1] * seconds
    return MotionSpeeds(float(np.hypot(*camera)) / scale, float(inside) / scale)
