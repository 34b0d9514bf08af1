"""The films that we render ourselves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from langit.cli.entry import app
from langit.cli.progress import progress

if TYPE_CHECKING:
    from langit.shapes import PixelShape

worlds = typer.Typer(help="The films that we render ourselves, which models learn from.")
app.add_typer(worlds, name="worlds")


@worlds.command("render")
def render(
    count: Annotated[int, typer.Argument(min=1, help="How many films.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="A folder, made if it is not there.")],
    contact_sheet: Annotated[bool, typer.Option("--contact-sheet", help="One picture of all of them, too.")] = False,
    size: Annotated[str | None, typer.Option(help="WIDTHxHEIGHT or WIDTHxHEIGHTxFRAMES.")] = None,
    seed: Annotated[int, typer.Option(min=0, max=10**9, help="The first film's seed; the others follow.")] = 0,
    world: Annotated[
        str,
        typer.Option(
            help="worlds-1 (things), story-1 (puppies, a traveller, a train) or behind-1 (hidden, and out again)."
        ),
    ] = "worlds-1",
) -> None:
    """Render films to look at, each with its captions beside it."""
    from langit.worlds.film import PIXELS
    from langit.worlds.gallery import render_to_folder

    pixels = PIXELS if size is None else given_size(size, PIXELS.frames)
    with progress() as report:
        render_to_folder(
            count,
            output,
            pixels,
            seed,
            contact_sheet,
            lambda done, of: report("films", done, of, ""),
            world,
        )
    typer.echo(output.absolute())


def given_size(size: str, frames: int) -> PixelShape:
    """``WIDTHxHEIGHTxFRAMES``, or ``WIDTHxHEIGHT`` with ``frames``."""
    from langit.shapes import PixelShape

    shape = PixelShape.parse(size)
    return shape if size.lower().count("x") == 2 else replace(shape, frames=frames)
