"""Flashes that can harm photosensitive viewers: general and red ones, more than three within a second, large enough.

The measure is WCAG 2.2's (success criterion 2.3.1, definition of "general flash and red flash thresholds"), whose tenth
of the largest relative luminance is ITU-R BT.1702's 20 cd/m² on a screen of 200. A flash is a pair of opposing changes
of a place. Frames are read one by one; what is kept are some numbers for each of at most CELLS x CELLS places.

Knows nothing of what frames show, nor of patterns (stripes that do not flash), which BT.1702 warns of too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8

CELLS = 48
"""Places along the longer side, at most: larger frames are averaged to this."""
MOST = 3
"""Flashes within a second that are harmless."""
_STEP = 0.1  # of relative luminance, between the two states of a general flash
_BRIGHT = 0.8  # relative luminance from which on the darker state makes no flash
_RED = 0.8  # of R + G + B, linear: a saturated red
_CHROMATIC = 0.2  # in u'v' (CIE 1976), between the two states of a red flash
_FLARE = 0.005  # white light that a screen reflects: the colour of black is not red
_SAMPLES = 4  # of a block's rows and of its columns, at least, that are averaged
_AREA = 0.25  # of any field of view of 10 degrees
_FIELD = 3  # such a field is a third of a screen's width and of its height (341 x 256 of 1024 x 768)

_CODE = np.arange(256) / 255
_LINEAR = np.where(_CODE <= 0.04045, _CODE / 12.92, ((_CODE + 0.055) / 1.055) ** 2.4).astype(np.float32)
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]],
    np.float32,
)  # sRGB's primaries and D65


@dataclass(frozen=True)
class Flash:
    """More than MOST flashes within a second: of which kind, when (seconds), and on how much of a field of view."""

    kind: str
    seconds: float
    share: float


class Flashes:
    """Watches one video, frame by frame.

    Args:
        fps: frames a second. At 8 the fastest change that there can be is four flashes a second: one too many.
    """

    def __init__(self, fps: float) -> None:
        if not fps > 0:
            raise ValueError(f"{fps} frames a second are none: give more than 0")
        self.fps = fps
        self.found: dict[str, Flash] = {}
        self._seen = 0
        self._general: _Swings | None = None
        self._red: _Reds | None = None

    def see(self, frame: UInt8[np.ndarray, "H W 3"]) -> list[Flash]:
        """The next frame; returns what is found with it and was not before: one of each kind, at most.

        Raises:
            ValueError: a frame of another size than the first.
        """
        linear = _cells(frame)
        if self._general is None or self._red is None:
            within = math.ceil(self.fps)
            self._general = _Swings(linear.shape[:2], within)
            self._red = _Reds(linear.shape[:2], within)
            self._size = frame.shape
        if frame.shape != self._size:
            raise ValueError(f"a frame is {frame.shape}, the first was {self._size}: give frames of one size")
        new = []
        for kind, flashing in (("general", self._general.see(linear @ _LUMINANCE)), ("red", self._red.see(linear))):
            share = _largest(flashing)
            if share > _AREA and kind not in self.found:
                self.found[kind] = Flash(kind, self._seen / self.fps, share)
                new.append(self.found[kind])
        self._seen += 1
        return new


class _Counted:
    """Changes of each place over the last second."""

    def __init__(self, shape: tuple[int, ...], within: int) -> None:
        self._ring = np.zeros((within, *shape), bool)
        self._count = np.zeros(shape, np.int32)
        self._place = 0

    def add(self, changed: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
        """The next frame's changes; returns where there were more than MOST pairs of them within a second."""
        self._count += changed.astype(np.int32) - self._ring[self._place]
        self._ring[self._place] = changed
        self._place = (self._place + 1) % len(self._ring)
        return self._count >= 2 * (MOST + 1)


