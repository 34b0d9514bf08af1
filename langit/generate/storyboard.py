"""A storyboard: cards of text, picture or video on a line of time, in a TOML file; what no card says is filled in.

    seconds = 6.0
    size = "64x64"
    prompt = "a red ball on snow"     # of what no card says; empty leaves it to what is seen

    [[card]]
    from = 0.0
    to = 2.0
    text = "a red ball bounces on snow"

    [[card]]
    at = 4.0
    image = "still.png"               # beside the board; it stands still for one latent frame, or up to `to`

Texts are made in their order, each knowing what lies directly beside it; then what lies between cards, knowing both
sides. Reading a board needs no model.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import torch

from langit.generate.canvas import Canvas, fill, laid
from langit.generate.footage import (
    MOST_SECONDS,
    Fit,
    Footage,
    Rate,
    check_fit,
    check_rate,
    frame_at,
    frames_in,
    read_image,
    read_video,
)
from langit.generate.made import checked_seed
from langit.generate.model import Model
from langit.generate.sampler import OnStep
from langit.generate.settings import SamplingConfig
from langit.generate.video import Generated
from langit.generate.windows import Stretch
from langit.shapes import PixelShape
from langit.text.prompt import check_prompt
from langit.text.vocabulary import unknown_words

_T = TypeVar("_T")
_D = TypeVar("_D")

BOARD_KEYS = ("seconds", "size", "seed", "prompt", "style", "fit", "rate", "card")
CARD_KEYS = ("at", "from", "to", "text", "image", "video")
KINDS = ("text", "image", "video")


@dataclass(frozen=True)
class Card:
    """One of ``text``, ``image`` and ``video``, from ``begin`` to ``end`` (None: as long as it lasts) in seconds."""

    number: int  # from 1, as a person counts
    begin: float
    end: float | None = None
    text: str | None = None
    image: Path | None = None
    video: Path | None = None


@dataclass(frozen=True)
class Board:
    """Cards in the order of time. ``style`` is added to every text, ``prompt`` is of what no card says."""

    seconds: float
    cards: tuple[Card, ...]
    size: PixelShape | None = None
    seed: int = 0
    prompt: str = ""
    style: str = ""
    fit: Fit | None = None
    rate: Rate | None = None

    def styled(self, text: str) -> str:
        return f"{text}, {self.style}" if text and self.style else text


def read_board(path: Path | str) -> Board:
    """A board from a TOML file; files that it names are looked for beside it.

    Raises:
        FileNotFoundError: there is no such file, or none of a card's name.
        ValueError: no TOML, or no board; the message names the card and the mend.
    """
    path = Path(path)
    if path.is_dir():
        raise ValueError(f"{path} is a folder: give a storyboard, a TOML file")
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist: check the name")
    try:
        return parse_board(path.read_text(encoding="utf-8"), path.parent)
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no text in UTF-8: give a storyboard, a TOML file") from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def parse_board(text: str, folder: Path) -> Board:
    """A board from TOML, its files in ``folder``; see :func:`read_board`."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"this is no TOML ({error}): mend that line") from error
    _check_keys("a board", table, BOARD_KEYS)
    if "seconds" not in table:
        raise ValueError("the board does not say how long it is: add a line such as seconds = 6.0")
    seconds = _value("the board", table, "seconds", float)
    if not 0 < seconds <= MOST_SECONDS:
        raise ValueError(f"seconds {seconds:g} is not a duration: give above 0, at most {MOST_SECONDS:g}")
    given = table.get("card")
    if not isinstance(given, list) or not given or not all(isinstance(each, dict) for each in given):
        raise ValueError("the board has no cards: add at least one under a line [[card]]")
    cards = tuple(_card(number, each, folder) for number, each in enumerate(given, start=1))
    _check_order(cards, seconds)
    size = _value("the board", table, "size", str, None)
    if size is not None and size.lower().count("x") != 1:
        raise ValueError(f"size {size!r} is not WIDTHxHEIGHT, for example 64x64: seconds say how many frames there are")
    fit, rate = _value("the board", table, "fit", str, None), _value("the board", table, "rate", str, None)
    return Board(
        seconds=seconds,
        cards=cards,
        size=None if size is None else PixelShape.parse(size),
        seed=checked_seed(_value("the board", table, "seed", int, 0)),
        prompt=_value("the board", table, "prompt", str, ""),
        style=_value("the board", table, "style", str, ""),
        fit=check_fit(fit),
        rate=check_rate(rate),
    )


