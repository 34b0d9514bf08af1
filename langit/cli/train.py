"""Train a model by a recipe, at one budget or at several, and see what its training took."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from langit.cli.entry import app
from langit.cli.progress import progress

CORES = max(os.cpu_count() or 1, 1)
Name = Annotated[str, typer.Argument(help="A recipe's name, for example pocket.")]
Changes = Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Changes to the recipe.")]
Workers = Annotated[int, typer.Option(min=1, help="Processes that render films.")]
Output = Annotated[Path | None, typer.Option("-o", "--output", help="A folder for the report.")]


@app.command()
def train(
    recipe: Name,
    changes: Changes = None,
    manifest: Annotated[
        str | None, typer.Option(help="A curated set to learn from beside the films: a manifest's name or digest.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint.")] = False,
    workers: Workers = CORES,
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


@app.command()
def scale(
    recipe: Name,
    changes: Changes = None,
    budgets: Annotated[
        str, typer.Option(help="Steps of each run, as 125,500,2000; a sixteenth, a quarter and all if left out.")
    ] = "",
    size: Annotated[
        list[str] | None,
        typer.Option(metavar="'NAME KEY=VALUE…'", help="Another size of the transformer, as 'half num_layers=3'."),
    ] = None,
    prompts: Annotated[int, typer.Option(min=2, help="How many prompts that were never trained on.")] = 100,
    seeds: Annotated[int, typer.Option(min=1, help="How many videos of each.")] = 1,
    clips: Annotated[int, typer.Option(min=2, help="On how many clips never trained on the loss is taken.")] = 320,
    output: Output = None,
    workers: Workers = CORES,
) -> None:
    """Train a recipe's first stage at several budgets, and say what more computing gives."""
    from rich.console import Console

    from langit.config import override
    from langit.recipes import find

    changed = override(find(recipe), changes or [])
    sizes = {words.split(maxsplit=1)[0]: words.split()[1:] for words in size or [] if words.strip()}
    if len(sizes) < len(size or []) or not all(sizes.values()):
        raise ValueError(f"--size {', '.join(map(repr, size or []))}: give each a name of its own and its changes")
    wanted = [word for word in budgets.split(",") if word.strip()]
    if not all(word.strip().isdecimal() for word in wanted):
        raise ValueError(f"--budgets {budgets!r} are not numbers of steps, for example 125,500,2000")

    from langit.recipes.scale import Asked, scale

    folder = output or Path(f"scale-{changed.name}")
    with progress() as report:
        done = scale(
            changed,
            [int(word) for word in wanted],
            sizes,
            folder=folder,
            report=report,
            asked=Asked(prompts, seeds, clips),
            workers=workers,
        )
    Console().print(done.table())
    typer.echo(folder.absolute())


@app.command()
def runs(recipe: Name, changes: Changes = None, output: Output = None) -> None:
    """What each stage of a recipe's training took and came to, as far as it is."""
    from rich.console import Console

    from langit.config import override
    from langit.recipes import find

    changed = override(find(recipe), changes or [])

    from langit.recipes.runs import report_runs

    folder = output or Path(f"runs-{changed.name}")
    Console().print(report_runs(changed, folder).table())
    typer.echo(folder.absolute())
