"""Detects flashes that can harm photosensitive viewers: more than three in a second over a large enough area.

The thresholds are those of WCAG 2.2, success criterion 2.3.1, "general flash and red flash thresholds". Their tenth of
the maximum relative luminance corresponds to the 20 cd/m² of ITU-R BT.1702 on a display of 200 cd/m². A flash is a pair
of opposing changes at one place. Frames are read one by one; memory holds a few numbers for each of at most CELLS x
CELLS places.

Does not detect harmful still patterns such as stripes, of which BT.1702 warns too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8

CELLS = 48
"""Places along the longer side; larger frames are averaged down to this."""
MOST = 3
"""The number of flashes in a second that is still harmless."""
_STEP = 0.1  # of relative luminance, between the two states of a general flash
_BRIGHT = 0.8  # relative luminance: a darker state above it makes no flash
_RED = 0.8  # of R + G + B, linear: a saturated red
_CHROMATIC = 0.2  # in u'v' (CIE 1976), between the two states of a red flash
_FLARE = 0.005  # white light that a screen reflects, so that black has no hue
_SAMPLES = 4  # rows and columns of a block that are averaged, at least
_AREA = 0.25  # of any field of view of 10 degrees
_FIELD = 3  # a field of view is a third of the screen each way: WCAG's 341 x 256 of 1024 x 768

_CODE = np.arange(256) / 255
_LINEAR = np.where(_CODE <= 0.04045, _CODE / 12.92, ((_CODE + 0.055) / 1.055) ** 2.4).astype(np.float32)
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]],
    np.float32,
)  # sRGB's primaries and D65


@dataclass(frozen=True)
class Flash:
    """More than MOST flashes in a second: kind ("general", "red"), time in seconds, share of a field of view."""

    kind: str
    seconds: float
    share: float


class Flashes:
    """Examines one video frame by frame.

    Args:
        fps: frames a second. At 8, a change with every frame gives four flashes a second: one too many.
    """

    def __init__(self, fps: float) -> None:
        if not fps > 0:
            raise ValueError(f"fps is {fps}: use more than 0")
        self.fps = fps
        self.found: dict[str, Flash] = {}
        self._seen = 0
        self._general: _LuminanceChanges | None = None
        self._red: _RedChanges | None = None

    def see(self, frame: UInt8[np.ndarray, "H W 3"]) -> list[Flash]:
        """Examine the next frame; return flashes that are new with it, at most one of each kind.

        Raises:
            ValueError: the frame differs in size from the first.
        """
        linear = _average_cells(frame)
        if self._general is None or self._red is None:
            within = math.ceil(self.fps)
            self._general = _LuminanceChanges(linear.shape[:2], within)
            self._red = _RedChanges(linear.shape[:2], within)
            self._size = frame.shape
        if frame.shape != self._size:
            raise ValueError(f"a frame has the shape {frame.shape}, the first had {self._size}: use frames of one size")
        new = []
        for kind, flashing in (("general", self._general.see(linear @ _LUMINANCE)), ("red", self._red.see(linear))):
            share = _largest_share(flashing)
            if share > _AREA and kind not in self.found:
                self.found[kind] = Flash(kind, self._seen / self.fps, share)
                new.append(self.found[kind])
        self._seen += 1
        return new


class _ChangeCounter:
    """Counts the changes at each place over the last second, in a ring of frames."""

    def __init__(self, shape: tuple[int, ...], within: int) -> None:
        self._ring = np.zeros((within, *shape), bool)
        self._count = np.zeros(shape, np.int32)
        self._place = 0

    def add(self, changed: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
        """Add the next frame's changes; return the places with more than MOST pairs of changes in a second."""
        self._count += changed.astype(np.int32) - self._ring[self._place]
        self._ring[self._place] = changed
        self._place = (self._place + 1) % len(self._ring)
        return self._count >= 2 * (MOST + 1)


