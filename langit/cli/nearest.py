"""Which training clips a video is similar to: the verb `nearest`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from langit.cli.entry import app
from langit.cli.ledger_output import to_json
from langit.cli.printing import JsonOption
from langit.printable import one_line

if TYPE_CHECKING:
    from langit.release.nearest.query import NearestAnswer


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
    as_json: JsonOption = False,
) -> None:
    """Show the training clips that a video is most similar to. Similarity does not show what caused it."""
    from langit import config
    from langit.files import check_ordinary
    from langit.release.nearest import show
    from langit.release.nearest.maker import find_maker
    from langit.release.nearest.query import find_nearest

    check_ordinary(video)
    for place, suffix in ((png, ".png"), (html, ".html")):
        if place is not None:
            _check_place(place, suffix)  # before the search, which takes seconds
    found, how = (model, "as requested") if model is not None else find_maker(video, config.home())
    answer = find_nearest(video, found, count, config.home())
    if as_json:
        clips = [
            {"name": clip.name, "words": clip.words, "owner": clip.owner, "licence": clip.licence}
            for clip in answer.found
        ]
        findings = [{"action": finding.action, "why": finding.why} for finding in answer.findings]
        typer.echo(to_json({"model": str(answer.model), "clips": clips, "findings": findings}).rstrip())
    else:
        _print_answer(answer, how)
    if png is not None:
        show.save_sheet(png, answer.frames, video.name, answer.found)
    if html is not None:
        show.save_page(html, answer.frames, answer.fps, video.name, answer.found)
    for path in (png, html):
        if path is not None:
            typer.echo(one_line(path.absolute()), err=as_json)  # stdout is one JSON value then


def _check_place(path: Path, suffix: str) -> None:
    if path.suffix.lower() != suffix or path.is_dir():
        raise ValueError(f"{path} does not end in {suffix}, or is a folder: name a file such as near{suffix}")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path.parent} is not a folder: create it, or choose another")


def _print_answer(answer: NearestAnswer, how: str) -> None:
    from langit.release.nearest import show

    typer.echo(one_line(f"model {answer.model} ({how})"))
    for place, clip in enumerate(answer.found, start=1):
        missing = f"; {clip.missing}" if clip.missing else ""
        typer.echo(one_line(f"{place}. {clip.name}"))
        typer.echo(one_line(f"   {clip.words}"))
        typer.echo(one_line(f"   owner {clip.owner}, licence {clip.licence}{missing}"))
    for finding in answer.findings:
        typer.echo(one_line(f"{finding.action}: {finding.why}"))
    typer.echo(show.DISCLAIMER)
