"""What is known of a recipe's stages under LANGIT_HOME, read from their checkpoints without their weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from langit import config
from langit.evaluate.figures.runs import OTHER, RunsReport, StageRun, films_in_words, state_of, write
from langit.evaluate.report import check_writable
from langit.feed.exposure import ExposureLog
from langit.files import created_folder
from langit.recipes.films import RunPaths
from langit.recipes.identity import identity
from langit.recipes.recipe import AnyStage, AutoencoderStage, Recipe, Stage, StageData
from langit.train import checkpoint
from langit.train.trainer import TrainConfig


def gather(recipe: Recipe, home: Path) -> RunsReport:
    """Every stage of a recipe, begun or not."""
    paths = RunPaths(home, recipe.name)
    runs = []
    for stage in recipe.every_stage:
        words = _data_in_words(recipe.data_of(stage), recipe.manifest)
        settings = config.dump(stage)
        runs.append(_stage(recipe, paths, stage.name, _kind(stage), words, stage.training, settings))
    return RunsReport(recipe.name, tuple(runs))


def _kind(stage: AnyStage) -> str:
    if isinstance(stage, AutoencoderStage):
        return "decoder" if stage.reconstruction.decoder_only else "autoencoder"
    return "transformer" if isinstance(stage, Stage) else "adapter"


def _data_in_words(data: StageData, manifest: str | None) -> tuple[str, ...]:
    films = films_in_words([(group.world, group.size, group.first, group.last) for group in data.films])
    if manifest is None and data.films:
        return films
    return (*films, *(f"footage {manifest or 'of a manifest'} {size}" for size in data.sizes))


def _stage(
    recipe: Recipe,
    paths: RunPaths,
    name: str,
    kind: str,
    films: tuple[str, ...],
    training: TrainConfig,
    settings: dict[str, Any],
) -> StageRun:
    folder = paths.stage(name)
    newest = checkpoint.latest(folder)
    if newest is None:
        return StageRun(name, kind, films, settings, training.steps)
    step, facts = checkpoint.facts(newest)
    state = state_of(step, training.steps, facts["identity"] == identity(recipe, name))
    if state == OTHER:
        return StageRun(name, kind, films, settings, training.steps, state)
    sheets = sorted(folder.glob("sheet-*.png"))
    # Rows past the checkpoint are of a run that is under way, or of one that will be cut back when it is resumed.
    clips = {clip for at, clip in ExposureLog(folder / "exposure.log").read() if at < step}
    return StageRun(
        name=name,
        kind=kind,
        films=films,
        settings=settings,
        wanted=training.steps,
        state=state,
        steps=step,
        clips=int(facts["exposures"]),
        different=len(clips),
        seconds=round(float(facts["seconds"]), 1),
        flops=float(facts["flops"]),
        curve=tuple((int(at), float(loss)) for at, loss in facts["curve"]),
        sheet=sheets[-1] if sheets else None,
    )


def report_runs(recipe: Recipe, folder: Path, home: Path | None = None) -> RunsReport:
    """Write the report of a recipe's runs into a folder, which is created if it is missing.

    Raises:
        ValueError: a damaged checkpoint.
        OSError: the folder cannot be written.
    """
    report = gather(recipe, config.home() if home is None else home)
    with created_folder(folder):
        check_writable(folder)
        write(report, folder)
    return report
