"""A recipe, walked from films to bundle, one stage after another; each stage is skipped when its result is there.

Machine facts (where, how many workers, how to report) come as arguments; everything that decides the weights comes
from the recipe.
"""

from __future__ import annotations

import datetime
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch

import langit
from langit import config
from langit.autoencoder.model import Autoencoder
from langit.bundle import (
    Exposure,
    FilmTable,
    LedgerState,
    Parts,
    Provenance,
    Training,
    Tuned,
    code_version,
    save_bundle,
)
from langit.feed.catalogue import Entry
from langit.feed.exposure import ExposureLog
from langit.feed.footage import find_manifest
from langit.feed.loader import LatentFeed
from langit.feed.traces import read_model
from langit.generate.model import Model
from langit.ledger.derived import RunExposure as Entered
from langit.ledger.store import Ledger
from langit.recipes.autoencoder import line, train_autoencoder
from langit.recipes.distil import train_adapters
from langit.recipes.films import Places, Report, allowed, enter_films, latents, learnt, render_films
from langit.recipes.recipe import Recipe, Stage, identity
from langit.recipes.sheets import held_out_sheet
from langit.release.nearest.training import index_bundle
from langit.text.encoder import TextEncoder
from langit.text.tokenizer import extend_tokenizer, train_tokenizer
from langit.train import checkpoint
from langit.train.tasks import FlowTask
from langit.train.trainer import Trainer, check_identity
from langit.transformer.model import VideoTransformer


def train_transformer(
    recipe: Recipe, places: Places, autoencoders: Mapping[str, Autoencoder], resume: bool, report: Report
) -> Model:
    """Make the tokenizer, train (or take up) text encoder and transformer, stage by stage; gives the averaged model."""
    model: Model | None = None
    for stage in recipe.stages:
        entries = learnt(recipe, stage.films, places, report)
        autoencoder = autoencoders[recipe.decoder_of(stage)]
        if model is None:
            model = first_model(recipe, entries, autoencoder)
        else:
            more = extend_tokenizer(model.text.tokenizer, _captions(entries))
            torch.manual_seed(stage.training.seed)
            model = replace(model, autoencoder=autoencoder, text=model.text.extended(more))
        if stage.fresh_scores:
            model.text.model.draw_scores()
        train_stage(recipe, stage, places, model, entries, resume, report)
    assert model is not None, "a recipe has a stage"
    return model


def first_model(recipe: Recipe, entries: Sequence[Entry], autoencoder: Autoencoder) -> Model:
    """The model that the first stage begins with: random weights, and the words of its captions."""
    tokenizer = train_tokenizer(_captions(entries))
    torch.manual_seed(recipe.stages[0].training.seed)
    text = TextEncoder(replace(recipe.text, vocab_size=tokenizer.get_vocab_size()), tokenizer)
    return Model(VideoTransformer(recipe.transformer), autoencoder, text, recipe.sampling, recipe.sizes)


def _captions(entries: Sequence[Entry]) -> Iterator[str]:
    return (caption for entry in entries for caption in entry.captions)


def train_stage(
    recipe: Recipe,
    stage: Stage,
    places: Places,
    model: Model,
    entries: Sequence[Entry],
    resume: bool,
    report: Report,
) -> None:
    """Cache the stage's latents, train (or take up) the model on them; leaves the averaged weights in it."""
    clips = latents(entries, model.autoencoder, places, stage.flow.windows.starts, report)
    if stage.training.compile:
        for block in model.transformer.blocks:
            block.compile()
    look = held_out_sheet(stage.films, lambda: model)
    task = FlowTask(model.transformer, model.text, stage.flow, look)
    feed = LatentFeed(clips, stage.flow.token_budget, stage.training.seed, stage.flow.windows)
    trainer = Trainer(task, feed, stage.training, places.stage(stage.name), identity(recipe, stage.name))
    if resume:
        trainer.resume()
    trainer.fit(lambda tick: report(stage.name, tick.step, tick.steps, line(tick)))
    for part, module in task.modules().items():
        named = {name.removeprefix(part + "."): ema for name, ema in trainer.ema.items() if name.startswith(part + ".")}
        module.load_state_dict(named, strict=False)


