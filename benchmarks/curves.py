"""A plot of lines as a PNG, drawn with Pillow alone. Knows nothing of what is measured."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

_WIDE, _HIGH = 640, 480
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 20, 36, 52
_INK, _PAPER, _RULE = (20, 24, 32), (255, 255, 255), (224, 228, 234)
_COLOURS = ((24, 92, 170), (208, 80, 24), (32, 140, 72), (150, 60, 160), (120, 100, 40), (90, 90, 90), (200, 40, 90))
_DOT, _LINE_HEIGHT = 4, 16

Line = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Panel:
    """Lines by name, each of points (x, y). The x axis is logarithmic."""

    title: str
    across: str
    up: str
    lines: Mapping[str, Line]


def save(path: Path, panels: Sequence[Panel]) -> None:
    """Write panels side by side."""
    picture = Image.new("RGB", (_WIDE * len(panels), _HIGH), _PAPER)
    for place, panel in enumerate(panels):
        picture.paste(_drawn(panel), (place * _WIDE, 0))
    picture.save(path, format="PNG")


def _drawn(panel: Panel) -> Image.Image:
    picture = Image.new("RGB", (_WIDE, _HIGH), _PAPER)
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(size=12)
    points = [point for line in panel.lines.values() for point in line]
    low_x, high_x = min(x for x, _ in points) / 1.1, max(x for x, _ in points) * 1.1
    low_y, high_y = min(y for _, y in points), max(y for _, y in points)
    margin = 0.05 * (high_y - low_y) or 1.0
    low_y, high_y = low_y - margin, high_y + margin

    def at(x: float, y: float) -> tuple[float, float]:
        share = math.log(x / low_x) / math.log(high_x / low_x)
        return (
            _LEFT + share * (_WIDE - _LEFT - _RIGHT),
            _HIGH - _BOTTOM - (y - low_y) / (high_y - low_y) * (_HIGH - _TOP - _BOTTOM),
        )

    for tick in _round_numbers(low_y, high_y):
        _, y = at(low_x, tick)
        draw.line((_LEFT, y, _WIDE - _RIGHT, y), fill=_RULE)
        draw.text((_LEFT - 6, y), f"{tick:g}", fill=_INK, font=font, anchor="rm")
    for tick in _halvings(low_x, high_x):
        x, _ = at(tick, low_y)
        draw.line((x, _TOP, x, _HIGH - _BOTTOM), fill=_RULE)
        draw.text((x, _HIGH - _BOTTOM + 6), f"{tick:.3g}", fill=_INK, font=font, anchor="mt")
    draw.rectangle((_LEFT, _TOP, _WIDE - _RIGHT, _HIGH - _BOTTOM), outline=_INK)
    draw.text((_LEFT, 12), panel.title, fill=_INK, font=font)
    draw.text((_WIDE - _RIGHT, _HIGH - 22), panel.across, fill=_INK, font=font, anchor="rt")
    draw.text((6, 12), panel.up, fill=_INK, font=font)
    for number, (name, line) in enumerate(panel.lines.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        places = [at(*point) for point in sorted(line)]
        draw.line(places, fill=colour, width=2)
        for x, y in places:
            draw.ellipse((x - _DOT, y - _DOT, x + _DOT, y + _DOT), fill=colour)
        if len(panel.lines) > 1:
            y = _HIGH - _BOTTOM - (len(panel.lines) - number) * _LINE_HEIGHT
            draw.text((_WIDE - _RIGHT - 8, y), name, fill=colour, font=font, anchor="ra")
    return picture


def _round_numbers(low: float, high: float) -> list[float]:
    """Round numbers between two, five to ten of them."""
    power = 10 ** math.floor(math.log10((high - low) / 10))
    step = next(power * factor for factor in (1, 2, 5, 10, 20) if (high - low) / (power * factor) <= 10)
    return [step * number for number in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _halvings(low: float, high: float) -> list[float]:
    """Powers of two between two numbers, and what lies halfway between these."""
    found = [2.0**power * part for power in range(-20, 20) for part in (1.0, 1.5)]
    return [number for number in found if low <= number <= high]
