"""What is known of runs under LANGIT_HOME, one or several beside each other, from their checkpoints without weights.

Figures of speed, and losses by noise level, come from the files of progress that runs write (`train.journal`).
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from langit import config
from langit.evaluate.figures.comparison import RunsComparison, StageWatch, settings_that_differ, write_comparison
from langit.evaluate.figures.runs import OTHER, RunsReport, StageRun, films_in_words, state_of, write
from langit.evaluate.report import check_writable
from langit.feed.exposure import open_exposure_log
from langit.files import created_folder
from langit.recipes.films import RunPaths
from langit.recipes.held_out import middle_of, read_held_out
from langit.recipes.identity import identity
from langit.recipes.recipe import AnyStage, AutoencoderStage, Recipe, Stage, StageData
from langit.recipes.run_folder import read_run_recipe, run_names
from langit.train import checkpoint
from langit.train.journal import LEVELS, ProgressRow, read_progress
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
    held = [row for row in read_held_out(folder) if row.step <= step]
    sheets = sorted(folder.glob("sheet-*.png"))
    # Rows past the checkpoint are of a run that is under way, or of one that will be cut back when it is resumed.
    clips = {clip for at, clip in open_exposure_log(folder / "exposure.log").read() if at < step}
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
        held_out=middle_of(held[-1].loss_by_level) if held else (),
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


def compare_runs(names: Sequence[str], folder: Path, home: Path | None = None) -> RunsComparison:
    """Compare runs by their names, and write comparison.md, comparison.json and curves.png into a folder.

    Raises:
        ValueError: fewer than two runs, one twice, one that there is not, a damaged file.
        OSError: the folder cannot be written.
    """
    home = config.home() if home is None else home
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice or len(names) < 2:
        raise ValueError(f"runs {', '.join(names)}: name at least two runs, each once")
    recipes = {name: read_run_recipe(name, home) for name in names}
    reports = {name: gather(recipe, home) for name, recipe in recipes.items()}
    paths = {name: RunPaths(home, recipe.name) for name, recipe in recipes.items()}
    stages: dict[str, tuple[StageWatch, ...]] = {}
    for stage in dict.fromkeys(stage.name for report in reports.values() for stage in report.stages):
        stages[stage] = tuple(
            _watch(name, run, paths[name].stage(stage))
            for name, report in reports.items()
            for run in report.stages
            if run.name == stage
        )
    plain = [{key: value for key, value in config.dump(recipe).items() if key != "name"} for recipe in recipes.values()]
    comparison = RunsComparison(tuple(names), stages, settings_that_differ(plain))
    with created_folder(folder):
        check_writable(folder)
        write_comparison(comparison, folder)
    return comparison


def _watch(name: str, run: StageRun, folder: Path) -> StageWatch:
    # Rows past the checkpoint are of a run under way, or will be cut back; the checkpoint's figures end where it does.
    rows = [row for row in read_progress(folder) if row.step <= run.steps]
    if not rows:
        return StageWatch(name, run)
    return StageWatch(
        name,
        run,
        loss=tuple((row.step, row.loss) for row in rows),
        by_level=_level_means(rows[-max(1, len(rows) // 10) :]),
        clips_per_second=statistics.median(row.clips_per_second for row in rows),
        mfu=statistics.median(row.mfu for row in rows),
        data_wait=statistics.median(row.data_wait_share for row in rows),
    )


def _level_means(rows: Sequence[ProgressRow]) -> tuple[tuple[float, float], ...]:
    """The middle of each range of noise levels, and the mean loss of the rows that have one."""
    means = []
    for place in range(LEVELS):
        losses = [loss for row in rows if row.loss_by_level and (loss := row.loss_by_level[place]) is not None]
        if losses:
            means.append(((place + 0.5) / LEVELS, statistics.fmean(losses)))
    return tuple(means)


def known_runs(home: Path | None = None) -> tuple[RunsReport, ...]:
    """Every run under a home whose recipe is known."""
    home = config.home() if home is None else home
    return tuple(gather(read_run_recipe(name, home), home) for name in run_names(home))