class _LuminanceChanges:
    """Detects opposing changes of relative luminance by _STEP, over any number of frames."""

    def __init__(self, shape: tuple[int, ...], within: int) -> None:
        self._counter = _ChangeCounter(shape, within)
        self._low = np.full(shape, np.inf, np.float32)
        self._high = np.full(shape, -np.inf, np.float32)
        self._direction = np.zeros(shape, np.int8)

    def see(self, luminance: Float[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
        self._low, self._high = np.minimum(self._low, luminance), np.maximum(self._high, luminance)
        up = (self._direction != 1) & (luminance - self._low >= _STEP) & (self._low < _BRIGHT)
        down = (self._direction != -1) & (self._high - luminance >= _STEP) & (luminance < _BRIGHT) & ~up
        changed = up | down
        self._direction = np.where(up, 1, np.where(down, -1, self._direction)).astype(np.int8)
        self._low = np.where(changed, luminance, self._low)
        self._high = np.where(changed, luminance, self._high)
        return self._counter.add(changed)


class _RedChanges:
    """Detects opposing changes to and from a saturated red."""

    def __init__(self, shape: tuple[int, ...], within: int) -> None:
        self._counter = _ChangeCounter(shape, within)
        self._uv: np.ndarray | None = None
        self._red = np.zeros(shape, bool)
        self._near = np.zeros(shape, np.float32)
        self._direction = np.zeros(shape, np.int8)

    def see(self, linear: Float[np.ndarray, "h w 3"]) -> Bool[np.ndarray, "h w"]:
        lit = linear + _FLARE
        red = lit[..., 0] / lit.sum(-1) >= _RED
        uv = _chromaticity(lit)
        near = -_norm(uv - _PURE)
        if self._uv is None:
            self._uv, self._red, self._near = uv, red, near
        far = (_norm(uv - self._uv) > _CHROMATIC) & (red | self._red)
        way = np.where(near > self._near, 1, -1)
        changed = far & (way != self._direction)
        self._direction = np.where(changed, way, self._direction).astype(np.int8)
        # the next change starts from the extreme of the current one: the reddest, or the least red, state
        further = (
            changed | ((self._direction == 1) & (near > self._near)) | ((self._direction == -1) & (near < self._near))
        )
        self._uv = np.where(further[..., None], uv, self._uv)
        self._red, self._near = np.where(further, red, self._red), np.where(further, near, self._near)
        return self._counter.add(changed)


def _norm(vectors: np.ndarray) -> np.ndarray:
    """Euclidean norm of (..., 2) vectors."""
    length: np.ndarray = np.hypot(vectors[..., 0], vectors[..., 1])
    return length


def _chromaticity(linear: np.ndarray) -> np.ndarray:
    """CIE 1976 u' and v' of linear RGB, (..., 3) to (..., 2)."""
    x, y, z = np.moveaxis(linear @ _XYZ.T, -1, 0)
    found: np.ndarray = np.stack((4 * x, 9 * y), -1) / (x + 15 * y + 3 * z)[..., None]
    return found


_PURE = _chromaticity(np.array([1, 0, 0], np.float32))


def _average_cells(frame: UInt8[np.ndarray, "H W 3"]) -> Float[np.ndarray, "h w 3"]:
    """Linear light, averaged over samples of blocks; rows and columns beyond the last whole block are dropped."""
    stride = max(1, max(frame.shape[:2]) // (CELLS * _SAMPLES))
    sampled = frame[::stride, ::stride]
    block = math.ceil(max(sampled.shape[:2]) / CELLS)
    rows, columns = (max(1, side // block) for side in sampled.shape[:2])
    whole: np.ndarray = _LINEAR[sampled[: rows * block, : columns * block]]
    if block > 1:
        whole = whole.reshape(rows, whole.shape[0] // rows, columns, whole.shape[1] // columns, 3).mean((1, 3))
    return whole


def _largest_share(flashing: Bool[np.ndarray, "h w"]) -> float:
    """The largest share of any field of view that flashes."""
    if not flashing.any():
        return 0.0
    rows, columns = (math.ceil(side / _FIELD) for side in flashing.shape)
    # summed-area table: the sum over any rectangle is four look-ups
    sums = np.pad(flashing.astype(np.int32).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    inside = sums[rows:, columns:] - sums[:-rows, columns:] - sums[rows:, :-columns] + sums[:-rows, :-columns]
    return float(inside.max() / (rows * columns))
