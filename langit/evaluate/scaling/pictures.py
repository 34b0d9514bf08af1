"""Pictures of scaling: the same prompts from several runs side by side, and results against training FLOPs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from langit.evaluate.figures.chart import Line, Panel, chart
from langit.evaluate.scaling.measures import ALL, EVERYTHING
from langit.evaluate.scaling.runs import FACTOR, ScalingRun, Trend

_FRAMES, _SIDE, _GAP, _LINE = 5, 96, 10, 18
_INK, _PAPER = (20, 24, 32), (255, 255, 255)


@dataclass(frozen=True, eq=False)
class RunColumn:
    """A run's videos, one for each prompt."""

    title: str
    videos: tuple[UInt8[Tensor, "T H W 3"], ...]


def side_by_side(prompts: Sequence[str], columns: Sequence[RunColumn]) -> Image.Image:
    """Draw prompts in rows and runs in columns, with five frames of every video.

    Raises:
        ValueError: there is no prompt or no run, or a run does not have one video per prompt.
    """
    if not prompts or not columns or any(len(column.videos) != len(prompts) for column in columns):
        raise ValueError(
            f"{len(prompts)} prompts with {[len(column.videos) for column in columns]} videos: use one for each"
        )
    font = ImageFont.load_default(size=13)
    strips = [[_strip(np.asarray(video)) for video in column.videos] for column in columns]
    wide = max(max(strip.width for strip in some) for some in strips)
    wide = max(wide, *(math.ceil(font.getlength(column.title)) for column in columns))
    high = max(strip.height for some in strips for strip in some)
    size = (_GAP + len(columns) * (wide + _GAP), _GAP + _LINE + len(prompts) * (high + _LINE + _GAP))
    picture = Image.new("RGB", size, _PAPER)
    pen = ImageDraw.Draw(picture)
    for number, column in enumerate(columns):
        left = _GAP + number * (wide + _GAP)
        pen.text((left, _GAP - 4), column.title, fill=_INK, font=font)
        for row, strip in enumerate(strips[number]):
            picture.paste(strip, (left, _GAP + _LINE + row * (high + _LINE + _GAP) + _LINE))
    for row, prompt in enumerate(prompts):
        pen.text((_GAP, _GAP + _LINE + row * (high + _LINE + _GAP)), prompt, fill=_INK, font=font)
    return picture


def _strip(film: np.ndarray) -> Image.Image:
    count, height, width, _ = film.shape
    shown = np.linspace(0, count - 1, min(_FRAMES, count)).round().astype(int)
    larger = max(1.0, _SIDE / max(height, width))
    size = (round(width * larger), round(height * larger))
    strip = Image.new("RGB", (len(shown) * size[0], size[1]), _PAPER)
    for place, at in enumerate(shown):
        strip.paste(Image.fromarray(film[at]).resize(size, Image.Resampling.NEAREST), (place * size[0], 0))
    return strip


def fit_chart(runs: Sequence[ScalingRun], trends: Sequence[Trend]) -> Image.Image:
    """Plot held-out loss and fidelity against FLOPs, with trends extrapolated as dashed lines."""
    sizes = list(dict.fromkeys(run.size for run in runs))
    loss: list[Line] = []
    right: list[Line] = []
    for colour, size in enumerate(sizes):
        some = sorted((run for run in runs if run.size == size), key=lambda run: run.flops)
        flops = tuple(run.flops for run in some)
        around = tuple((run.loss.mean - run.loss.error, run.loss.mean + run.loss.error) for run in some)
        losses = tuple(run.loss.mean for run in some)
        loss.append(Line(f"{size} (± one standard error)", flops, losses, False, True, around=around, colour=colour))
        for place, name in enumerate((ALL, EVERYTHING)):
            shares = tuple(100 * run.rates[name].share for run in some)
            around = tuple((100 * low, 100 * high) for low, high in (run.rates[name].interval for run in some))
            number = 2 * colour + place
            title = name if len(sizes) == 1 else f"{name}: {size}"
            right.append(Line(title, flops, shares, True, True, around=around, colour=number))
    for place, one in enumerate(trends):
        least = min(run.flops for run in runs if len(sizes) == 1 or run.size == one.name or one.name not in sizes)
        powers = np.linspace(math.log10(least), math.log10(one.last * FACTOR), 24).tolist()
        up = tuple(10 ** one.loss.at(power) for power in powers)
        name = f"{one.name}: {10**one.loss.constant:.3g} x FLOPs^{one.loss.slope:.3f}, on to ten times as many"
        loss.append(Line(name, tuple(10**power for power in powers), up, dashed=True, colour=place))
    panels = (
        Panel("Loss on clips that were never trained on", "training FLOPs", "", tuple(loss), True, True),
        Panel("What the probe sees of unseen prompts", "training FLOPs", "% right", tuple(right), True),
    )
    return chart(panels)
