"""Filmstrips of results under the films they came from, with given frames outlined; and curves over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

_SCALE, _EDGE, _GAP, _LINE = 2, 2, 10, 16
_INK, _PAPER, _FAINT, _GIVEN = (20, 24, 32), (255, 255, 255), (224, 228, 234), (20, 170, 90)
_COLOURS = ((24, 92, 170), (200, 80, 30), (40, 140, 60), (140, 60, 150), (120, 110, 30), (90, 90, 90), (200, 40, 90))
_WIDE, _HIGH, _LEFT, _BELOW = 560, 190, 54, 26


@dataclass(frozen=True, eq=False)
class Strip:
    """A row of a sheet: a video and its name; ``given`` marks the known frames, or pixels of all frames."""

    name: str
    frames: UInt8[Tensor, "T H W 3"]
    given: Tensor | None = None  # bool (T,) or (H, W)


def strip_sheet(groups: Sequence[Sequence[Strip]], titles: Sequence[str], most: int = 17) -> Image.Image:
    """Stack strips, with a title above each group. Of longer videos, show ``most`` evenly spread frames.

    A given frame has a green border; a region that was generated has a green outline.

    Raises:
        ValueError: there are no groups, or the number of titles differs.
    """
    if not groups or len(groups) != len(titles):
        raise ValueError(f"{len(groups)} groups of strips with {len(titles)} titles: use one title per group")
    blocks: list[Image.Image] = []
    for group, title in zip(groups, titles, strict=True):
        blocks.append(_title(title))
        blocks += [_strip(one, most) for one in group]
        blocks.append(Image.new("RGB", (1, _GAP), _PAPER))
    width = max(block.width for block in blocks) + 2 * _GAP
    picture = Image.new("RGB", (width, sum(block.height for block in blocks) + _GAP), _PAPER)
    top = _GAP
    for block in blocks:
        picture.paste(block, (_GAP, top))
        top += block.height
    return picture


def _title(text: str) -> Image.Image:
    font = ImageFont.load_default(size=12)
    line = Image.new("RGB", (int(font.getlength(text)) + 2, _LINE), _PAPER)
    ImageDraw.Draw(line).text((0, 1), text, fill=_INK, font=font)
    return line


def _strip(one: Strip, most: int) -> Image.Image:
    frames = np.asarray(one.frames)
    count, height, width, _ = frames.shape
    shown = np.linspace(0, count - 1, min(most, count)).round().astype(int)
    size = (width * _SCALE, height * _SCALE)
    step = size[0] + 2 * _EDGE
    strip = Image.new("RGB", (_LEFT + 40 + step * len(shown), size[1] + 2 * _EDGE + 2), _PAPER)
    pen = ImageDraw.Draw(strip)
    pen.text((0, size[1] // 2), one.name, fill=_INK, font=ImageFont.load_default(size=11))
    given = None if one.given is None else np.asarray(one.given)
    for place, at in enumerate(shown):
        left = _LEFT + 40 + place * step
        if given is not None and given.ndim == 1 and given[at]:
            pen.rectangle((left, 0, left + step - 1, size[1] + 2 * _EDGE - 1), fill=_GIVEN)
        strip.paste(Image.fromarray(frames[at]).resize(size, Image.Resampling.NEAREST), (left + _EDGE, _EDGE))
        if given is not None and given.ndim == 2:
            rows, columns = np.nonzero(~given)
            corners = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
            x0, y0, x1, y1 = (int(corner) * _SCALE for corner in corners)
            pen.rectangle((left + _EDGE + x0, _EDGE + y0, left + _EDGE + x1, _EDGE + y1), outline=_GIVEN)
    return strip


@dataclass(frozen=True)
class Curve:
    """A quantity over time: mean, minimum and maximum over several videos."""

    name: str
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


def curve_of(name: str, videos: Sequence[Sequence[float]]) -> Curve:
    """Summarise the time series of several videos."""
    columns = list(zip(*videos, strict=True))
    mean = tuple(sum(column) / len(column) for column in columns)
    return Curve(name, mean, tuple(map(min, columns)), tuple(map(max, columns)))


def plot(panels: Mapping[str, Sequence[Curve]], seconds: float) -> Image.Image:
    """Draw panels above each other over time, ``seconds`` between points. Bands run from minimum to maximum."""
    picture = Image.new("RGB", (_LEFT + _WIDE + 170, len(panels) * (_HIGH + _BELOW + _LINE + _GAP) + _GAP), _PAPER)
    pen, font = ImageDraw.Draw(picture, "RGBA"), ImageFont.load_default(size=12)
    for number, (title, curves) in enumerate(panels.items()):
        top = _GAP + number * (_HIGH + _BELOW + _LINE + _GAP) + _LINE
        pen.text((_LEFT, top - _LINE), title, fill=_INK, font=font)
        # a curve of zeros must not divide by zero; 5% of the height stay free above the highest point
        highest = max(1e-9, *(value for one in curves for value in one.high)) * 1.05
        points = max(len(one.mean) for one in curves)

        def place(
            at: int, value: float, top: int = top, highest: float = highest, points: int = points
        ) -> tuple[float, float]:
            return _LEFT + at / max(points - 1, 1) * _WIDE, top + _HIGH * (1 - value / highest)

        for share in (0.0, 0.5, 1.0):
            y = top + _HIGH * (1 - share / 1.05)
            pen.line((_LEFT, y, _LEFT + _WIDE, y), fill=_FAINT)
            pen.text((_LEFT - 6, y), f"{share * highest / 1.05:.3g}", fill=_INK, font=font, anchor="rm")
        for at in range(0, points, max(1, points // 5)):
            pen.text((place(at, 0)[0], top + _HIGH + 4), f"{at * seconds:g} s", fill=_INK, font=font, anchor="ma")
        for index, one in enumerate(curves):
            colour = _COLOURS[index % len(_COLOURS)]
            if len(one.mean) > 1:
                around = [place(at, value) for at, value in enumerate(one.high)]
                around += [place(at, value) for at, value in reversed(list(enumerate(one.low)))]
                pen.polygon(around, fill=(*colour, 50))
                pen.line([place(at, value) for at, value in enumerate(one.mean)], fill=colour, width=2)
            pen.text((_LEFT + _WIDE + 10, top + index * _LINE), one.name, fill=colour, font=font)
    return picture
