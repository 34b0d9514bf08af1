"""What is kept of a recipe's stages under LANGIT_HOME, gathered from their checkpoints without their weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from langit import config
from langit.evaluate.figures.runs import OTHER, RunsReport, StageRun, films_in_words, state_of, write
from langit.evaluate.report import check_writable
from langit.feed.exposure import ExposureLog
from langit.files import created_folder
from langit.recipes.films import Places
from langit.recipes.recipe import AutoencoderStage, DistilStage, FilmGroup, Recipe, Stage, identity
from langit.train import checkpoint
from langit.train.trainer import TrainConfig


def gather(recipe: Recipe, home: Path) -> RunsReport:
    """Every stage of a recipe, begun or not."""
    places = Places(home, recipe.name)
    found = []
    every: tuple[AutoencoderStage | Stage | DistilStage, ...]
    every = (*recipe.autoencoder_stages, *recipe.stages, *recipe.distil)
    for stage in every:
        if isinstance(stage, AutoencoderStage):
            kind = "decoder" if stage.reconstruction.decoder_only else "autoencoder"
            films: Sequence[FilmGroup] = stage.films or recipe.films
        elif isinstance(stage, Stage):
            kind, films = "transformer", stage.films
        else:
            kind, films = "adapter", recipe.films_of(stage)
        words = films_in_words([(group.world, group.size, group.first, group.last) for group in films])
        found.append(_stage(recipe, places, stage.name, kind, words, stage.training, config.dump(stage)))
    return RunsReport(recipe.name, tuple(found))


def _stage(
    recipe: Recipe,
    places: Places,
    name: str,
    kind: str,
    films: tuple[str, ...],
    training: TrainConfig,
    settings: dict[str, Any],
) -> StageRun:
    newest = checkpoint.latest(places.stage(name))
    if newest is None:
        return StageRun(name, kind, films, settings, training.steps)
    step, facts = checkpoint.facts(newest)
    state = state_of(step, training.steps, facts["identity"] == identity(recipe, name))
    if state == OTHER:
        return StageRun(name, kind, films, settings, training.steps, state)
    sheets = sorted(places.stage(name).glob("sheet-*.png"))
    clips = {clip for seen, clip in ExposureLog(places.stage(name) / "exposure.log").read() if seen < step}
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
    """Leave the report of a recipe's runs in a folder, which is made if it is not there.

    Raises:
        ValueError: a damaged checkpoint.
        OSError: the folder cannot be written.
    """
    report = gather(recipe, config.home() if home is None else home)
    with created_folder(folder):
        check_writable(folder)
        write(report, folder)
    return report
