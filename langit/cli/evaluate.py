"""Measure a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from langit.cli.entry import app
from langit.cli.progress import progress


@app.command()
def evaluate(
    model: Annotated[str, typer.Argument(help="A model's name, or a bundle's folder.")],
    prompts: Annotated[int, typer.Option(min=1, help="How many prompts that were never trained on.")] = 200,
    seeds: Annotated[int, typer.Option(min=1, help="How many videos of each.")] = 3,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="A folder for the report.")] = None,
) -> None:
    """Measure a model: the figures of its card, again."""
    from rich.console import Console

    from langit.evaluate.report import evaluate as measure

    folder = output or Path(f"evaluation-{Path(model).name}")
    with progress() as report:
        found = measure(
            model,
            prompts=prompts,
            seeds=seeds,
            folder=folder,
            progress=lambda stage, done, of: report(stage, done, of, ""),
        )
    Console().print(found.table())
    typer.echo(folder.absolute())