def storyboard(
    board: Board | Path | str,
    model: Model,
    *,
    seed: int | None = None,
    sampling: SamplingConfig | None = None,
    on_step: OnStep | None = None,
) -> Generated:
    """Make the video of a board.

    Args:
        board: see :func:`read_board`.
        model: see :class:`Model`.
        seed: in place of the board's own.
        sampling: settings of the walk; the model's own when left out.
        on_step: told of every step, for a progress bar.

    Raises:
        ValueError, FileNotFoundError: see :func:`read_board`; a file that cannot be used, cards that overlap by what
            their files last. Nothing is made then.
    """
    board = board if isinstance(board, Board) else read_board(board)
    seed, settings = checked_seed(board.seed if seed is None else seed), model.settings(sampling)
    canvas, stretches, given = lay_out(board, model)
    words = " | ".join(dict.fromkeys(stretch.prompt for stretch in stretches if stretch.prompt))
    frames = fill(canvas, stretches, model, seed=seed, sampling=settings, on_step=on_step)
    return Generated(
        frames=frames,
        fps=model.fps,
        prompt=words,
        seed=seed,
        sampling=settings,
        unknown=unknown_words(model.text.tokenizer, words),
        ability="storyboard",
        parents=tuple(parent for each in given for parent in each.parents),
    )


def lay_out(board: Board, model: Model) -> tuple[Canvas, tuple[Stretch, ...], tuple[Footage, ...]]:
    """What the cards give, on a canvas; what is to be made, in its order; and the footage of the cards.

    Raises:
        ValueError, FileNotFoundError: see :func:`storyboard`.
    """
    total = frames_in(board.seconds, model.fps)
    prompt = check_prompt(board.styled(board.prompt)) if board.prompt else ""
    shown: list[tuple[int, Footage]] = []
    texts: list[Stretch] = []
    size, end = board.size, 0
    for card in board.cards:
        with _named(card.number):
            first, last = _interval(card, total, end, model)
            if card.text is not None:
                texts.append(Stretch(first, last, check_prompt(board.styled(card.text))))
            else:
                footage = _footage(card, replace(board, size=size), model)
                size = size or footage.pixels
                last = _fitting(card, footage, first, last, total, model)
                many = footage.frames if card.video else footage.frames.expand(last - first, -1, -1, -1)
                shown.append((first, replace(footage, frames=many[: last - first])))
            end = last
    pixels = size or model.sizes[0]
    model.check(replace(pixels, frames=model.most_frames))
    canvas = laid(torch.zeros(0, pixels.height, pixels.width, 3, dtype=torch.uint8), total)
    for first, footage in shown:
        canvas.frames[first : first + len(footage.frames)] = footage.frames
        canvas.given[first : first + len(footage.frames)] = True
    said = Canvas(canvas.frames, canvas.given.clone())
    for text in texts:
        said.given[text.first : text.last] = True
    return canvas, (*texts, *said.stretches(prompt)), tuple(footage for _, footage in shown)


def _interval(card: Card, total: int, before: int, model: Model) -> tuple[int, int]:
    """The frames of a card; without an end those of one latent frame, as far as there are so many."""
    group = model.autoencoder.config.time
    first = frame_at(card.begin, model.fps, "its beginning at")
    if first < before:
        raise ValueError(
            f"it begins at {card.begin:g} s, the card before it ends at {before / model.fps:g} s: let them not overlap"
        )
    last = min(first + group, total) if card.end is None else frame_at(card.end, model.fps, "its end at")
    if last - first < group and last < total:
        least = group / model.fps
        raise ValueError(f"it lasts {(last - first) / model.fps:g} s: give it {least:g} s, what the model sees as one")
    return first, last


