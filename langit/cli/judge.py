"""The verb `judge train`: train the networks that judge models, and the one that judges prompts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from langit.cli.entry import app
from langit.cli.printing import JsonOption, answer
from langit.cli.progress import progress

judges = typer.Typer(help="The networks that judge: three probes, a tracker, and the prompt gate's classifier.")
app.add_typer(judges, name="judge")

CORES = max(os.cpu_count() or 1, 1)


@judges.callback()
def _judge() -> None:
    # without a callback, a group of one command would become that command
    pass


@judges.command("train")
def train(
    name: Annotated[str, typer.Argument(metavar="NAME", help="probe, probe-story, probe-long, tracker or gate.")],
    changes: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Changes to its recipe, as training.steps=100.")
    ] = None,
    autoencoder: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="Also learn from films as this model's autoencoder reconstructs them."),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="The number of processes that render films.")] = CORES,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="The folder for the weights, by default NAME here.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Train a judge on rendered films, or the gate's on sentences, test it on others, and write weights and figures.

    A run that was interrupted is resumed.
    """
    from langit import config
    from langit.recipes.judges.named import judge_recipe, train_judge

    judge_recipe(name, changes or [])  # mistakes are reported before a model is opened
    reconstruct = None
    if autoencoder is not None:
        from langit.bundle import load_bundle
        from langit.recipes.judges.films import NoisyReconstruction

        reconstruct = NoisyReconstruction(load_bundle(autoencoder).autoencoder)
    folder = output or Path(name)
    with progress() as report:
        lines = train_judge(
            name, changes or [], config.home(), folder, report, reconstruct=reconstruct, workers=workers
        )
    answer({"folder": str(folder.absolute()), "results": list(lines)}, as_json, [*lines, folder.absolute()])
