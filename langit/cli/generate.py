"""Verbs that begin with a sentence: a video, an image, a minute, a storyboard."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from langit.cli.making import Fit, Making, Prompt, Rate, Size, Turn, Work, make, verb

if TYPE_CHECKING:
    from langit.generate import Generated, Model
    from langit.generate.footage import Footage
    from langit.shapes import PixelShape


@verb
def generate(
    prompt: Prompt,
    size: Annotated[
        str | None, typer.Option(help="WIDTHxHEIGHT or WIDTHxHEIGHTxFRAMES, one that the model can do.")
    ] = None,
    frames: Annotated[int | None, typer.Option(min=1, help="How many frames.")] = None,
    seconds: Annotated[float | None, typer.Option(help="How long, instead of --frames.")] = None,
    image: Annotated[Path | None, typer.Option(help="A picture that the video begins with.")] = None,
    last: Annotated[Path | None, typer.Option(help="A picture that it ends with.")] = None,
    fit: Fit = None,
    *,
    making: Making,
) -> None:
    """Make a video of a sentence, and of a picture to begin or to end with."""

    def prepare(model: Model) -> Work:
        from langit.generate import generate as ability
        from langit.generate.stills import read_image

        wanted = wanted_size(size, frames, seconds, model)
        given: list[Footage | None] = []
        for path in (image, last):
            known = wanted if size is not None else next((each.pixels for each in given if each), None)
            given.append(None if path is None else read_image(path, model, fit=fit, size=known))
        first = next((each.pixels for each in given if each), wanted)
        pixels = replace(first, frames=wanted.frames)
        if pixels.frames > model.max_frames:
            raise ValueError(
                f"{pixels.frames} frames, {pixels.frames / model.fps:g} s, are too many to be made at once: ask for at"
                f" most {model.max_frames} frames, {model.max_frames / model.fps:g} s, or use langit minute"
            )
        model.check(pixels)
        return lambda turn: ability(turn.prompt, model, pixels=pixels, image=given[0], last=given[1], **turn.settings)

    make(making, prompt, prepare, given=image is not None or last is not None)


@verb
def image(prompt: Prompt, size: Size = None, *, making: Making) -> None:
    """Make an image of a sentence: a video of one frame."""

    def prepare(model: Model) -> Work:
        from langit.generate import image as ability

        wanted = wanted_size(size, 1, None, model)
        model.check(wanted)
        return lambda turn: ability(turn.prompt, model, size=wanted, **turn.settings)

    make(making, prompt, prepare, image=True)


@verb
def minute(
    prompt: Prompt,
    seconds: Annotated[float, typer.Option(help="How long.")] = 60.0,
    size: Size = None,
    *,
    making: Making,
) -> None:
    """Make a long video, window after window, in constant memory."""

    def prepare(model: Model) -> Work:
        from langit.generate import minute as ability
        from langit.generate.durations import frames_in

        frames_in(seconds, model.fps, "--seconds")
        wanted = wanted_size(size, None, None, model)
        model.check(wanted)
        return lambda turn: ability(turn.prompt, model, seconds=seconds, pixels=wanted, **turn.settings)

    make(making, prompt, prepare)


@verb
def storyboard(
    board: Annotated[Path, typer.Argument(help="A .toml of timed cards; docs/generate.md says what is in it.")],
    fit: Fit = None,
    rate: Rate = None,
    *,
    making: Making,
) -> None:
    """Make a video of timed cards: sentences, pictures and videos."""
    from langit.generate.board import read_board
    from langit.generate.storyboard import storyboard as ability

    plan = read_board(board)
    plan = replace(plan, fit=fit or plan.fit, rate=rate or plan.rate)
    making = making if making.seed is not None else replace(making, seed=plan.seed)

    def prepare(model: Model) -> Work:
        def work(turn: Turn) -> Generated:
            cards = tuple(replace(card, text=turn.read(card.text)) if card.text else card for card in plan.cards)
            prompt = turn.read(plan.prompt) if plan.prompt else ""
            return ability(replace(plan, cards=cards, prompt=prompt), model, **turn.settings)

        return work

    make(making, "", prepare, name=board.stem, given=any(card.text is None for card in plan.cards))


def wanted_size(size: str | None, frames: int | None, seconds: float | None, model: Model) -> PixelShape:
    """The size that the options ask for; what they leave open is the model's first choice that agrees with them.

    Raises:
        ValueError: the options contradict each other, or say no size.
    """
    from langit.generate.durations import frames_in
    from langit.shapes import PixelShape

    if frames is not None and seconds is not None:
        raise ValueError(f"--frames {frames} and --seconds {seconds:g} say the same thing: give one of them")
    if seconds is not None:
        frames = frames_in(seconds, model.fps, "--seconds")
    asked = PixelShape.parse(size) if size is not None else None
    if asked is not None and size is not None and size.lower().count("x") == 2:
        if frames is not None and frames != asked.frames:
            raise ValueError(f"--size {size} has {asked.frames} frames, not {frames}: give the frames once")
        frames = asked.frames
    shape = model.sizes[0]
    if asked is not None:
        agreeing = (each for each in model.sizes if (each.width, each.height) == (asked.width, asked.height))
        shape = next(agreeing, replace(shape, width=asked.width, height=asked.height))
    return shape if frames is None else replace(shape, frames=frames)
