"""Read a storyboard: cards with a text, picture or video at their times, in a TOML file.

    seconds = 6.0
    size = "64x64"
    prompt = "a red ball on snow"     # for what lies between the cards; without it the cards decide

    [[card]]
    from = 0.0
    to = 2.0
    text = "a red ball bounces on snow"

    [[card]]
    at = 4.0
    image = "still.png"               # relative to this file; a still for one latent frame, or until `to`

Reading a board needs no model; `storyboard.py` generates its video.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from langit.generate.durations import MAX_SECONDS
from langit.generate.fitting import Fit, check_fit
from langit.generate.footage import Rate, check_rate
from langit.generate.inputs import check_seed
from langit.shapes import PixelShape
from langit.text.prompt import normalize_prompt

_T = TypeVar("_T")
_D = TypeVar("_D")

BOARD_KEYS = ("seconds", "size", "seed", "prompt", "style", "fit", "rate", "card")
CARD_KEYS = ("at", "from", "to", "text", "image", "video")
KINDS = ("text", "image", "video")


@dataclass(frozen=True)
class Card:
    """One of ``text``, ``image`` and ``video``, from ``begin`` to ``end`` in seconds (None: as long as it lasts)."""

    number: int  # from 1, for messages
    begin: float
    end: float | None = None
    text: str | None = None
    image: Path | None = None
    video: Path | None = None


@dataclass(frozen=True)
class Board:
    """Cards in the order of time. ``style`` is added to every text; ``prompt`` is for what lies between the cards."""

    seconds: float
    cards: tuple[Card, ...]
    size: PixelShape | None = None
    seed: int = 0
    prompt: str = ""
    style: str = ""
    fit: Fit | None = None
    rate: Rate | None = None

    def with_style(self, text: str) -> str:
        """A text with the board's style added; an empty one stays empty."""
        return f"{text}, {self.style}" if text and self.style else text


def read_board(path: Path | str) -> Board:
    """Read a board from a TOML file; paths in it are relative to the file's folder.

    Raises:
        FileNotFoundError: the file, or a file that a card names, does not exist.
        ValueError: the file is not TOML, or not a board; the message names the card and the remedy.
    """
    path = Path(path)
    if path.is_dir():
        raise ValueError(f"{path} is a folder: give a storyboard, a TOML file")
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist: check the name")
    try:
        return parse_board(path.read_text(encoding="utf-8"), path.parent)
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not text in UTF-8: give a storyboard, a TOML file") from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def parse_board(text: str, folder: Path) -> Board:
    """Parse a board in TOML whose paths are relative to ``folder``; see :func:`read_board` for the errors."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"this is not TOML ({error}): correct that line") from error
    _check_keys("board", table, BOARD_KEYS)
    if "seconds" not in table:
        raise ValueError("the board has no length: add a line such as seconds = 6.0")
    seconds = _value("the board", table, "seconds", float)
    if not 0 < seconds <= MAX_SECONDS:
        raise ValueError(f"seconds {seconds:g} is not a duration: use a number above 0, at most {MAX_SECONDS:g}")
    given = table.get("card")
    if not isinstance(given, list) or not given or not all(isinstance(each, dict) for each in given):
        raise ValueError("the board has no cards: add at least one under a line [[card]]")
    cards = tuple(_card(number, each, folder) for number, each in enumerate(given, start=1))
    _check_order(cards, seconds)
    size = _value("the board", table, "size", str, None)
    if size is not None and size.lower().count("x") != 1:
        raise ValueError(
            f"size {size!r} is not WIDTHxHEIGHT, for example 128x128: the number of frames follows from seconds"
        )
    fit, rate = _value("the board", table, "fit", str, None), _value("the board", table, "rate", str, None)
    return Board(
        seconds=seconds,
        cards=cards,
        size=None if size is None else PixelShape.parse(size),
        seed=check_seed(_value("the board", table, "seed", int, 0)),
        prompt=_value("the board", table, "prompt", str, ""),
        style=_value("the board", table, "style", str, ""),
        fit=check_fit(fit),
        rate=check_rate(rate),
    )


def _card(number: int, table: Mapping[str, Any], folder: Path) -> Card:
    with errors_of_card(number):
        _check_keys("card", table, CARD_KEYS)
        kinds = [kind for kind in KINDS if kind in table]
        if len(kinds) != 1:
            raise ValueError(f"it has {' and '.join(kinds) or 'no content'}: give one of {', '.join(KINDS)}")
        what = _value("it", table, kinds[0], str)
        begins = [key for key in ("at", "from") if key in table]
        if len(begins) != 1:
            raise ValueError(f"it has {' and '.join(begins) or 'no start'}: give its start once, as at or from")
        begin = _value("it", table, begins[0], float)
        end = _value("it", table, "to", float, None)
        if kinds[0] == "text":
            if end is None:
                raise ValueError("a text has no length of its own: give from and to")
            normalize_prompt(what)
            return Card(number, begin, end, text=what)
        path = folder / what
        if not path.is_file():
            raise FileNotFoundError(f"{path} does not exist: check the name; it is relative to the board's folder")
        return Card(number, begin, end, image=path) if kinds[0] == "image" else Card(number, begin, end, video=path)


def _check_order(cards: Sequence[Card], seconds: float) -> None:
    """Refuse cards that lie outside of the board, are not in the order of time, or overlap."""
    for before, card in zip((None, *cards), cards, strict=False):
        with errors_of_card(card.number):
            if not 0 <= card.begin < seconds:
                raise ValueError(
                    f"it begins at {card.begin:g} s, but the board lasts {seconds:g} s: use a start of at least 0"
                    f" and below {seconds:g} s"
                )
            if card.end is not None and not card.begin < card.end <= seconds:
                raise ValueError(
                    f"it lasts from {card.begin:g} s to {card.end:g} s on a board of {seconds:g} s:"
                    " let it end after it begins and within the board"
                )
            if before is not None and card.begin <= before.begin:
                raise ValueError(
                    f"it begins at {card.begin:g} s, card {before.number} at {before.begin:g} s: sort the cards by time"
                )
            if before is not None and before.end is not None and card.begin < before.end:
                raise ValueError(
                    f"it begins at {card.begin:g} s, card {before.number} ends at {before.end:g} s:"
                    " they must not overlap"
                )


@contextmanager
def errors_of_card(number: int) -> Iterator[None]:
    """Prefix the errors of a block with the card's number."""
    try:
        yield
    except FileNotFoundError as error:
        raise FileNotFoundError(f"card {number}: {error}") from error
    except ValueError as error:
        raise ValueError(f"card {number}: {error}") from error


def _check_keys(what: str, table: Mapping[str, Any], known: Sequence[str]) -> None:
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"use {', '.join(known)}"
            raise ValueError(f"{key!r} is not a key of a {what}: {hint}")


def _value(what: str, table: Mapping[str, Any], key: str, kind: type[_T], *default: _D) -> _T | _D:
    """The table's value if it is of that kind; the default, if there is one, where the key is missing.

    Raises:
        ValueError: a value of another kind.
    """
    if key not in table and default:
        return default[0]
    value = table[key]
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        words = {str: "text in quotation marks", float: "a number", int: "a whole number"}[kind]
        raise ValueError(f"{what} has {key} = {value!r}: use {words}")
    return value
