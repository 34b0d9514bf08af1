"""Contact sheets: a row for each film, frames of it from first to last, its text beneath. Knows only pixels."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image, ImageDraw, ImageFont

from langit.files import atomic_write

FRAMES = 6  # shown of each film
_LONG_SIDE = 128  # pixels at which the longer side of a frame is shown, at least
_MARGIN, _LINE, _TEXT = 6, 15, 12
_PAPER, _INK = (255, 255, 255), (20, 20, 20)


def contact_sheet(
    films: Sequence[ArrayLike],
    texts: Sequence[str],
    columns: int = 2,
    frames: int = FRAMES,
) -> Image.Image:
    """One picture of many films.

    Args:
        films: each (T, H, W, 3) uint8, arrays or tensors, of any sizes.
        texts: what to write under each.
        columns: films side by side.
        frames: pictures of each film, evenly spread from its first to its last.

    Raises:
        ValueError: no films, or another number of texts.
    """
    if not films:
        raise ValueError("a contact sheet of no films: give at least one")
    if len(films) != len(texts):
        raise ValueError(f"{len(films)} films but {len(texts)} texts: give one text for each film")
    font = ImageFont.load_default(size=_TEXT)
    strips = [_strip(np.asarray(film), text, frames, font) for film, text in zip(films, texts, strict=True)]
    columns = min(columns, len(strips))
    wide, high = max(strip.width for strip in strips), max(strip.height for strip in strips)
    rows = -(-len(strips) // columns)
    sheet = Image.new("RGB", (columns * (wide + _MARGIN) + _MARGIN, rows * (high + _MARGIN) + _MARGIN), _PAPER)
    for index, strip in enumerate(strips):
        row, column = divmod(index, columns)
        sheet.paste(strip, (_MARGIN + column * (wide + _MARGIN), _MARGIN + row * (high + _MARGIN)))
    return sheet


def save(path: Path, films: Sequence[ArrayLike], texts: Sequence[str], columns: int = 2, frames: int = FRAMES) -> None:
    """Write a contact sheet as PNG; its folder is made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as unfinished:
        contact_sheet(films, texts, columns, frames).save(unfinished, format="PNG")


def _strip(film: np.ndarray, text: str, frames: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> Image.Image:
    """A row of frames with the text under it."""
    length, height, width, _ = film.shape
    shown = np.linspace(0, length - 1, min(frames, length)).round().astype(int)
    larger = max(1, round(_LONG_SIDE / max(height, width)))
    size = (width * larger, height * larger)
    lines = _wrapped(text, len(shown) * size[0], font)
    strip = Image.new("RGB", (len(shown) * size[0], size[1] + _LINE * len(lines)), _PAPER)
    for place, index in enumerate(shown):
        strip.paste(Image.fromarray(film[index]).resize(size, Image.Resampling.NEAREST), (place * size[0], 0))
    pen = ImageDraw.Draw(strip)
    for number, line in enumerate(lines):
        pen.text((2, size[1] + number * _LINE), line, fill=_INK, font=font)
    return strip


def _wrapped(text: str, width: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= width - 4 or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
