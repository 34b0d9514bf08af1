"""Pictures of a released video: a thumbnail and a sheet of frames. Their pixels are the file's, watermark included.

Neither is signed or entered: they say in their metadata which video they show, as the video's own does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import UInt8
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from langit import video
from langit.files import atomic_write

COUNT: Final = 16
"""Frames of a sheet."""
COLUMNS: Final = 4
WIDEST: Final = 4096
"""Pixels of a sheet's width; larger ones are reduced."""

Picture = UInt8[np.ndarray, "H W 3"]


def release_thumbnail(path: Path, picture: Path) -> None:
    """Write the middle frame of a released video as PNG.

    Raises:
        ValueError, OSError: the video cannot be read, or the picture not written.
    """
    count = video.probe(path).frames
    _save(video.read(path, count // 2, 1)[0], path, picture)


def release_spritesheet(path: Path, picture: Path) -> None:
    """Write up to :data:`COUNT` frames of a released video, evenly spread, in rows of :data:`COLUMNS`, as PNG.

    Raises:
        ValueError, OSError: the video cannot be read, or the picture not written.
    """
    count = video.probe(path).frames
    wanted = set(np.linspace(0, count - 1, min(COUNT, count)).round().astype(int).tolist())
    frames = [frame for number, frame in enumerate(video.stream(path)) if number in wanted]
    _save(_sheet(frames), path, picture)


def _sheet(frames: Sequence[Picture]) -> Picture:
    height, width = frames[0].shape[:2]
    columns = min(COLUMNS, len(frames))
    sheet = np.zeros((math.ceil(len(frames) / columns) * height, columns * width, 3), np.uint8)
    for number, frame in enumerate(frames):
        row, column = divmod(number, columns)
        sheet[row * height : (row + 1) * height, column * width : (column + 1) * width] = frame
    return sheet


def _save(pixels: Picture, path: Path, picture: Path) -> None:
    texts = PngInfo()
    for name, value in video.probe(path).metadata.items():
        texts.add_itxt(name.title() if name in ("title", "comment") else name, value)
    image = Image.fromarray(pixels)
    if image.width > WIDEST:
        image = image.resize((WIDEST, max(1, round(image.height * WIDEST / image.width))), Image.Resampling.LANCZOS)
    with atomic_write(picture) as unfinished:
        image.save(unfinished, format="PNG", pnginfo=texts)
