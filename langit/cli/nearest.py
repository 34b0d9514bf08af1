"""Which training clips a video is similar to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from langit.cli.entry import app


@app.command()
def nearest(
    video: Annotated[Path, typer.Argument(help="A video file, of any size and rate.")],
    count: Annotated[int, typer.Option("-k", "--count", min=1, max=100, help="How many clips.")] = 5,
    model: Annotated[str, typer.Option(help="Whose training clips: a model's name, or a bundle's folder.")] = "pocket",
    png: Annotated[Path | None, typer.Option(help="A picture of them side by side, to be made.")] = None,
    html: Annotated[Path | None, typer.Option(help="A page with moving pictures, to be made.")] = None,
) -> None:
    """Show the training clips that a video is most similar to: similar, which is not to say caused by."""
    from langit import config
    from langit.release.nearest import show
    from langit.release.nearest.asked import ask

    answer = ask(video, model, count, config.home())
    for place, one in enumerate(answer.found, start=1):
        typer.echo(f"{place}. {one.name}")
        typer.echo(f"   {one.words}")
        typer.echo(f"   owner {one.owner}, licence {one.licence}{'; ' + one.missing if one.missing else ''}")
    for finding in answer.findings:
        typer.echo(f"{finding.action}: {finding.why}")
    typer.echo(show.SAYS)
    if png is not None:
        show.picture(png, answer.frames, video.name, answer.found)
        typer.echo(png.absolute())
    if html is not None:
        show.page(html, answer.frames, answer.fps, video.name, answer.found)
        typer.echo(html.absolute())
