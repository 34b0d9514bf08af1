"""Text laid over a picture: subtitles, credits, a logo's lettering, a running clock. Knows no files, reads no words.

Lettering is strokes: steep steps of brightness close together in a row, in a band much wider than it is high, and at
the same place a second later while the picture behind it moves on. What stands still and looks like a line of text,
such as a shop's sign filmed from a tripod, is taken for an overlay as well.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from cv2 import (
    CHAIN_APPROX_SIMPLE,
    MORPH_CLOSE,
    MORPH_GRADIENT,
    MORPH_OPEN,
    MORPH_RECT,
    RETR_EXTERNAL,
    boundingRect,
    countNonZero,
    dilate,
    findContours,
    getStructuringElement,
    morphologyEx,
)
from jaxtyping import UInt8

STEEP: Final = 70  # of 255: the step from a letter to what is behind it
TALLEST: Final = 0.2  # of the picture's height
LOWEST: Final = 5  # pixels of the reduced picture
WIDER: Final = 2.0  # times as wide as high
LEAST: Final = 0.001  # share of the picture that is strokes, below which there is nothing to read
FULL: Final = 0.35  # share of a band that is strokes
_SPOT = getStructuringElement(MORPH_RECT, (3, 3))
_LINE = getStructuringElement(MORPH_RECT, (11, 3))


def strokes(reduced: UInt8[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w"]:
    """Where brightness steps steeply, 1 or 0, on a reduced picture."""
    return (morphologyEx(reduced, MORPH_GRADIENT, _SPOT) > STEEP).view(np.uint8)


def lettering(now: UInt8[np.ndarray, "h w"], earlier: UInt8[np.ndarray, "h w"] | None = None) -> float:
    """Share of the picture that bands of strokes cover; where ``earlier`` is given, strokes that were there already."""
    kept = now
    if earlier is not None and earlier.shape == now.shape:
        kept = now & dilate(earlier, _SPOT)
        kept &= dilate(morphologyEx(kept, MORPH_OPEN, _SPOT), _SPOT)
    if countNonZero(kept) < LEAST * kept.size:
        return 0.0
    bands = morphologyEx(kept, MORPH_CLOSE, _LINE)
    covered = 0
    for outline in findContours(bands, RETR_EXTERNAL, CHAIN_APPROX_SIMPLE)[0]:
        left, top, wide, high = boundingRect(outline)
        fits = LOWEST <= high <= TALLEST * now.shape[0] and wide >= WIDER * high
        if fits and countNonZero(kept[top : top + high, left : left + wide]) >= FULL * wide * high:
            covered += wide * high
    return covered / now.size
