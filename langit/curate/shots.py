"""Where one shot ends and the next begins, from a strided sample of each frame's luma. Knows no files.

Three questions, each dearer than the one before and asked only where that one said yes. Does the picture change, and
more than it has been changing? Are its shades distributed otherwise? And, what decides: when the old frame is carried
along the optical flow onto the new one, how well do their textured blocks correlate? A pan, a shake or a flash changes
every pixel, but the old frame can be bent into the new; after a cut it cannot.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from cv2 import BORDER_REPLICATE, INTER_LINEAR, NORM_L1, DISOpticalFlow, norm, remap
from jaxtyping import Float32, UInt8

GRID: Final = 96  # columns of the strided sample, roughly: a stride is a whole number of pixels
NEW: Final[Any] = None  # what OpenCV is to write into: an array of its own
BLOCK: Final = 8  # pixels of the sample on a side
BIN: Final = 3  # bits of a shade that the histogram leaves out: 32 bins
SHADES: Final = 0.2  # what a whole change of shades adds to unlikeness where it was calm before
FLAT: Final = 4.0  # standard deviation below which a block has no texture to be compared by


@dataclass(frozen=True)
class CutSettings:
    """What counts as a cut; chosen on tears-of-steel.webm and on films of `worlds/` (see benchmarks/r6_curation.py)."""

    least_change: float = 5.0  # mean absolute difference of luma, of 255
    rise: float = 1.25  # times the mean of the last two changes
    least_shades: float = 0.05  # share of pixels in another bin of the histogram
    unlike: float = 0.68  # 1 - correlation of what flow cannot explain, above which it is a cut
    calm: float = 2.5  # a rise from which the picture was calm before: then it may be
    calm_unlike: float = 0.45  # less unlike and yet a cut, as where smooth pictures can be bent far
    shortest: int = 5  # frames between two cuts: a flash is not two


def stride_of(width: int) -> int:
    """Pixels between two samples of a frame this wide."""
    return max(1, round(width / GRID))


def sampled(luma: UInt8[np.ndarray, "H W"]) -> UInt8[np.ndarray, "h w"]:
    """Every n-th pixel of every n-th row, about `GRID` to a row."""
    step = stride_of(luma.shape[1])
    return np.ascontiguousarray(luma[step // 2 :: step, step // 2 :: step])


class CutFinder:
    """Fed the strided luma of one frame after another; ``cuts`` holds the first frame of every shot but the first."""

    def __init__(self, settings: CutSettings) -> None:
        self.settings = settings
        self.cuts: list[int] = []
        self.frames = 0
        self.flow = OpticalFlow()
        self._last: np.ndarray | None = None
        self._changes: deque[float] = deque(maxlen=2)

    def step(self, small: np.ndarray) -> None:
        """Look at the next frame, (h, w) uint8. One of another size is a cut of its own."""
        last, number = self._last, self.frames
        self._last = small
        self.frames += 1
        if last is None:
            return
        if last.shape != small.shape:
            self.cuts.append(number)
            self._changes.clear()
            return
        change = norm(last, small, NORM_L1) / small.size
        usual = sum(self._changes) / len(self._changes) if self._changes else 0.0
        self._changes.append(change)
        settings = self.settings
        if change < settings.least_change or change < settings.rise * usual:
            return
        if self.cuts and number - self.cuts[-1] < settings.shortest:
            return
        shades = shade_change(last, small)
        if shades < settings.least_shades:
            return
        unlike = unlikeness(last, small, self.flow)
        calm = change >= settings.calm * usual
        if unlike > settings.unlike or (calm and unlike + SHADES * shades > settings.calm_unlike):
            self.cuts.append(number)


def shade_change(before: UInt8[np.ndarray, "h w"], after: UInt8[np.ndarray, "h w"]) -> float:
    """Half the L1 distance of the histograms of shades: 0 alike, 1 with no shade in common."""
    counts = [np.bincount(each.ravel() >> BIN, minlength=256 >> BIN) for each in (before, after)]
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
        """For each pixel of ``after``, how far right and down to look for it in ``before``, in pixels."""
        return np.asarray(self._search.calc(after, before, NEW))


def unlikeness(before: UInt8[np.ndarray, "h w"], after: UInt8[np.ndarray, "h w"], flow: OpticalFlow) -> float:
    """1 less the mean correlation of the textured blocks of ``after`` with ``before`` carried onto it.

    Normalised correlation, so a change of exposure does not count. 0 where nothing has texture.
    """
    height, width = after.shape
    if min(height, width) < 2 * BLOCK:
        return float(norm(before, after, NORM_L1) / after.size / FLAT > 1)
    there = flow.between(after, before)
    there[..., 0] += np.arange(width, dtype=np.float32)
    there[..., 1] += np.arange(height, dtype=np.float32)[:, None]
    carried = np.asarray(remap(before, there, NEW, INTER_LINEAR, borderMode=BORDER_REPLICATE))
    one, other = _blocks(after), _blocks(carried)
    spread, other_spread = (np.sqrt((each * each).mean(axis=(1, 3))) for each in (one, other))
    textured = spread >= FLAT
    if not textured.any():
        return 0.0
    alike = (one * other).mean(axis=(1, 3)) / np.maximum(spread * other_spread, 1e-3)
    return 1.0 - float(alike[textured].mean())


def _blocks(picture: np.ndarray) -> Float32[np.ndarray, "r b c b"]:
    """A picture in square blocks, each less its mean; what is left over at the edges is left out."""
    rows, columns = picture.shape[0] // BLOCK, picture.shape[1] // BLOCK
    blocks = picture[: rows * BLOCK, : columns * BLOCK].astype(np.float32).reshape(rows, BLOCK, columns, BLOCK)
    return np.asarray(blocks - blocks.mean(axis=(1, 3), keepdims=True))


def spans(cuts: list[int], frames: int) -> list[tuple[int, int]]:
    """Shots as (first frame, number of frames), from the cuts between them."""
    edges = [0, *cuts, frames]
    return [(start, end - start) for start, end in zip(edges, edges[1:], strict=False) if end > start]
