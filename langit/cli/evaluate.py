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
    changes: Annotated[
        list[str] | None,
        typer.Argument(metavar="[sampling.KEY=VALUE]...", help="Changes to how the model is sampled."),
    ] = None,
    prompts: Annotated[
        int | None, typer.Option(min=1, help="How many prompts that were never trained on; 200 if left out.")
    ] = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="How many videos of each; 3 if left out.")] = None,
    abilities: Annotated[
        bool, typer.Option("--abilities", help="Measure what it does with given frames, sizes and minutes instead.")
    ] = False,
    copying: Annotated[
        bool, typer.Option("--copying", help="Measure how near its videos are to its training clips instead.")
    ] = False,
    physics: Annotated[
        bool, typer.Option("--physics", help="Measure how things fall, which way they go and what hides instead.")
    ] = False,
    story: Annotated[
        bool, typer.Option("--story", help="Measure how well the story's scenes are recognised instead.")
    ] = False,
    films: Annotated[
        int | None, typer.Option(min=1, help="With --abilities: on how many held-out films; 64 if left out.")
    ] = None,
    careful: Annotated[
        bool, typer.Option("--careful", help="Take the full way where the model has a fast one.")
    ] = False,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="A folder for the report.")] = None,
) -> None:
    """Measure a model: the figures of its card, again."""
    from rich.console import Console
    from rich.table import Table

    if abilities and (prompts is not None or seeds is not None):
        raise ValueError("--abilities is measured on films, not on --prompts and --seeds: give --films")
    if films is not None and not abilities:
        raise ValueError(f"--films {films} are what --abilities are measured on: give both, or --prompts")
    if copying and (abilities or seeds is not None):
        raise ValueError("--copying makes one video of each of --prompts: leave --abilities and --seeds out")
    if physics and (abilities or copying or seeds is not None):
        raise ValueError("--physics makes one video of each of --prompts: leave --abilities, --copying and --seeds out")
    if story and (abilities or copying or physics):
        raise ValueError("--story is a report of its own: leave --abilities, --copying and --physics out")
    wanted = [*(["sampling.adapter="] if careful else []), *(changes or [])]
    name = Path(model).name
    chosen = {"abilities": abilities, "copying": copying, "physics": physics, "story": story}
    kind = next((kind for kind, asked in chosen.items() if asked), "evaluation")
    folder = output or Path(f"{kind}-{name}")
    table: Table
    with progress() as report:

        def told(stage: str, done: int, of: int) -> None:
            report(stage, done, of, "")

        if abilities:
            from langit.evaluate.abilities.report import evaluate_abilities

            table = evaluate_abilities(model, films=films or 64, folder=folder, progress=told, changes=wanted).table()
        elif copying:
            from langit import config
            from langit.evaluate.copying import evaluate_copying

            table = evaluate_copying(model, prompts or 200, folder, config.home(), told, wanted).table()
        elif physics:
            from langit.evaluate.physics.report import evaluate_physics

            table = evaluate_physics(model, folder=folder, progress=told, prompts=prompts or 64, changes=wanted).table()
        elif story:
            from langit.evaluate.fidelity.story import evaluate_story

            table = evaluate_story(
                model, folder=folder, progress=told, prompts=prompts or 200, seeds=seeds or 3, changes=wanted
            ).table()
        else:
            from langit.evaluate.report import evaluate as measure

            table = measure(
                model, prompts=prompts or 200, seeds=seeds or 3, folder=folder, progress=told, changes=wanted
            ).table()
    Console().print(table)
    typer.echo(folder.absolute())
