"""Text laid over a picture: subtitles, credits, logos, running clocks. It knows no files and reads no words.

Lettering is made of strokes: steep steps of brightness, close together in a row, in a band much wider than high, that
stand at the same place a second later while the picture behind them moves. A shop sign filmed from a tripod looks the
same and is taken for an overlay as well.
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

STEEP: Final = 70  # minimum step from a letter to its background, of 255
TALLEST: Final = 0.2  # maximum height of a line of text, as a share of the picture's height
LOWEST: Final = 5  # minimum height, in pixels of the reduced picture
ASPECT: Final = 2.0  # minimum width of a line, in heights
MIN_STROKES: Final = 0.001  # share of strokes in the picture below which it is not searched
FULL: Final = 0.35  # minimum share of strokes in a line
_SPOT = getStructuringElement(MORPH_RECT, (3, 3))
_LINE = getStructuringElement(MORPH_RECT, (11, 3))  # closes the gaps between letters


def strokes(reduced: UInt8[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w"]:
    """Mark steep steps of brightness in a reduced picture with 1."""
    return (morphologyEx(reduced, MORPH_GRADIENT, _SPOT) > STEEP).view(np.uint8)


def lettering(now: UInt8[np.ndarray, "h w"], earlier: UInt8[np.ndarray, "h w"] | None = None) -> float:
    """Share of the picture that lines of text cover.

    Args:
        now: strokes of the picture.
        earlier: strokes of an earlier picture of the same shot; only strokes that were there already count.
    """
    fixed = now
    if earlier is not None and earlier.shape == now.shape:
        fixed = now & dilate(earlier, _SPOT)
        fixed &= dilate(morphologyEx(fixed, MORPH_OPEN, _SPOT), _SPOT)  # removes specks thinner than a stroke
    if countNonZero(fixed) < MIN_STROKES * fixed.size:
        return 0.0
    bands = morphologyEx(fixed, MORPH_CLOSE, _LINE)
    covered = 0
    for outline in findContours(bands, RETR_EXTERNAL, CHAIN_APPROX_SIMPLE)[0]:
        left, top, width, height = boundingRect(outline)
        is_line = LOWEST <= height <= TALLEST * now.shape[0] and width >= ASPECT * height
        if is_line and countNonZero(fixed[top : top + height, left : left + width]) >= FULL * width * height:
            covered += width * height
    return covered / now.size
