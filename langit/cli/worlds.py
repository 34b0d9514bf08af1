"""The verb `worlds`: rendered films, from which models are trained."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from langit.cli.entry import app
from langit.cli.printing import JsonOption, answer
from langit.cli.progress import progress

if TYPE_CHECKING:
    from langit.shapes import PixelShape

worlds = typer.Typer(help="Rendered films, from which models are trained.")
app.add_typer(worlds, name="worlds")


@worlds.command("render")
def render(
    count: Annotated[int, typer.Argument(min=1, help="The number of films.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The folder for the films; created if missing.")],
    contact_sheet: Annotated[bool, typer.Option("--contact-sheet", help="Also make one picture of all films.")] = False,
    size: Annotated[
        str | None, typer.Option(help="WIDTHxHEIGHT or WIDTHxHEIGHTxFRAMES, for example 128x128x33.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=10**9, help="The seed of the first film; the others follow.")] = 0,
    world: Annotated[
        str,
        typer.Option(
            help="worlds-1 (simple things), story-1 (puppies, a traveller, a train) or behind-1 (hidden things)."
        ),
    ] = "worlds-1",
    as_json: JsonOption = False,
) -> None:
    """Render films, each with a JSON file of its captions and ground truth."""
    from langit.worlds.film import PIXELS
    from langit.worlds.gallery import render_to_folder

    pixels = PIXELS if size is None else parse_size(size, PIXELS.frames)
    with progress() as report:
        render_to_folder(
            count,
            output,
            pixels,
            seed,
            contact_sheet,
            lambda done, total: report("films", done, total, ""),
            world,
        )
    answer({"folder": str(output.absolute()), "films": count}, as_json, [output.absolute()])


def parse_size(size: str, frames: int) -> PixelShape:
    """Parse ``WIDTHxHEIGHTxFRAMES``, or ``WIDTHxHEIGHT`` with a default for ``frames``."""
    from langit.shapes import PixelShape

    shape = PixelShape.parse(size)
    return shape if size.lower().count("x") == 2 else replace(shape, frames=frames)
