"""Train a model by a recipe."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Annotated

import typer

from langit.cli.entry import app
from langit.cli.progress import progress


@app.command()
def train(
    recipe: Annotated[str, typer.Argument(help="A recipe's name, for example pocket.")],
    changes: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Changes to the recipe.")
    ] = None,
    manifest: Annotated[
        str | None, typer.Option(help="A curated set to learn from beside the films: a manifest's name or digest.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint.")] = False,
    workers: Annotated[int, typer.Option(min=1, help="Processes that render films.")] = max(os.cpu_count() or 1, 1),
) -> None:
    """Walk a recipe from films to a model."""
    from langit.config import override
    from langit.recipes import find

    changed = override(find(recipe), changes or [])
    if manifest is not None:
        changed = replace(changed, manifest=manifest)

    from langit.recipes.run import run

    with progress() as report:
        folder = run(changed, resume=resume, workers=workers, report=report)
    typer.echo(folder)
