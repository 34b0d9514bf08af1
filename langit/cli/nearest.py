"""Which training clips a video is similar to: the verb `nearest`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from langit.cli.entry import app
from langit.printable import one_line


@app.command()
def nearest(
    video: Annotated[Path, typer.Argument(help="A video file, of any size and rate.")],
    count: Annotated[int, typer.Option("-k", "--count", min=1, max=100, help="How many clips to show.")] = 5,
    model: Annotated[
        str | None,
        typer.Option(help="The model whose training clips are searched; by default the one that made the file."),
    ] = None,
    png: Annotated[Path | None, typer.Option(help="Save a picture of the video and the clips here.")] = None,
    html: Annotated[Path | None, typer.Option(help="Save a page with moving pictures here.")] = None,
) -> None:
    """Show the training clips that a video is most similar to. Similarity does not show what caused it."""
    from langit import config
    from langit.release.nearest import show
    from langit.release.nearest.maker import find_maker
    from langit.release.nearest.query import find_nearest

    found, how = (model, "as requested") if model is not None else find_maker(video, config.home())
    answer = find_nearest(video, found, count, config.home())
    typer.echo(one_line(f"model {answer.model} ({how})"))
    for place, clip in enumerate(answer.found, start=1):
        missing = f"; {clip.missing}" if clip.missing else ""
        typer.echo(one_line(f"{place}. {clip.name}"))
        typer.echo(one_line(f"   {clip.words}"))
        typer.echo(one_line(f"   owner {clip.owner}, licence {clip.licence}{missing}"))
    for finding in answer.findings:
        typer.echo(one_line(f"{finding.action}: {finding.why}"))
    typer.echo(show.DISCLAIMER)
    if png is not None:
        show.save_sheet(png, answer.frames, video.name, answer.found)
        typer.echo(one_line(png.absolute()))
    if html is not None:
        show.save_page(html, answer.frames, answer.fps, video.name, answer.found)
        typer.echo(one_line(html.absolute()))
