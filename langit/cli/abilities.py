"""Verbs that begin with a video: what is given stays, the rest is made."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from langit.cli.making import Clip, Fit, Making, Prompt, Rate, Work, make, verb

if TYPE_CHECKING:
    from langit.generate import Model

Words = Annotated[str, typer.Argument(metavar="[PROMPT]", help="What the new part shows; by itself if left out.")]
Strength = Annotated[float, typer.Option(help="Above 0 to 1: how little of the video is kept.")]


@verb
def extend(
    video: Clip,
    prompt: Words = "",
    seconds: Annotated[float, typer.Option(help="How much is added.")] = 2.0,
    before: Annotated[bool, typer.Option("--before", help="Add what led to its beginning.")] = False,
    fit: Fit = None,
    rate: Rate = None,
    *,
    making: Making,
) -> None:
    """Go on from a video's end, or make what led to its beginning."""

    def prepare(model: Model) -> Work:
        from langit.generate import extend as ability
        from langit.generate.durations import frames_in
        from langit.generate.footage import read_video

        frames_in(seconds, model.fps, "--seconds")
        given = read_video(video, model, fit=fit, rate=rate)
        return lambda turn: ability(given, model, turn.prompt, seconds=seconds, before=before, **turn.settings)

    make(making, prompt, prepare, name=f"{video.stem} extended", given=True)


@verb
def loop(
    video: Clip,
    prompt: Words = "",
    seconds: Annotated[float, typer.Option(help="How long the way back to its beginning is.")] = 1.0,
    fit: Fit = None,
    rate: Rate = None,
    *,
    making: Making,
) -> None:
    """Add a way back from a video's end to its beginning, so that it plays for ever."""

    def prepare(model: Model) -> Work:
        from langit.generate import loop as ability
        from langit.generate.durations import frames_in
        from langit.generate.footage import read_video

        frames_in(seconds, model.fps, "--seconds")
        given = read_video(video, model, fit=fit, rate=rate)
        return lambda turn: ability(given, model, turn.prompt, seconds=seconds, **turn.settings)

    make(making, prompt, prepare, name=f"{video.stem} loop", given=True)


@verb
def connect(
    first: Clip,
    second: Clip,
    prompt: Words = "",
    seconds: Annotated[float | None, typer.Option(help="How long the bridge is; 1 if left out.")] = None,
    blend: Annotated[float | None, typer.Option(help="Seconds in which one becomes the other, and no bridge.")] = None,
    fit: Fit = None,
    rate: Rate = None,
    *,
    making: Making,
) -> None:
    """Join two videos: a bridge between them, or one blended into the other."""

    def prepare(model: Model) -> Work:
        from langit.generate import connect as ability
        from langit.generate.durations import frames_in
        from langit.generate.footage import read_video

        for name, value in (("--seconds", seconds), ("--blend", blend)):
            if value is not None:
                frames_in(value, model.fps, name)
        one = read_video(first, model, fit=fit, rate=rate)
        other = read_video(second, model, fit=fit, rate=rate, size=None if fit is None else one.pixels)
        return lambda turn: ability(one, other, model, turn.prompt, seconds=seconds, blend=blend, **turn.settings)

    make(making, prompt, prepare, name=f"{first.stem} to {second.stem}", given=True)


@verb
def edit(
    video: Clip,
    prompt: Prompt,
    strength: Strength = 0.6,
    fit: Fit = None,
    rate: Rate = None,
    *,
    making: Making,
) -> None:
    """Make a video again with another prompt; the less strength, the more of it is kept."""

    def prepare(model: Model) -> Work:
        from langit.generate import edit as ability
        from langit.generate.footage import read_video

        given = read_video(video, model, fit=fit, rate=rate)
        return lambda turn: ability(given, turn.prompt, model, strength=strength, **turn.settings)

    make(making, prompt, prepare, name=f"{video.stem} edited", given=True)


@verb
def inpaint(
    video: Clip,
    prompt: Prompt,
    mask: Annotated[Path, typer.Option(help="A picture of the video's size: white where it is made anew.")],
    strength: Strength = 1.0,
    fit: Fit = None,
    rate: Rate = None,
    *,
    making: Making,
) -> None:
    """Make a region of a video anew; outside of it every pixel stays."""

    def prepare(model: Model) -> Work:
        from langit.generate import inpaint as ability
        from langit.generate.footage import read_video
        from langit.generate.stills import read_mask

        given = read_video(video, model, fit=fit, rate=rate)
        read_mask(mask, given.pixels)
        return lambda turn: ability(given, mask, turn.prompt, model, strength=strength, **turn.settings)

    make(making, prompt, prepare, name=f"{video.stem} inpainted", given=True)


@verb
def recut(
    video: Clip,
    seconds: Annotated[float, typer.Option(help="How long the whole is to be.")],
    prompt: Words = "",
    start: Annotated[float, typer.Option("--from", help="The second where the part that is kept begins.")] = 0.0,
    end: Annotated[float | None, typer.Option("--to", help="Where it ends; the video's end if left out.")] = None,
    before: Annotated[
        float | None, typer.Option(help="Seconds to make before it; half of what is new if left out.")
    ] = None,
    fit: Fit = None,
    rate: Rate = None,
    *,
    making: Making,
) -> None:
    """Keep a part of a video, and make what came before and what comes after."""

    def prepare(model: Model) -> Work:
        from langit.generate import recut as ability
        from langit.generate.durations import frames_in
        from langit.generate.footage import read_video

        frames_in(seconds, model.fps, "--seconds")
        given = read_video(video, model, fit=fit, rate=rate)
        return lambda turn: ability(
            given, model, turn.prompt, start=start, end=end, seconds=seconds, before=before, **turn.settings
        )

    make(making, prompt, prepare, name=f"{video.stem} recut", given=True)
