"""Pictures for reports: confusion matrices, and animations of videos side by side. Drawn with Pillow alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image, ImageDraw, ImageFont

_CELL, _LABEL, _HEAD, _GAP = 34, 92, 40, 24
_COLUMNS = 3
_INK, _PAPER, _FULL = (20, 24, 32), (255, 255, 255), (24, 92, 170)

Counts = Sequence[Sequence[int]]


def confusion_picture(matrices: Mapping[str, Counts], classes: Mapping[str, Sequence[str]]) -> Image.Image:
    """Draw one block per attribute: rows are the truth, columns the prediction, cells per cent of the row."""
    names = list(matrices)
    widest = max(len(classes[name]) for name in names)
    step_x = _LABEL + widest * _CELL + _GAP
    step_y = _HEAD + _LABEL + widest * _CELL + _GAP
    columns = min(_COLUMNS, len(names))
    lines = -(-len(names) // columns)
    picture = Image.new("RGB", (columns * step_x + _GAP, lines * step_y + _GAP), _PAPER)
    for index, name in enumerate(names):
        left, top = _GAP + index % columns * step_x, _GAP + index // columns * step_y
        _block(picture, name, matrices[name], classes[name], left, top)
    return picture


def _block(picture: Image.Image, title: str, counts: Counts, classes: Sequence[str], left: int, top: int) -> None:
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(size=12)
    draw.text((left, top), f"{title}: truth down, prediction across, %", fill=_INK, font=font)
    x0, y0 = left + _LABEL, top + _HEAD + _LABEL
    for number, name in enumerate(classes):
        # Pillow cannot draw rotated text: draw a mask, turn it, and paste ink through it
        upright = Image.new("L", (_LABEL, 16), 0)
        ImageDraw.Draw(upright).text((0, 0), name, fill=255, font=font)
        mask = upright.rotate(90, expand=True)
        picture.paste(_INK, (x0 + number * _CELL + 8, y0 - _LABEL - 4), mask)
        draw.text((x0 - 6, y0 + number * _CELL + _CELL // 2), name, fill=_INK, font=font, anchor="rm")
    for row, line in enumerate(counts):
        total = sum(line)
        for column, count in enumerate(line):
            share = count / total if total else 0.0
            # from white to the full colour in proportion to the share
            fill = tuple(round(p + (f - p) * share) for p, f in zip(_PAPER, _FULL, strict=True))
            x, y = x0 + column * _CELL, y0 + row * _CELL
            draw.rectangle((x, y, x + _CELL - 2, y + _CELL - 2), fill=fill, outline=(224, 228, 234))
            if count:
                ink = _PAPER if share > 0.5 else _INK
                draw.text(
                    (x + _CELL // 2 - 1, y + _CELL // 2 - 1), f"{100 * share:.0f}", fill=ink, font=font, anchor="mm"
                )


def save_animation(videos: Sequence[ArrayLike], columns: int, scale: int, fps: float, path: Path) -> None:
    """Write videos of one size side by side as a looping WebP.

    Args:
        videos: each (T, H, W, 3) uint8.
        columns: videos in a row; the last row may be shorter.
        scale: factor by which pictures are enlarged.
        fps: frames per second.
        path: the file to write.
    """
    films = [np.asarray(video) for video in videos]
    length, height, width, _ = films[0].shape
    rows = -(-len(films) // columns)
    pages = []
    for frame in range(length):
        page = np.full((rows * height, columns * width, 3), 255, np.uint8)
        for index, film in enumerate(films):
            row, column = divmod(index, columns)
            page[row * height : (row + 1) * height, column * width : (column + 1) * width] = film[frame]
        size = (columns * width * scale, rows * height * scale)
        pages.append(Image.fromarray(page).resize(size, Image.Resampling.BICUBIC))
    pages[0].save(path, "WEBP", save_all=True, append_images=pages[1:], duration=round(1000 / fps), loop=0, quality=85)
