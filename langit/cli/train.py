"""The verbs that train: a recipe at one budget or at several, and what its training took."""

from __future__ import annotations

import os
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from langit.cli.entry import app
from langit.cli.printing import JsonOption, answer, answer_report, say
from langit.cli.progress import progress

if TYPE_CHECKING:
    from langit.device import Placement

COMPARED = 8
"""Videos of a new model of footage that are compared with its clips."""
CORES = max(os.cpu_count() or 1, 1)
Name = Annotated[str, typer.Argument(help="The name of a recipe, for example pocket.")]
Changes = Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Changes to the recipe.")]
Workers = Annotated[int, typer.Option(min=1, help="How many processes render films.")]
Output = Annotated[Path | None, typer.Option("-o", "--output", help="The folder for the report.")]
Device = Annotated[
    str, typer.Option(help="Where to train: auto (the fastest that there is), cpu, cuda, cuda:1 or mps.")
]
Dtype = Annotated[str, typer.Option(help="The precision of computing: auto (bf16 on GPUs that have it), fp32 or bf16.")]


@app.command()
def train(
    recipe: Name,
    changes: Changes = None,
    manifest: Annotated[
        str | None, typer.Option(help="A curated set of footage to learn from: a manifest's name or digest.")
    ] = None,
    base: Annotated[
        str | None, typer.Option(help="A model whose weights training begins from: its name, folder or digest.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue from the last checkpoint.")] = False,
    full: Annotated[
        bool | None,
        typer.Option("--full/--trial", help="The recipe itself, or its trial; otherwise its trial if there is no GPU."),
    ] = None,
    workers: Workers = CORES,
    device: Device = "auto",
    dtype: Dtype = "auto",
    devices: Annotated[
        int | None, typer.Option(min=1, help="How many devices of this machine train together, a process each.")
    ] = None,
    sharding: Annotated[
        str,
        typer.Option(help="Of several: cut weights over all (full), within nodes, not (none), or as needed (auto)."),
    ] = "auto",
    context: Annotated[
        int, typer.Option(min=1, help="How many devices compute each micro-batch together, for long videos.")
    ] = 1,
    profile: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Record ten steps of each stage: where time goes.")
    ] = None,
    deadline: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="Be done in so many seconds: stages end by the clock, films come beside."),
    ] = None,
    go_on_from: Annotated[
        str | None,
        typer.Option("--from", metavar="MODEL", help="Go on from a finished model of the recipe, with more films."),
    ] = None,
    graphs: Annotated[
        bool, typer.Option("--graphs", help="Capture the common shapes as CUDA graphs (with a clock, on CUDA).")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Train a model by a recipe, from films and footage to a bundle."""
    from langit.config import override
    from langit.recipes import TRIALS, find
    from langit.train.restarts import is_launched, was_restarted

    if deadline is not None and devices is not None and devices > 1:
        raise ValueError(f"--devices {devices}: a run with --deadline trains on one device; leave one of them out")
    if devices is not None and devices > 1 and not is_launched():
        from langit.cli.launching import launch

        raise typer.Exit(launch(devices, device))

    start = find(recipe)
    if full is False and recipe not in TRIALS:
        raise ValueError(f"recipe {recipe} has no trial: those of {', '.join(TRIALS)} have one; leave --trial out")
    trial = recipe in TRIALS and (not full if full is not None else _is_cpu(device))
    if trial:
        start = TRIALS[recipe]()
        why = "" if full is False else " because there is no GPU (--full trains the recipe itself)"
        if os.environ.get("RANK", "0") == "0":
            say(f"trains the trial of {recipe}, much smaller{why}: it learns few clips by heart, in minutes", err=True)
    if go_on_from is not None:
        from langit.recipes.go_on import go_on

        start = go_on(start, go_on_from)
    # Base and manifest first: what other changes are possible depends on them
    start = replace(start, manifest=start.manifest if manifest is None else manifest)
    changed = override(replace(start, base=start.base if base is None else base), changes or [])

    from langit.device import Placement
    from langit.recipes.run import run
    from langit.train.profiling import profiling
    from langit.train.ranks import joined_ranks, own_device

    placement = own_device(Placement.choose(device, dtype))
    by_clock = deadline is not None or (changed.clock is not None and placement.device.type == "cuda" and not devices)
    with joined_ranks(placement, context, sharding) as ranks:
        shown = progress() if ranks.first else nullcontext(_silent)
        with shown as report, profiling(report, profile if ranks.first else None, placement) as report:
            if by_clock:
                from langit.recipes.timed_run import run_timed

                folder = run_timed(
                    changed,
                    deadline=deadline,
                    resume=resume,
                    workers=workers,
                    report=report,
                    placement=placement,
                    note=_note,
                    graphs=graphs,
                )
            else:
                folder = run(
                    changed,
                    resume=resume or was_restarted(),
                    workers=workers,
                    report=report,
                    placement=placement,
                    note=_note if ranks.first else _silent,
                    ranks=ranks,
                )
        if not ranks.first:
            return
    if not as_json:
        say(folder)  # at once: comparing takes a while
    sheet = None
    if not changed.all_films:
        sheet = _compare_copies(folder, folder.parent.parent / "runs" / changed.name / "copying", placement)
    values = {"folder": str(folder), "nearest": str(sheet) if sheet is not None else None}
    answer(values, as_json, [sheet] if sheet is not None else [])


def _compare_copies(model: Path, folder: Path, placement: Placement) -> Path:
    """Say whether a model of footage has its clips by heart, with a sheet of its videos beside the nearest clips."""
    from langit.config import home
    from langit.evaluate.copying import evaluate_copying
    from langit.evaluate.footage_copying import copying_in_words

    with progress() as report:

        def shown(stage: str, done: int, of: int) -> None:
            report(stage, done, of, "")

        found = evaluate_copying(str(model), COMPARED, folder, home(), shown, placement=placement)
    _note(copying_in_words(found))
    return folder / "nearest.png"


def _is_cpu(device: str) -> bool:
    """Whether a choice of device comes down to the CPU. Not asked of torch where the words say it."""
    from langit.device import Placement

    return device == "cpu" or Placement.choose(device, "fp32").device.type == "cpu"


def _note(line: str) -> None:
    say(line, err=True)


def _silent(*_: object) -> None:
    """Of several processes that train together one reports."""


@app.command()
def scale(
    recipe: Name,
    changes: Changes = None,
    budgets: Annotated[
        str,
        typer.Option(help="Steps of each run, for example 125,500,2000; otherwise a sixteenth, a quarter and all."),
    ] = "",
    size: Annotated[
        list[str] | None,
        typer.Option(metavar="'NAME KEY=VALUE…'", help="Another size of transformer, such as 'half num_layers=3'."),
    ] = None,
    prompts: Annotated[int, typer.Option(min=2, help="How many held-out prompts each run is tested on.")] = 100,
    seeds: Annotated[int, typer.Option(min=1, help="How many videos of each prompt.")] = 1,
    clips: Annotated[int, typer.Option(min=2, help="How many held-out clips the loss is taken over.")] = 320,
    finished: Annotated[
        str,
        typer.Option(
            metavar="MODEL", help="A finished model of the recipe: all use its autoencoder, and it is shown too."
        ),
    ] = "",
    output: Output = None,
    workers: Workers = CORES,
    device: Device = "auto",
    dtype: Dtype = "auto",
    as_json: JsonOption = False,
) -> None:
    """Train a recipe's first stage at several budgets, and report what more compute gives."""
    from langit.config import override
    from langit.recipes import find

    changed = override(find(recipe), changes or [])
    sizes = {words.split(maxsplit=1)[0]: words.split()[1:] for words in size or [] if words.strip()}
    if len(sizes) < len(size or []) or not all(sizes.values()):
        raise ValueError(f"--size {', '.join(map(repr, size or []))}: give each size its own name and its changes")
    wanted = [word for word in budgets.split(",") if word.strip()]
    if not all(word.strip().isdecimal() for word in wanted):
        raise ValueError(f"--budgets {budgets!r} are not numbers of steps, for example 125,500,2000")

    from langit.device import Placement
    from langit.recipes.scale import ScalingTest, scale

    folder = output or Path(f"scale-{changed.name}")
    with progress() as report:
        done = scale(
            changed,
            [int(word) for word in wanted],
            sizes,
            folder=folder,
            report=report,
            test=ScalingTest(prompts, seeds, clips),
            workers=workers,
            placement=Placement.choose(device, dtype),
            finished=finished,
        )
    answer_report(done, folder, as_json)
