"""How a player turns and mirrors stored pictures: the display matrix of mp4, and of H.264 and HEVC messages."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final, cast

import numpy as np
from av import VideoFrame
from av.filter import Graph
from av.sidedata.sidedata import Type as SideDataType
from PIL import Image, UnidentifiedImageError


@dataclass(frozen=True)
class Orientation:
    """One of the eight ways to show a rectangle: swap rows and columns first, then mirror."""

    transpose: bool = False
    flip_x: bool = False
    flip_y: bool = False

    def apply(self, picture: np.ndarray) -> np.ndarray:
        """Turn a picture, (H, W) or (H, W, 3), upright."""
        if self == UPRIGHT:
            return picture
        turned = picture.swapaxes(0, 1) if self.transpose else picture
        return np.ascontiguousarray(turned[:: -1 if self.flip_y else 1, :: -1 if self.flip_x else 1])

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height of the upright picture."""
        return (height, width) if self.transpose else (width, height)


UPRIGHT = Orientation()
ORIENTATION_TAG: Final = 0x0112
_RGB = ("rgb24", "rgba", "rgb48be", "rgb48le", "rgba64be", "rgba64le", "pal8")
_GRAY = ("gray", "gray16be", "gray16le", "ya8", "ya16be", "ya16le", "monob", "monow")
PNG_FORMATS: Final = frozenset((*_RGB, *_GRAY))
"""Formats of FFmpeg's decoder of PNG, of this machine's byte order and the other."""
# Exif 2.32, 4.6.4: where row 0 and column 0 are shown.
_EXIF: Final = {
    1: UPRIGHT,
    2: Orientation(False, True, False),
    3: Orientation(False, True, True),
    4: Orientation(False, False, True),
    5: Orientation(True, False, False),
    6: Orientation(True, True, False),
    7: Orientation(True, True, True),
    8: Orientation(True, False, True),
}
# By quarters that the picture is to be turned to the left.
_TURNS = [UPRIGHT, Orientation(True, False, True), Orientation(False, True, True), Orientation(True, True, False)]
_ALL = [Orientation(t, x, y) for t in (False, True) for x in (False, True) for y in (False, True)]


def orientation_of(frame: VideoFrame, path: Path | None = None) -> Orientation:
    """Read the orientation from a decoded frame's display matrix; frames without one are upright.

    Args:
        frame: the frame.
        path: its file, of which the Exif data are read if it is a picture.
    """
    try:
        bare = without_profile(frame) if frame.format.name in PNG_FORMATS else frame
        matrix = cast("Mapping[SideDataType, bytes]", bare.side_data).get(SideDataType.DISPLAYMATRIX)
    except ValueError:  # PyAV knows no Exif data, which pictures bring, and gives none of the others then
        return _from_exif(path) or _TURNS[round(frame.rotation / 90) % 4]
    return UPRIGHT if matrix is None else from_matrix(bytes(matrix))


def without_profile(frame: VideoFrame) -> VideoFrame:
    """The same picture without its colour profile, which PyAV's side data must not be asked about.

    PyAV 18 frees the name of a profile together with the side data, and FFmpeg frees it once more with the frame: the
    process ends with a segmentation fault, often much later. FFmpeg's PNG decoder alone gives profiles a name.
    """
    graph = Graph()
    given = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base or Fraction(1, 1)
    )
    graph.link_nodes(given, graph.add("sidedata", "mode=delete:type=ICC_PROFILE"), graph.add("buffersink")).configure()
    graph.vpush(frame)
    return graph.vpull()


def _from_exif(path: Path | None) -> Orientation | None:
    """The orientation that a picture's Exif data state; None if it has none."""
    if path is None:
        return None
    try:
        with Image.open(path, formats=("JPEG", "PNG", "TIFF", "WEBP")) as picture:
            return _EXIF.get(picture.getexif().get(ORIENTATION_TAG, 0))
    except (OSError, ValueError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError):
        return None


def from_matrix(matrix: bytes) -> Orientation:
    """The orientation nearest to a display matrix, nine 32-bit integers ``a b u c d v x y w`` (ISO/IEC 14496-12).

    A point is shown at ``x' = a x + c y``, ``y' = b x + d y``. Matrices also scale, and phones write turns that are
    not exact quarters, so the orientation whose matrix has the largest inner product is taken.
    """
    a, b, _, c, d = struct.unpack_from("=5i", matrix)  # FFmpeg keeps them in the machine's byte order

    def agreement(candidate: Orientation) -> int:
        x, y = (-1 if candidate.flip_x else 1), (-1 if candidate.flip_y else 1)
        return int(x * c + y * b) if candidate.transpose else int(x * a + y * d)

    return max(_ALL, key=agreement)  # a tie, or a matrix of zeros, gives the first: upright
