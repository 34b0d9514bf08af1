"""A run on one GPU by the clock: films are drawn by worker processes while it trains, and every stage has its share.

The walk is `recipes.run`'s, with three differences: training begins as soon as there are enough films, stages end when
their time is over rather than after so many steps, and SIGTERM ends the run with a checkpoint and a line. Without a
deadline stages take their steps, and films are drawn beside them all the same. On a CPU it does the same, slowly.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from langit import config
from langit.device import CPU, Placement
from langit.recipes.autoencoder import train_autoencoder
from langit.recipes.beside import Beside
from langit.recipes.clock import ClockConfig, RunClock
from langit.recipes.distil import train_adapters
from langit.recipes.film_stream import FilmStream, run_shards
from langit.recipes.films import Report, RunPaths, read_corpus
from langit.recipes.fitted import open_beginnings
from langit.recipes.index_parts import IndexParts
from langit.recipes.recipe import Recipe
from langit.recipes.run import assemble, check_runs, train_transformer
from langit.recipes.run_folder import write_run_recipe
from langit.recipes.warm_up import check_memory, warm_up
from langit.train.compiled import use_cache
from langit.train.lock import locked_run
from langit.worlds.background import BackgroundFarm, EntryRequest, choose_backend


def run_timed(
    recipe: Recipe,
    *,
    deadline: float | None = None,
    resume: bool = False,
    workers: int = 2,
    report: Report,
    home: Path | None = None,
    placement: Placement = CPU,
    note: Callable[[str], None] = lambda _: None,
    graphs: bool = False,
) -> Path:
    """Run a recipe from data to bundle by the clock; returns the bundle's folder.

    Args:
        recipe: of rendered films alone.
        deadline: seconds from now until the bundle is on disk.
        resume: continue from the newest checkpoints, with a new deadline; stages that have ended stay as they are.
        workers: processes that render films beside training.
        report: called as work is done.
        home: where to keep everything; LANGIT_HOME when left out.
        placement: where to train, as for :func:`langit.recipes.run.run`.
        note: called with lines about what is not as it should be: no EGL, a worker that died.
        graphs: capture the common shapes as CUDA graphs.

    Raises:
        ValueError: the deadline is too short to be of use, or was reached, or a signal ended the run: the message says
            in which phase, and which checkpoint there is. The device has too little memory. And what
            :func:`langit.recipes.run.run` raises.
        OSError: nothing can draw films here, the disk is full, or a folder cannot be written.
    """
    clock = RunClock(recipe.clock or ClockConfig(), deadline)
    _check_films(recipe)
    paths = RunPaths(config.home() if home is None else home, recipe.name)
    beginnings = open_beginnings(recipe, paths, placement)
    recipe = beginnings.recipe
    cuda = placement.device.type == "cuda"
    parts = IndexParts(recipe, paths, workers, note)
    with locked_run(paths.run), _stopped_by_signals(clock), parts:
        check_runs(recipe, paths, resume)
        write_run_recipe(recipe, paths)
        if cuda:
            use_cache(paths.home / "compiled")
        entry = EntryRequest(recipe.captions, recipe.mirror)
        backend = choose_backend(note)
        with BackgroundFarm(run_shards(recipe, paths), entry, workers, backend, note) as farm:
            beside = Beside(clock, FilmStream(farm, recipe, paths, report), paths, compile=cuda, graphs=graphs and cuda)
            with _memory_in_one_line(beside):
                if cuda:
                    check_memory(recipe, placement)
                    warm_up(recipe, beside, placement)
                corpus = beside.films.wait(
                    clock.films_by(), lambda: beside.check("while the first films were drawn"), clock.now
                )
                autoencoders = train_autoencoder(
                    recipe,
                    corpus,
                    paths,
                    resume,
                    report,
                    base=beginnings.autoencoder,
                    placement=placement,
                    beside=beside,
                )
                parts.freeze(list(autoencoders.values())[-1])
                parts.add(beside.films.arrived)
                beside.films.on_arrival = parts.add
                model = train_transformer(
                    recipe,
                    corpus,
                    paths,
                    autoencoders,
                    resume,
                    report,
                    beginnings,
                    placement,
                    note=note,
                    beside=beside,
                )
                model = train_adapters(recipe, corpus, paths, model, resume, report, placement, beside=beside)
                beside.films.take()
        if clock.stopped:
            raise beside.end_error("before the bundle was written")
        parts.finish(report)
        return assemble(recipe, read_corpus(recipe, paths), paths, model, report, parts.folder)


def _check_films(recipe: Recipe) -> None:
    if recipe.manifest is not None or recipe.needs_footage:
        raise ValueError(
            f"recipe {recipe.name!r} learns footage, which is not drawn while it trains: leave --deadline out"
        )
    lanes = [stage.name for stage in recipe.stages if stage.training.lanes > 1]
    if lanes and any(stage.flow.one_shape for stage in recipe.stages):
        raise ValueError(f"stages {', '.join(lanes)} have several lanes and a run by the clock has one: set lanes=1")


@contextmanager
def _stopped_by_signals(clock: RunClock) -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the run at the next step; a second one ends the process as ever."""
    kept: dict[int, Any] = {}

    def stop(number: int, _frame: FrameType | None) -> None:
        clock.stop(signal.Signals(number).name)
        signal.signal(number, kept[number])

    if threading.current_thread() is threading.main_thread():
        kept = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


@contextmanager
def _memory_in_one_line(beside: Beside) -> Iterator[None]:
    """Turn the device's lack of memory into a line that names what to make smaller."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        stage = beside.films.recipe.stages[-1]
        budget = stage.flow.token_budget
        ended = str(beside.end_error("")).partition(": ")[2]
        raise ValueError(
            f"the device is out of memory ({str(error).split('. ')[0]}): {ended}, with"
            f" stages.{stage.name}.flow.token_budget={budget // 2} in place of {budget}, or under another name"
        ) from error
