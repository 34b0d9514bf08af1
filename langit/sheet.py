"""Contact sheets: a row for each film, with frames from first to last and its text below. It knows only pixels."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image, ImageDraw, ImageFont

from langit.files import atomic_write

FRAMES = 6  # shown of each film
_LONG_SIDE = 128  # pixels; the longer side of a frame is enlarged to about this
_MARGIN, _LINE, _TEXT = 6, 15, 12  # pixels: between films, of a line of text, of its letters
_PAPER, _INK = (255, 255, 255), (20, 20, 20)


def contact_sheet(
    films: Sequence[ArrayLike],
    texts: Sequence[str],
    columns: int = 2,
    frames: int = FRAMES,
) -> Image.Image:
    """Draw one picture of many films.

    Args:
        films: each (T, H, W, 3) uint8, arrays or tensors, of any sizes.
        texts: the text below each film.
        columns: films side by side.
        frames: how many frames of each film to show, evenly spaced from first to last.

    Raises:
        ValueError: there are no films, or the number of texts differs.
    """
    if not films:
        raise ValueError("there are no films to show: give at least one")
    if len(films) != len(texts):
        raise ValueError(f"{len(films)} films but {len(texts)} texts: give one text for each film")
    font = ImageFont.load_default(size=_TEXT)
    strips = [_film_strip(np.asarray(film), text, frames, font) for film, text in zip(films, texts, strict=True)]
    columns = min(columns, len(strips))
    width, height = max(strip.width for strip in strips), max(strip.height for strip in strips)
    rows = -(-len(strips) // columns)
    sheet = Image.new("RGB", (columns * (width + _MARGIN) + _MARGIN, rows * (height + _MARGIN) + _MARGIN), _PAPER)
    for index, strip in enumerate(strips):
        row, column = divmod(index, columns)
        sheet.paste(strip, (_MARGIN + column * (width + _MARGIN), _MARGIN + row * (height + _MARGIN)))
    return sheet


def save(path: Path, films: Sequence[ArrayLike], texts: Sequence[str], columns: int = 2, frames: int = FRAMES) -> None:
    """Write a contact sheet as PNG; its folder is created if needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as unfinished:
        contact_sheet(films, texts, columns, frames).save(unfinished, format="PNG")


def _film_strip(
    film: np.ndarray, text: str, frames: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont
) -> Image.Image:
    """Frames side by side with the text below."""
    length, height, width, _ = film.shape
    chosen = np.linspace(0, length - 1, min(frames, length)).round().astype(int)
    # Whole numbers and nearest neighbour, so that single pixels of small films can be seen.
    scale = max(1, round(_LONG_SIDE / max(height, width)))
    size = (width * scale, height * scale)
    lines = wrap_text(text, len(chosen) * size[0] - 4, font)
    strip = Image.new("RGB", (len(chosen) * size[0], size[1] + _LINE * len(lines)), _PAPER)
    for place, index in enumerate(chosen):
        strip.paste(Image.fromarray(film[index]).resize(size, Image.Resampling.NEAREST), (place * size[0], 0))
    draw = ImageDraw.Draw(strip)
    for number, line in enumerate(lines):
        draw.text((2, size[1] + number * _LINE), line, fill=_INK, font=font)
    return strip


def wrap_text(text: str, width: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> list[str]:
    """Break a text into lines of at most ``width`` pixels; a word that is wider gets a line of its own."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