class _Swings:
    """Opposing changes of relative luminance by _STEP, however many frames one takes."""

    def __init__(self, shape: tuple[int, ...], within: int) -> None:
        self._counted = _Counted(shape, within)
        self._low = np.full(shape, np.inf, np.float32)
        self._high = np.full(shape, -np.inf, np.float32)
        self._way = np.zeros(shape, np.int8)

    def see(self, luminance: Float[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
        self._low, self._high = np.minimum(self._low, luminance), np.maximum(self._high, luminance)
        up = (self._way != 1) & (luminance - self._low >= _STEP) & (self._low < _BRIGHT)
        down = (self._way != -1) & (self._high - luminance >= _STEP) & (luminance < _BRIGHT) & ~up
        changed = up | down
        self._way = np.where(up, 1, np.where(down, -1, self._way)).astype(np.int8)
        self._low = np.where(changed, luminance, self._low)
        self._high = np.where(changed, luminance, self._high)
        return self._counted.add(changed)


class _Reds:
    """Opposing changes to and from a saturated red."""

    def __init__(self, shape: tuple[int, ...], within: int) -> None:
        self._counted = _Counted(shape, within)
        self._uv: np.ndarray | None = None
        self._red = np.zeros(shape, bool)
        self._near = np.zeros(shape, np.float32)
        self._way = np.zeros(shape, np.int8)

    def see(self, linear: Float[np.ndarray, "h w 3"]) -> Bool[np.ndarray, "h w"]:
        lit = linear + _FLARE
        red = lit[..., 0] / lit.sum(-1) >= _RED
        uv = _chromaticity(lit)
        near = -_length(uv - _PURE)
        if self._uv is None:
            self._uv, self._red, self._near = uv, red, near
        far = (_length(uv - self._uv) > _CHROMATIC) & (red | self._red)
        way = np.where(near > self._near, 1, -1)
        changed = far & (way != self._way)
        self._way = np.where(changed, way, self._way).astype(np.int8)
        # What it was before the next change is the extreme in the way it goes: the reddest, or the least red.
        further = changed | ((self._way == 1) & (near > self._near)) | ((self._way == -1) & (near < self._near))
        self._uv = np.where(further[..., None], uv, self._uv)
        self._red, self._near = np.where(further, red, self._red), np.where(further, near, self._near)
        return self._counted.add(changed)


def _length(vectors: np.ndarray) -> np.ndarray:
    """Euclidean, of (..., 2)."""
    length: np.ndarray = np.hypot(vectors[..., 0], vectors[..., 1])
    return length


def _chromaticity(linear: np.ndarray) -> np.ndarray:
    """CIE 1976 u' and v' of linear RGB, (..., 3) to (..., 2)."""
    x, y, z = np.moveaxis(linear @ _XYZ.T, -1, 0)
    found: np.ndarray = np.stack((4 * x, 9 * y), -1) / (x + 15 * y + 3 * z)[..., None]
    return found


_PURE = _chromaticity(np.array([1, 0, 0], np.float32))


def _cells(frame: UInt8[np.ndarray, "H W 3"]) -> Float[np.ndarray, "h w 3"]:
    """Linear light, averaged over samples of blocks; rows and columns that fill no block are left out."""
    stride = max(1, max(frame.shape[:2]) // (CELLS * _SAMPLES))
    sampled = frame[::stride, ::stride]
    block = math.ceil(max(sampled.shape[:2]) / CELLS)
    rows, columns = (max(1, side // block) for side in sampled.shape[:2])
    whole: np.ndarray = _LINEAR[sampled[: rows * block, : columns * block]]
    if block > 1:
        whole = whole.reshape(rows, whole.shape[0] // rows, columns, whole.shape[1] // columns, 3).mean((1, 3))
    return whole


def _largest(flashing: Bool[np.ndarray, "h w"]) -> float:
    """The largest share of any field of view that is flashing."""
    if not flashing.any():
        return 0.0
    rows, columns = (math.ceil(side / _FIELD) for side in flashing.shape)
    sums = np.pad(flashing.astype(np.int32).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    inside = sums[rows:, columns:] - sums[:-rows, columns:] - sums[rows:, :-columns] + sums[:-rows, :-columns]
    return float(inside.max() / (rows * columns))
