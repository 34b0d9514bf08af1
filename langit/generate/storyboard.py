"""Generate the video of a storyboard.

Texts are generated in their order, each seeing what lies directly beside it; then what lies between the cards, seeing
both sides.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from langit.generate.board import Board, Card, errors_of_card, read_board
from langit.generate.canvas import Canvas, complete
from langit.generate.durations import frame_at, frames_in
from langit.generate.footage import Footage, read_video
from langit.generate.inputs import check_seed
from langit.generate.model import Model
from langit.generate.sampler import OnStep
from langit.generate.settings import SamplingConfig
from langit.generate.stills import read_image
from langit.generate.video import Generated
from langit.generate.windows import Span
from langit.text.vocabulary import unknown_words


def storyboard(
    board: Board | Path | str,
    model: Model,
    *,
    seed: int | None = None,
    sampling: SamplingConfig | None = None,
    on_step: OnStep | None = None,
) -> Generated:
    """Generate the video of a board.

    Args:
        board: a board or its file, see :func:`read_board`.
        model: see :class:`Model`.
        seed: instead of the board's own.
        sampling: all sampling settings; the model's own if left out.
        on_step: is called after every step.

    Raises:
        ValueError, FileNotFoundError: see :func:`read_board`; a file that cannot be used, or cards that overlap
            because of how long their files are. Nothing is generated then.
    """
    board = board if isinstance(board, Board) else read_board(board)
    seed, settings = check_seed(board.seed if seed is None else seed), model.settings(sampling)
    canvas, spans, footage = lay_out(board, model)
    texts = " | ".join(dict.fromkeys(span.prompt for span in spans if span.prompt))
    frames = complete(canvas, spans, model, seed=seed, sampling=settings, on_step=on_step)
    return Generated(
        frames=frames,
        fps=model.fps,
        prompt=texts,
        seed=seed,
        sampling=settings,
        unknown=unknown_words(model.text.tokenizer, texts),
        ability="storyboard",
        parents=tuple(parent for each in footage for parent in each.parents),
        given=frozenset(number for number, whole in enumerate(canvas.given_frames) if whole),
    )


def lay_out(board: Board, model: Model) -> tuple[Canvas, tuple[Span, ...], tuple[Footage, ...]]:
    """The given frames on a canvas, the spans to generate in their order, and the footage of the cards.

    Raises:
        ValueError, FileNotFoundError: see :func:`storyboard`.
    """
    total = frames_in(board.seconds, model.fps)
    prompt = model.check_prompt(board.with_style(board.prompt), optional=True)
    placed: list[tuple[int, Footage]] = []  # with the number of its first frame
    texts: list[Span] = []
    size, end = board.size, 0
    problems: list[str] = []  # of all files, so that a person mends the board once
    for card in board.cards:
        with errors_of_card(card.number):
            first, last = _interval(card, total, end, model)
            if card.text is not None:
                texts.append(Span(first, last, model.check_prompt(board.with_style(card.text))))
            else:
                try:
                    footage = _read_card(card, replace(board, size=size), model)
                except ValueError as error:
                    problems.append(f"card {card.number}: {error}")
                    end = last
                    continue
                size = size or footage.pixels  # the first picture decides where the board names no size
                last = _end_of(card, footage, first, last, total, model)
                frames = footage.frames if card.video else footage.frames.expand(last - first, -1, -1, -1)
                placed.append((first, replace(footage, frames=frames[: last - first])))
            end = last
    if problems:
        raise ValueError("; ".join(problems))
    pixels = size or model.sizes[0]
    model.check(replace(pixels, frames=model.max_frames))
    canvas = Canvas.join(torch.zeros(0, pixels.height, pixels.width, 3, dtype=torch.uint8, device="cpu"), total)
    for first, footage in placed:
        canvas.frames[first : first + len(footage.frames)] = footage.frames
        canvas.given[first : first + len(footage.frames)] = True
    # What no card covers is generated last, when both of its sides are known.
    covered = Canvas(canvas.frames, canvas.given.clone())
    for text in texts:
        covered.given[text.first : text.last] = True
    return canvas, (*texts, *covered.missing_spans(prompt)), tuple(footage for _, footage in placed)


def _interval(card: Card, total: int, before: int, model: Model) -> tuple[int, int]:
    """First and last frame (exclusive) of a card; without an end, those of one latent frame or up to the board's end.

    Raises:
        ValueError: it overlaps the card before, or is shorter than a latent frame.
    """
    group = model.autoencoder.compression.time
    first = frame_at(card.begin, model.fps, "its start")
    if first < before:
        raise ValueError(
            f"it begins at {card.begin:g} s, the card before it ends at {before / model.fps:g} s: they must not overlap"
        )
    last = min(first + group, total) if card.end is None else frame_at(card.end, model.fps, "its end")
    if last - first < group and last < total:
        least = group / model.fps
        raise ValueError(f"it lasts {(last - first) / model.fps:g} s: give it at least {least:g} s, one latent frame")
    return first, last


def _read_card(card: Card, board: Board, model: Model) -> Footage:
    if card.image is not None:
        return read_image(card.image, model, fit=board.fit, size=board.size)
    assert card.video is not None
    return read_video(card.video, model, fit=board.fit, rate=board.rate, size=board.size)


def _end_of(card: Card, footage: Footage, first: int, last: int, total: int, model: Model) -> int:
    """The frame before which a card of footage ends.

    Raises:
        ValueError: the footage is too long or too short for the card.
    """
    if card.video is None:
        return last
    length = len(footage.frames)
    if card.end is not None and first + length < last:
        raise ValueError(f"{footage.name} lasts {length / model.fps:g} s, not to {card.end:g} s: leave `to` out")
    if card.end is None and first + length > total:
        raise ValueError(
            f"{footage.name} lasts {length / model.fps:g} s and would end after the board, at {total / model.fps:g} s:"
            " give `to`, let it begin earlier, or raise seconds"
        )
    if length < model.autoencoder.compression.time and first + length < total:
        raise ValueError(f"{footage.name} has only {length} frames: give it as an image")
    return last if card.end is not None else first + length