def assemble(recipe: Recipe, places: Places, model: Model, report: Report) -> Path:
    """Write the bundle: parts, provenance, a row for each film that was trained on, and the index of nearest clips."""
    ledger = Ledger(places.ledger)
    seen = {(entry.world, str(entry.pixels), entry.seed) for entry in allowed(recipe, recipe.all_films, places)}
    sources = [source for source in ledger.sources() if (source.generator_version, source.size, source.seed) in seen]
    films = FilmTable.of(sources, ledger.digests())
    stages = {name: places.stage(name) for name in recipe.stage_names}
    runs = {name: checkpoint.load(_newest(folder)) for name, folder in stages.items()}
    logs = {name: ExposureLog(folder / "exposure.log") for name, folder in stages.items()}
    provenance = Provenance(
        model=recipe.name,
        version=langit.__version__,
        code_version=code_version(),
        recipe=config.dump(recipe),
        ledger=LedgerState(f"langit/{recipe.name}", ledger.size, ledger.root().hex()),
        exposure={name: Exposure(logs[name].root(), logs[name].rows, run.step) for name, run in runs.items()},
        training={
            name: Training(round(run.facts["seconds"], 1), float(run.facts["flops"]), f"{platform.machine()} CPU")
            for name, run in runs.items()
        },
    )
    adapters = {name: Tuned(way.adapter, config.dump(way.sampling)) for name, way in model.ways.items()}
    full = config.dump(model.sampling)
    parts = Parts(model.transformer, model.autoencoder, model.text, full, model.sizes, model.fps, adapters)
    save_bundle(places.bundle, parts, provenance, films)
    index_bundle(places.bundle, places.home, report)
    enter_training(recipe, ledger, places, provenance)
    return places.bundle


def enter_training(recipe: Recipe, ledger: Ledger, places: Places, provenance: Provenance) -> None:
    """Enter in the ledger which run saw which clips, and which model came of it; what is there is not entered twice."""
    model = read_model(places.bundle).digest
    there = {(entry.run, entry.root, entry.model) for entry in ledger.exposures()}
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    entries = [
        Entered(
            run=f"{recipe.name}/{stage}",
            root=seen.root,
            rows=seen.rows,
            step=seen.steps,
            recorded_at=now,
            manifest=recipe.manifest,
            model=model,
        )
        for stage, seen in provenance.exposure.items()
    ]
    ledger.add([entry for entry in entries if (entry.run, entry.root, entry.model) not in there])


def _newest(folder: Path) -> Path:
    found = checkpoint.latest(folder)
    assert found is not None, f"{folder} was trained just now"
    return found


def run(recipe: Recipe, *, resume: bool = False, workers: int = 2, report: Report, home: Path | None = None) -> Path:
    """Walk a recipe from films to bundle; returns the bundle's folder.

    Args:
        recipe: everything that decides the weights.
        resume: go on from the newest checkpoints; without it there may be none.
        workers: processes that render.
        report: told of every stage.
        home: where to keep everything; LANGIT_HOME when left out.

    Raises:
        ValueError: checkpoints that would be overwritten or are another recipe's, no clip to use, a damaged file.
    """
    places = Places(config.home() if home is None else home, recipe.name)
    if recipe.manifest is not None:
        recipe = replace(recipe, manifest=find_manifest(Ledger(places.ledger), recipe.manifest).digest)
    for stage in recipe.stage_names:
        folder = places.stage(stage)
        old = checkpoint.latest(folder)
        if old is not None and not resume:
            raise ValueError(
                f"{old} is there already: --resume goes on, name=OTHER begins beside it, or remove {folder}"
            )
        if old is not None:  # now, not after days of the stages before it
            check_identity(old, identity(recipe, stage))
    films = recipe.all_films
    render_films(films, places, workers, report)
    enter_films(recipe, films, places, report)
    autoencoders = train_autoencoder(recipe, places, resume, report)
    model = train_transformer(recipe, places, autoencoders, resume, report)
    model = train_adapters(recipe, places, model, resume, report)
    return assemble(recipe, places, model, report)
