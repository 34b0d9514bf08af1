"""Charts: lines and markers on linear or logarithmic axes, drawn with Pillow alone. Knows nothing about the data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

_WIDE, _HIGH, _LEFT, _TOP, _BELOW, _GAP, _LINE = 460, 300, 62, 30, 46, 18, 16
_INK, _PAPER, _FAINT = (20, 24, 32), (255, 255, 255), (224, 228, 234)
_COLOURS = ((24, 92, 170), (200, 80, 30), (40, 140, 60), (140, 60, 150), (120, 110, 30), (90, 90, 90), (200, 40, 90))
_ROOM = 0.06  # fraction of an axis that is left free at both ends
_DASH = 7  # pixels
_TICKS = 8  # the most ticks on an axis

Pen = ImageDraw.ImageDraw


@dataclass(frozen=True)
class Line:
    """Points, joined or marked or both; ``around`` holds the lower and upper end of each point's error bar."""

    name: str
    across: tuple[float, ...]
    up: tuple[float, ...]
    joined: bool = True
    marked: bool = False
    dashed: bool = False
    around: tuple[tuple[float, float], ...] = ()
    colour: int | None = None  # index of the colour; by default the line's position in the panel


@dataclass(frozen=True)
class Panel:
    """One pair of axes and the lines drawn on it."""

    title: str
    across: str
    up: str
    lines: tuple[Line, ...]
    log_across: bool = False
    log_up: bool = False


@dataclass(frozen=True)
class _Axis:
    low: float
    high: float
    log: bool

    def share(self, value: float) -> float:
        """Return a value's position along the axis, from 0 to 1."""
        place = math.log10(value) if self.log else value
        return (place - self.low) / (self.high - self.low)


def chart(panels: Sequence[Panel], columns: int = 2) -> Image.Image:
    """Draw panels in rows of ``columns``.

    Raises:
        ValueError: there is no panel, a panel has no point, or a value cannot be drawn on a logarithmic axis.
    """
    if not panels:
        raise ValueError("a chart needs at least one panel")
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    step = (_LEFT + _WIDE + _GAP, max(_TOP + _HIGH + _BELOW + _LINE * len(panel.lines) for panel in panels) + _GAP)
    picture = Image.new("RGB", (columns * step[0] + _GAP, rows * step[1] + _GAP), _PAPER)
    pen = ImageDraw.Draw(picture)
    for index, panel in enumerate(panels):
        row, column = divmod(index, columns)
        _panel(pen, panel, _GAP + _LEFT + column * step[0], _GAP + _TOP + row * step[1])
    return picture


def _panel(pen: Pen, panel: Panel, left: int, top: int) -> None:
    font = ImageFont.load_default(size=12)
    ends = [end for line in panel.lines for pair in line.around for end in pair]
    across = _axis([x for line in panel.lines for x in line.across], panel.log_across, panel.title)
    up = _axis([y for line in panel.lines for y in line.up] + ends, panel.log_up, panel.title)
    pen.text((left, top - 20), panel.title, fill=_INK, font=font)

    def place(x: float, y: float) -> tuple[float, float]:
        return left + across.share(x) * _WIDE, top + (1 - up.share(y)) * _HIGH

    for value in _ticks(across):
        x = left + across.share(value) * _WIDE
        pen.line((x, top, x, top + _HIGH), fill=_FAINT)
        pen.text((x, top + _HIGH + 4), _tick_label(value), fill=_INK, font=font, anchor="ma")
    for value in _ticks(up):
        y = top + (1 - up.share(value)) * _HIGH
        pen.line((left, y, left + _WIDE, y), fill=_FAINT)
        pen.text((left - 6, y), _tick_label(value), fill=_INK, font=font, anchor="rm")
    pen.rectangle((left, top, left + _WIDE, top + _HIGH), outline=_INK)
    pen.text((left + _WIDE, top + _HIGH + 20), panel.across, fill=_INK, font=font, anchor="ra")
    pen.text((left + _WIDE, top - 20), panel.up, fill=_INK, font=font, anchor="ra")
    for index, line in enumerate(panel.lines):
        colour = _COLOURS[(index if line.colour is None else line.colour) % len(_COLOURS)]
        points = [place(x, y) for x, y in zip(line.across, line.up, strict=True)]
        if line.joined:
            _join(pen, points, colour, line.dashed)
        for (x, _), (low, high) in zip(points, line.around, strict=bool(line.around)):
            pen.line((x, top + (1 - up.share(low)) * _HIGH, x, top + (1 - up.share(high)) * _HIGH), fill=colour)
        for x, y in points if line.marked else ():
            pen.ellipse((x - 4, y - 4, x + 4, y + 4), fill=colour)
        below = top + _HIGH + _BELOW - 6 + index * _LINE
        sample = [(left + 2.0, below + 8.0), (left + 26.0, below + 8.0)]
        if line.joined:
            _join(pen, sample, colour, line.dashed)
        if line.marked:
            pen.ellipse((left + 10, below + 4, left + 18, below + 12), fill=colour)
        pen.text((left + 34, below), line.name, fill=colour, font=font)


def _join(pen: Pen, points: Sequence[tuple[float, float]], colour: tuple[int, int, int], dashed: bool) -> None:
    if not dashed:
        pen.line(list(points), fill=colour, width=2)
        return
    for (x0, y0), (x1, y1) in zip(points, points[1:], strict=False):
        count = max(1, round(math.dist((x0, y0), (x1, y1)) / _DASH))
        for number in range(0, count, 2):
            ends = [number / count, min(1.0, (number + 1) / count)]
            pen.line([(x0 + (x1 - x0) * t, y0 + (y1 - y0) * t) for t in ends], fill=colour, width=2)


def _axis(values: Sequence[float], log: bool, title: str) -> _Axis:
    if not values or not all(math.isfinite(value) and (value > 0 or not log) for value in values):
        raise ValueError(f"{title}: {list(values)} cannot be drawn{' on a logarithmic axis' if log else ''}")
    places = [math.log10(value) for value in values] if log else list(values)
    low, high = min(places), max(places)
    room = (high - low) * _ROOM or abs(high) * _ROOM or 1.0
    return _Axis(low - room, high + room, log)


def _ticks(axis: _Axis) -> list[float]:
    """Choose a few round values within an axis."""
    if axis.log:
        decades = range(math.floor(axis.low), math.ceil(axis.high) + 1)
        # the coarsest set of mantissas that gives at least three ticks
        for steps in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 7)):
            found = [step * 10.0**decade for decade in decades for step in steps]
            found = [value for value in found if axis.low <= math.log10(value) <= axis.high]
            if len(found) >= 3:
                return found[:: -(-len(found) // _TICKS)]
    low, high = (10**axis.low, 10**axis.high) if axis.log else (axis.low, axis.high)
    rough = (high - low) / 5
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= rough)
    return [number * step for number in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _tick_label(value: float) -> str:
    """Format a tick: 1500, 0.25, 3e14."""
    if value and not 1e-3 <= abs(value) < 1e5:
        return f"{value:.2g}".replace("e+", "e")
    return f"{round(value, 10):g}"
