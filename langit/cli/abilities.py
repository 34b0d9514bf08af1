"""Verbs that begin with a video: what is given stays, the rest is generated."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from langit.cli.making import Clip, Fit, Making, Prompt, Rate, make, verb

Words = Annotated[
    str, typer.Argument(metavar="[PROMPT]", help="What the new part shows. Without it, the given frames decide.")
]
Strength = Annotated[float, typer.Option(help="Above 0 up to 1. The higher, the less of the video is kept.")]


@verb
def extend(
    video: Clip,
    prompt: Words = "",
    seconds: Annotated[float, typer.Option(help="Length of the new part.")] = 2.0,
    before: Annotated[bool, typer.Option("--before", help="Add the new part before the beginning.")] = False,
    fit: Fit = None,
    rate: Rate = None,
    *,
    making: Making,
) -> None:
    """Continue a video after its end or before its beginning."""
    from langit.studio.video_requests import ExtendRequest

    make(making, ExtendRequest(video=video, prompt=prompt, seconds=seconds, before=before, fit=fit, rate=rate))


@verb
def loop(
    video: Clip,
    prompt: Words = "",
    seconds: Annotated[float, typer.Option(help="Length of the bridge back to the beginning.")] = 1.0,
    fit: Fit = None,
    rate: Rate = None,
    *,
    making: Making,
) -> None:
    """Add a bridge from a video's end to its beginning, so that it can be played in a loop."""
    from langit.studio.video_requests import LoopRequest

    make(making, LoopRequest(video=video, prompt=prompt, seconds=seconds, fit=fit, rate=rate))


@verb
def connect(
    first: Clip,
    second: Clip,
    prompt: Words = "",
    seconds: Annotated[float | None, typer.Option(help="Length of the bridge. Default: 1.")] = None,
    blend: Annotated[
        float | None, typer.Option(help="Seconds over which one becomes the other, instead of a bridge.")
    ] = None,
    fit: Fit = None,
    rate: Rate = None,
    *,
    making: Making,
) -> None:
    """Join two videos with a bridge, or blend one into the other."""
    from langit.studio.video_requests import ConnectRequest

    make(
        making,
        ConnectRequest(video=first, second=second, prompt=prompt, seconds=seconds, blend=blend, fit=fit, rate=rate),
    )


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
    """Generate a video again with another prompt."""
    from langit.studio.video_requests import EditRequest

    make(making, EditRequest(video=video, prompt=prompt, strength=strength, fit=fit, rate=rate))


@verb
def inpaint(
    video: Clip,
    prompt: Prompt,
    mask: Annotated[Path, typer.Option(help="A picture of the video's size: white where it is generated anew.")],
    strength: Strength = 1.0,
    fit: Fit = None,
    rate: Rate = None,
    *,
    making: Making,
) -> None:
    """Regenerate a region of a video; every other pixel stays."""
    from langit.studio.video_requests import InpaintRequest

    make(making, InpaintRequest(video=video, prompt=prompt, mask=mask, strength=strength, fit=fit, rate=rate))


@verb
def recut(
    video: Clip,
    seconds: Annotated[float, typer.Option(help="Length of the whole result.")],
    prompt: Words = "",
    start: Annotated[float, typer.Option("--from", help="Second at which the part to keep begins.")] = 0.0,
    end: Annotated[float | None, typer.Option("--to", help="Second at which it ends. Default: the end.")] = None,
    before: Annotated[
        float | None, typer.Option(help="Seconds to generate before it. Default: half of what is new.")
    ] = None,
    fit: Fit = None,
    rate: Rate = None,
    *,
    making: Making,
) -> None:
    """Keep a part of a video, and generate what comes before and after it."""
    from langit.studio.video_requests import RecutRequest

    make(
        making,
        RecutRequest(
            video=video,
            prompt=prompt,
            seconds=seconds,
            start=start,
            end=end,
            before=before,
            fit=fit,
            rate=rate,
        ),
    )