def _footage(card: Card, board: Board, model: Model) -> Footage:
    if card.image is not None:
        return read_image(card.image, model, fit=board.fit, size=board.size)
    assert card.video is not None
    return read_video(card.video, model, fit=board.fit, rate=board.rate, size=board.size)


def _fitting(card: Card, footage: Footage, first: int, last: int, total: int, model: Model) -> int:
    """The frame at which a card of footage ends."""
    if card.video is None:
        return last
    there = len(footage.frames)
    if card.end is not None and first + there < last:
        raise ValueError(f"{footage.name} lasts {there / model.fps:g} s, not to {card.end:g} s: leave `to` out")
    if card.end is None and first + there > total:
        raise ValueError(
            f"{footage.name} lasts {there / model.fps:g} s and would end after the board, at {total / model.fps:g} s:"
            " give `to`, let it begin earlier, or raise seconds"
        )
    if there < model.autoencoder.config.time and first + there < total:
        raise ValueError(f"{footage.name} has only {there} frames: give it as an image")
    return last if card.end is not None else first + there


def _card(number: int, table: Mapping[str, Any], folder: Path) -> Card:
    with _named(number):
        _check_keys("a card", table, CARD_KEYS)
        kinds = [kind for kind in KINDS if kind in table]
        if len(kinds) != 1:
            raise ValueError(f"it has {' and '.join(kinds) or 'nothing to show'}: give one of {', '.join(KINDS)}")
        what = _value("it", table, kinds[0], str)
        begins = [key for key in ("at", "from") if key in table]
        if len(begins) != 1:
            raise ValueError(f"it has {' and '.join(begins) or 'no time'}: say where it begins, once: at or from")
        begin = _value("it", table, begins[0], float)
        end = _value("it", table, "to", float, None)
        if kinds[0] == "text":
            if end is None:
                raise ValueError("a text takes time: give from and to")
            check_prompt(what)
            return Card(number, begin, end, text=what)
        path = folder / what
        if not path.is_file():
            raise FileNotFoundError(f"{path} does not exist: check the name; it is looked for beside the board")
        return Card(number, begin, end, image=path) if kinds[0] == "image" else Card(number, begin, end, video=path)


def _check_order(cards: Sequence[Card], seconds: float) -> None:
    """Refuse cards that lie outside of the board, are not in the order of time, or overlap."""
    for before, card in zip((None, *cards), cards, strict=False):
        with _named(card.number):
            if not 0 <= card.begin < seconds:
                raise ValueError(
                    f"it begins at {card.begin:g} s, the board lasts {seconds:g} s: give 0 or more, and less"
                )
            if card.end is not None and not card.begin < card.end <= seconds:
                raise ValueError(
                    f"it goes from {card.begin:g} s to {card.end:g} s on a board of {seconds:g} s:"
                    " let it end after it begins and within the board"
                )
            if before is not None and card.begin <= before.begin:
                raise ValueError(
                    f"it begins at {card.begin:g} s, card {before.number} at {before.begin:g} s:"
                    " put cards in the order of time"
                )
            if before is not None and before.end is not None and card.begin < before.end:
                raise ValueError(
                    f"it begins at {card.begin:g} s, card {before.number} ends at {before.end:g} s:"
                    " let them not overlap"
                )


@contextmanager
def _named(number: int) -> Iterator[None]:
    """Errors within are of this card."""
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
            raise ValueError(f"{key!r} means nothing to {what}: {hint}")


def _value(what: str, table: Mapping[str, Any], key: str, kind: type[_T], *default: _D) -> _T | _D:
    """A table's value, of that kind, or the default where there is one."""
    if key not in table and default:
        return default[0]
    value = table[key]
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        words = {str: "a text in quotation marks", float: "a number", int: "a whole number"}[kind]
        raise ValueError(f"{what} has {key} = {value!r}: give {words}")
    return value
