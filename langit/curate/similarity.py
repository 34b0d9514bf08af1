"""How different two pictures of a film are: in brightness, in shades, and after motion between them is undone.

Pictures here are strided samples of luma, about 100 pixels wide. It knows no files and no thresholds of cuts.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from cv2 import BORDER_REPLICATE, INTER_AREA, INTER_LINEAR, NORM_L1, DISOpticalFlow, norm, remap, resize
from jaxtyping import Float32, UInt8

GRID: Final = 96  # columns of the strided sample, roughly: a stride is a whole number of pixels
NEW: Final[Any] = None  # the output argument of OpenCV: a new array
BLOCK: Final = 8  # side of a block, in pixels of the sample
BIN: Final = 3  # bits of a shade that the histogram ignores: 32 bins
FLAT: Final = 4.0  # standard deviation below which a block has no texture to compare


def stride_of(width: int) -> int:
    """Pixels between two samples of a frame of this width."""
    return max(1, round(width / GRID))


def subsample(luma: UInt8[np.ndarray, "H W"]) -> UInt8[np.ndarray, "h w"]:
    """Every n-th pixel of every n-th row, about `GRID` in a row."""
    step = stride_of(luma.shape[1])
    return np.ascontiguousarray(luma[step // 2 :: step, step // 2 :: step])


def shade_change(before: UInt8[np.ndarray, "h w"], after: UInt8[np.ndarray, "h w"]) -> float:
    """Half the L1 distance of the histograms of shades: 0 for the same, 1 for no shade in common."""
    counts = [np.bincount(picture.ravel() >> BIN, minlength=256 >> BIN) for picture in (before, after)]
    return float(np.abs(counts[0] - counts[1]).sum() / (2 * before.size))


class OpticalFlow:
    """Dense optical flow between two small pictures (Dense Inverse Search, Kroeger et al. 2016)."""

    def __init__(self) -> None:
        self._search = DISOpticalFlow.create(0)
        self._search.setFinestScale(1)
        self._search.setPatchSize(8)
        self._search.setPatchStride(4)
        self._search.setGradientDescentIterations(12)

    def between(self, after: np.ndarray, before: np.ndarray) -> Float32[np.ndarray, "h w 2"]:
        """For each pixel of ``after``, how far right and down it was in ``before``, in pixels."""
        return np.asarray(self._search.calc(after, before, NEW))


def unlikeness(before: UInt8[np.ndarray, "h w"], after: UInt8[np.ndarray, "h w"], flow: OpticalFlow) -> float:
    """1 minus the mean correlation of the textured blocks of ``after`` with ``before`` warped onto it.

    A pan, a shake or a change of exposure changes every pixel, but the old picture can be warped into the new one;
    after a cut it cannot. The correlation is normalised, so exposure does not count. 0 where nothing has texture.
    """
    height, width = after.shape
    if min(height, width) < 2 * BLOCK:
        return float(norm(before, after, NORM_L1) / after.size / FLAT > 1)
    target = flow.between(after, before)
    target[..., 0] += np.arange(width, dtype=np.float32)
    target[..., 1] += np.arange(height, dtype=np.float32)[:, None]
    warped = np.asarray(remap(before, target, NEW, INTER_LINEAR, borderMode=BORDER_REPLICATE))
    new, old = _whole_blocks(after), _whole_blocks(warped)
    new_mean, new_deviation = _block_statistics(new)
    old_mean, old_deviation = _block_statistics(old)
    textured = new_deviation >= FLAT
    if not textured.any():
        return 0.0
    covariance = _block_mean(new * old) - new_mean * old_mean
    correlation = covariance / np.maximum(new_deviation * old_deviation, 1e-3)
    return 1.0 - float(correlation[textured].mean())


def texture(picture: UInt8[np.ndarray, "h w"]) -> float:
    """Mean standard deviation of a picture's blocks."""
    return float(_block_statistics(_whole_blocks(picture))[1].mean())


def _whole_blocks(picture: UInt8[np.ndarray, "h w"]) -> Float32[np.ndarray, "rows columns"]:
    """The picture without what is left of a block at its edges; pictures below a block's size as they are."""
    height, width = (max(1, side // BLOCK) * BLOCK for side in picture.shape)
    return np.asarray(picture[:height, :width], np.float32)


def _block_mean(values: Float32[np.ndarray, "h w"]) -> Float32[np.ndarray, "r c"]:
    rows, columns = (max(1, side // BLOCK) for side in values.shape)
    return np.asarray(resize(values, (columns, rows), interpolation=INTER_AREA))


def _block_statistics(
    values: Float32[np.ndarray, "h w"],
) -> tuple[Float32[np.ndarray, "r c"], Float32[np.ndarray, "r c"]]:
    """Mean and standard deviation of each block."""
    mean = _block_mean(values)
    return mean, np.sqrt(np.maximum(0, _block_mean(values * values) - mean * mean))
