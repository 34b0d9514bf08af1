"""The verbs ``tune`` and ``train lora``: a pretrained model learns from footage with a record."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from langit.cli.entry import app
from langit.cli.printing import say
from langit.cli.progress import progress
from langit.printable import to_json


@app.command()
def tune(
    model: Annotated[str, typer.Option(help="The model: a name, a folder, or OWNER/NAME on the hub.")],
    manifest: Annotated[str, typer.Option(help="A curated set of footage: a manifest's name or digest.")],
    changes: Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Other settings.")] = None,
    name: Annotated[
        str, typer.Option(help="What the result is called; default: the manifest's and the model's names.")
    ] = "",
    size: Annotated[str, typer.Option(help="WIDTHxHEIGHTxFRAMES of the clips; default: the model's own.")] = "",
    rank: Annotated[int, typer.Option(min=0, help="Rank of the LoRA; 0 trains all weights.")] = 16,
    steps: Annotated[int, typer.Option(min=1, help="Steps of training.")] = 1000,
    expert: Annotated[str, typer.Option(help="high or low, for a model with two.", show_default=False)] = "",
    resume: Annotated[bool, typer.Option("--resume", help="Continue from the last checkpoint.")] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.")] = "auto",
    dtype: Annotated[str, typer.Option(help="The precision of computing: auto, fp32 or bf16.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Train a LoRA, or all weights, of a pretrained model from footage with a record."""
    from dataclasses import replace

    from langit import config
    from langit.device import Placement
    from langit.recipes.tuning import TuningConfig
    from langit.recipes.tuning import tune as run

    called = name or f"{Path(manifest).name.removeprefix('sha256:')[:40]}-{Path(model).name}"
    start = TuningConfig(model, manifest, called, size, rank, expert)  # type: ignore[arg-type]  # checked by it
    optim = replace(start.training.optim, decay=min(start.training.optim.decay, steps))
    start = replace(start, training=replace(start.training, steps=steps, optim=optim))
    with progress() as report:
        made = run(
            config.override(start, changes or []), config.home(), report, Placement.choose(device, dtype), resume
        )
    if as_json:
        typer.echo(to_json({"path": str(made)}, None))
        return
    say(made)
