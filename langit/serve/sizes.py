"""Sizes and lengths of a request against what a model can make: taken, mapped where that was asked for, or refused."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from langit.serve.errors import ApiError
from langit.serve.models import ModelCard

LISTED: Final = 16
"""Sizes that an error lists."""
LONGEST: Final = 300.0
"""Seconds of a video that is made window by window."""
TOLERANCE: Final = 0.05
"""Frames by which a length may miss a whole number of them."""


@dataclass(frozen=True)
class WantedSize:
    """Width, height and frames that are made, with notes on what was mapped."""

    width: int
    height: int
    frames: int
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """WIDTHxHEIGHT."""
        return f"{self.width}x{self.height}"


def choose_size(card: ModelCard, size: str | None, is_mapped: bool) -> tuple[int, int, tuple[str, ...]]:
    """Width and height of a request, and notes.

    Args:
        card: of the model.
        size: WIDTHxHEIGHT, or None for the default.
        is_mapped: whether another size becomes the nearest that the model makes.

    Raises:
        ApiError: the model does not make it; the message lists those that it makes.
    """
    if size is None or size == "auto":
        return (*card.sizes[0], ())
    width, height = _parse(size, card)
    if (width, height) in card.sizes:
        return width, height, ()
    if not is_mapped:
        raise _unsupported(size, card)
    nearest = min(card.sizes, key=lambda each: _distance(each, (width, height)))
    note = f"size {width}x{height} became {nearest[0]}x{nearest[1]}, the nearest that {card.name} makes"
    return (*nearest, (note,))


def choose_frames(
    card: ModelCard, seconds: float | None, is_mapped: bool, *, is_long: bool = False, param: str = "seconds"
) -> tuple[int, tuple[str, ...]]:
    """Frames of a request, and notes.

    Args:
        card: of the model.
        seconds: the length, or None for the default.
        is_mapped: whether another length becomes the nearest that the model makes.
        is_long: whether it may be longer than the model samples at once.
        param: the field's name.

    Raises:
        ApiError: the model does not make that length; the message says which it makes.
    """
    if seconds is None:
        return card.frames, ()
    most = math.floor(LONGEST * card.fps) if is_long else card.most
    fewest = 1 if is_long else card.fewest
    exact = seconds * card.fps
    frames = round(exact)
    if abs(exact - frames) <= TOLERANCE and fewest <= frames <= most:
        return frames, ()
    if not is_mapped or not seconds > 0:
        longer = "" if is_long else ", or x_long for a longer one"
        raise ApiError(
            400,
            f"{param} {seconds:g} cannot be made by {card.name}: use {fewest / card.fps:g} to {most / card.fps:g} in"
            f" steps of {1 / card.fps:g}{longer}, or let the nearest be chosen: x_fit",
            param=param,
            code="unsupported_seconds",
        )
    frames = min(max(frames, fewest), most)
    return frames, (f"{param} {seconds:g} became {frames / card.fps:g}, the nearest that {card.name} makes",)


def _parse(size: str, card: ModelCard) -> tuple[int, int]:
    width, _, height = size.lower().partition("x")
    if not (width.isascii() and width.isdigit() and height.isascii() and height.isdigit()):
        raise _unsupported(size, card)
    if not (0 < int(width) <= 65_536 and 0 < int(height) <= 65_536):
        raise _unsupported(size, card)
    return int(width), int(height)


def _unsupported(size: str, card: ModelCard) -> ApiError:
    names = card.size_names
    more = f" or one of {len(names) - LISTED} more (GET /v1/models)" if len(names) > LISTED else ""
    return ApiError(
        400,
        f"size {size[:40]!r} is not made by {card.name}: use {', '.join(names[:LISTED])}{more}, or let the nearest be"
        " chosen: x_fit",
        param="size",
        code="unsupported_size",
    )


def _distance(made: tuple[int, int], wanted: tuple[int, int]) -> tuple[float, float]:
    """How unlike two sizes are: by the aspect ratio first, then by the area."""
    aspect = abs(math.log(made[0] / made[1]) - math.log(wanted[0] / wanted[1]))
    area = abs(math.log(made[0] * made[1]) - math.log(wanted[0] * wanted[1]))
    return round(aspect, 6), area


def format_seconds(seconds: float) -> str:
    """Seconds as OpenAI's clients read them: text without needless zeros."""
    return f"{seconds:.6g}"
