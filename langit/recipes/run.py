"""A whole run of a recipe, from data to bundle, one stage after another; stages that are finished are skipped.

Facts of the machine (where, on which device, how many workers, how to report) come as arguments. Everything that
decides the weights comes from the recipe.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import torch
from tokenizers import Tokenizer
from torch import nn

import langit
from langit import config
from langit.autoencoder.model import Autoencoder
from langit.bundle import (
    ExposureRecord,
    FilmTable,
    LedgerState,
    Parts,
    Provenance,
    TrainingRecord,
    TunedAdapter,
    code_version,
    save_bundle,
)
from langit.bundle.films import FILE as FILM_TABLE
from langit.bundle.folder import add_file
from langit.bundle.signature import sign_bundle
from langit.device import CPU, Placement
from langit.feed.catalogue import StoredClip
from langit.feed.exposure import open_exposure_log
from langit.generate.model import Model
from langit.ledger import keys, shipped
from langit.ledger.exposure_columns import read_rows
from langit.ledger.record import Source
from langit.ledger.shipped import write_record
from langit.ledger.store import Ledger
from langit.recipes.autoencoder import train_autoencoder
from langit.recipes.beside import Beside
from langit.recipes.compiling import compile_stage
from langit.recipes.distil import train_adapters
from langit.recipes.entries import enter_training
from langit.recipes.feeds import flow_feed, stage_source
from langit.recipes.films import (
    Report,
    RunPaths,
    TrainingCorpus,
    chosen_films,
    enter_films,
    footage_lines,
    read_corpus,
    render_films,
    training_clips,
)
from langit.recipes.fitted import FittedRecipe, open_beginnings
from langit.recipes.held_out import watched_preview
from langit.recipes.identity import identity
from langit.recipes.kept import kept_tokenizer
from langit.recipes.layout import check_layout, laid_out
from langit.recipes.previews import video_preview
from langit.recipes.progress import StageProgress
from langit.recipes.recipe import Recipe, Stage
from langit.recipes.run_folder import check_names, write_run_recipe
from langit.release.nearest.training import index_bundle
from langit.text.encoder import TextEncoder
from langit.text.tokenizer import extend_tokenizer, train_tokenizer
from langit.train import checkpoint
from langit.train.journal import LevelLosses
from langit.train.lock import locked_run
from langit.train.ranks import ALONE, Ranks
from langit.train.recompute import recompute_blocks
from langit.train.shaped import ShapedFlowTask
from langit.train.sharding import gather
from langit.train.tasks import FlowTask, SavePreview
from langit.train.trainer import Trainer, check_identity
from langit.transformer.model import VideoTransformer
from langit.transformer.protocol import Denoiser

Trainable = TypeVar("Trainable", bound=nn.Module)


def run(
    recipe: Recipe,
    *,
    resume: bool = False,
    workers: int = 2,
    report: Report,
    home: Path | None = None,
    placement: Placement = CPU,
    note: Callable[[str], None] = lambda _: None,
    ranks: Ranks = ALONE,
) -> Path:
    """Run a recipe from data to bundle; returns the bundle's folder.

    Args:
        recipe: everything that decides the weights. Manifest and base may be given by name.
        resume: continue from the newest checkpoints; without it there may be none.
        workers: processes that render films.
        report: called as work is done.
        home: where to keep everything; LANGIT_HOME when left out.
        placement: where to train: weights are in single precision on its device, losses are computed in its dtype.
        note: called with lines about what is learnt of the footage, before training begins.
        ranks: the processes that train this run together, each of which calls this.

    Raises:
        ValueError: checkpoints that would be overwritten or are another recipe's, another process that trains this
            run, no clip to use, a damaged file.
        OSError: the disk is full, or a folder cannot be written.
    """
    home = config.home() if home is None else home
    paths = RunPaths(home, recipe.name)
    beginnings = open_beginnings(recipe, paths, placement)
    recipe = beginnings.recipe
    for stage in recipe.stages:
        check_layout(stage, ranks)  # now, not after days of the stages before
    with locked_run(paths.run) if ranks.first else nullcontext():
        with ranks.first_goes_first():
            check_runs(recipe, paths, resume)
            if ranks.first:
                write_run_recipe(recipe, paths)
            render_films(recipe.all_films, paths, workers, report)
            enter_films(recipe, recipe.all_films, paths, report)
            corpus = read_corpus(recipe, paths)
        for line in footage_lines(recipe, corpus):
            note(line)
        first = beginnings.autoencoder
        autoencoders = train_autoencoder(
            recipe, corpus, paths, resume, report, base=first, placement=placement, ranks=ranks
        )
        model = train_transformer(
            recipe, corpus, paths, autoencoders, resume, report, beginnings, placement, ranks, note
        )
        model = train_adapters(recipe, corpus, paths, model, resume, report, placement, ranks)
        if ranks.first:
            assemble(recipe, corpus, paths, model, report)
        ranks.wait()
        return paths.bundle


def check_runs(recipe: Recipe, paths: RunPaths, resume: bool) -> None:
    """Check that the run may begin, or go on.

    Raises:
        ValueError: there are checkpoints and they are not to be resumed, or are of another recipe.
    """
    for stage in recipe.stage_names:
        folder = paths.stage(stage)
        newest = checkpoint.latest(folder)
        if newest is not None and not resume:
            raise ValueError(
                f"{newest} is there already: --resume goes on from it, name=OTHER trains beside it, or remove {folder}"
            )
        if newest is not None:
            check_identity(newest, identity(recipe, stage))
    check_names(recipe, paths, resume)


def train_transformer(
    recipe: Recipe,
    corpus: TrainingCorpus,
    paths: RunPaths,
    autoencoders: Mapping[str, Autoencoder],
    resume: bool,
    report: Report,
    beginnings: FittedRecipe | None = None,
    placement: Placement = CPU,
    ranks: Ranks = ALONE,
    note: Callable[[str], None] = lambda _: None,
    beside: Beside | None = None,
) -> Model:
    """Make the tokenizer, then train text encoder and transformer stage by stage, or continue.

    Returns the model with its averaged weights.
    """
    model: Model | None = None
    for stage in recipe.stages:
        folder = paths.stage(stage.name)
        with ranks.first_goes_first():
            clips = training_clips(recipe, recipe.data_of(stage), read_corpus(recipe, paths, corpus), paths, report)
        autoencoder = autoencoders[recipe.decoder_of(stage)]
        if model is None:
            model = first_model(recipe, clips, autoencoder, beginnings, placement, None if beside is None else folder)
        elif recipe.text_encoder is not None:
            model = replace(model, autoencoder=autoencoder)
        else:
            more = _tokenizer(None if beside is None else folder, clips, model.text.tokenizer)
            # New words are drawn from the stage's seed, whatever earlier stages drew while they trained.
            torch.manual_seed(stage.training.seed)
            model = replace(model, autoencoder=autoencoder, text=_on(placement, model.text.extend_vocabulary(more)))
        if stage.fresh_scores:
            model.text.model.draw_scores()
        train_stage(recipe, stage, paths, model, clips, resume, report, placement, ranks, note, beside)
    assert model is not None, "a recipe has a stage"
    return model


def first_model(
    recipe: Recipe,
    clips: Sequence[StoredClip],
    autoencoder: Autoencoder,
    beginnings: FittedRecipe | None = None,
    placement: Placement = CPU,
    kept: Path | None = None,
) -> Model:
    """The model that the first stage begins with: random weights and the words of its captions, or what is given.

    ``kept`` is a folder for the words, where they would not be the same when the run goes on.
    """
    seed = recipe.stages[0].training.seed
    base, given = (None, None) if beginnings is None else (beginnings.base, beginnings.text)
    transformer: Denoiser
    if given is not None:
        torch.manual_seed(seed)
        text, transformer = given, VideoTransformer(recipe.transformer)
    elif base is None:
        tokenizer = _tokenizer(kept, clips)
        # The text encoder is drawn before the transformer: this order is part of what the seed means.
        torch.manual_seed(seed)
        text = TextEncoder(replace(recipe.text, vocab_size=tokenizer.get_vocab_size()), tokenizer)
        transformer = VideoTransformer(recipe.transformer)
    else:
        tokenizer = _tokenizer(kept, clips, base.text.tokenizer)
        torch.manual_seed(seed)
        text, transformer = base.text.extend_vocabulary(tokenizer), base.transformer
    parts = _on(placement, transformer.train()), autoencoder, _on(placement, text.train())
    return Model(*parts, recipe.sampling, recipe.sizes, recipe.fps)


def _on(placement: Placement, module: Trainable) -> Trainable:
    """A module's weights on the device, in single precision whatever dtype is computed in."""
    return Placement(placement.device).put(module)


def _tokenizer(kept: Path | None, clips: Sequence[StoredClip], known: Tokenizer | None = None) -> Tokenizer:
    """A tokenizer with the words of the clips' captions, after the words that are known."""

    def make() -> Tokenizer:
        return train_tokenizer(_captions(clips)) if known is None else extend_tokenizer(known, _captions(clips))

    return make() if kept is None else kept_tokenizer(kept, make)


def _captions(clips: Sequence[StoredClip]) -> Iterator[str]:
    return (caption for clip in clips for caption in clip.captions)


def train_stage(
    recipe: Recipe,
    stage: Stage,
    paths: RunPaths,
    model: Model,
    clips: Sequence[StoredClip],
    resume: bool,
    report: Report,
    placement: Placement = CPU,
    ranks: Ranks = ALONE,
    note: Callable[[str], None] = lambda _: None,
    beside: Beside | None = None,
) -> None:
    """Cache the stage's latents and train the model on them, or continue; leaves the averaged weights in it.

    With ``beside`` the stage ends by the clock, and learns films that arrive while it trains.
    """
    starts, data = stage.flow.windows.starts, recipe.data_of(stage)
    with ranks.first_goes_first():
        shown = report if beside is None else beside.watching(f"while latents of stage {stage.name} were encoded")
        latents = stage_source(stage, clips, model.autoencoder, paths, shown)
    if stage.training.recompute:
        recompute_blocks(model.transformer)
    whole = stage.flow.one_shape
    with laid_out(model.transformer, model.text, ranks, placement, whole) as (transformer, encoder):
        own = replace(model, transformer=transformer, text=encoder)
        preview = video_preview(data, clips, lambda: own)
        task = _flow_task(stage, own, watched_preview(preview, recipe, stage, paths, own, note))
        text = own.text if isinstance(task, ShapedFlowTask) else None
        known, seed = list(clips), stage.training.seed
        more = None if beside is None else beside.films.later_latents(data, model.autoencoder, starts, known)
        feed = flow_feed(stage.flow, seed, latents, known, paths, placement, text, stage.shares, more)
        folder, name = paths.stage(stage.name), identity(recipe, stage.name)
        clock = None if beside is None else beside.flow_clock(stage)
        trainer = Trainer(task, feed, stage.training, folder, name, placement, ranks, clock)
        trained = [each.modules()["transformer"] for each in trainer.micro_batches.tasks]
        blocks = [block for each in trained for block in each.get_submodule("blocks").children()]
        compiling = compile_stage if beside is None else beside.compile_blocks
        compiled = stage.training.compile or beside is not None
        with compiling(blocks, stage.flow, data.films) if compiled else nullcontext():
            trainer.train(StageProgress(stage.name, folder, report, task.by_level), resume)
        if beside is not None:
            beside.check_trained(stage.name)
        averaged = gather(trainer.ema)
    for part, module in (("transformer", model.transformer), ("text", model.text)):
        named = {name.removeprefix(part + "."): ema for name, ema in averaged.items() if name.startswith(part + ".")}
        module.load_state_dict(named, strict=False)


def _flow_task(stage: Stage, model: Model, preview: SavePreview) -> FlowTask | ShapedFlowTask:
    """The flow over packs, or over batches of one shape where the stage says so."""
    if not stage.flow.one_shape:
        return FlowTask(model.transformer, model.text, stage.flow, preview, LevelLosses())
    assert isinstance(model.transformer, VideoTransformer), "a recipe's transformer"
    return ShapedFlowTask(model.transformer, model.text, stage.flow, preview, LevelLosses())


def assemble(
    recipe: Recipe,
    corpus: TrainingCorpus,
    paths: RunPaths,
    model: Model,
    report: Report,
    index_parts: Path | None = None,
) -> Path:
    """Write the bundle: parts, provenance, a row for each film that was trained on, and the index of nearest clips."""
    ledger = Ledger(paths.ledger)
    # Read last: the model is assembled from the ledger as it is now, and refuses films that were taken down meanwhile.
    corpus = read_corpus(recipe, paths, corpus)
    films = None
    if recipe.all_films:
        films = FilmTable.of(_film_sources(recipe, corpus), ledger.digests())
    stages = {name: paths.stage(name) for name in recipe.stage_names}
    runs = {name: checkpoint.load(_newest(folder)) for name, folder in stages.items()}
    logs = {name: open_exposure_log(folder / "exposure.log") for name, folder in stages.items()}
    provenance = Provenance(
        model=recipe.name,
        version=langit.__version__,
        code_version=code_version(),
        recipe=config.dump(recipe),
        ledger=LedgerState(f"langit/{recipe.name}", ledger.size, ledger.root().hex()),
        exposure={name: ExposureRecord(logs[name].root(), logs[name].rows, run.step) for name, run in runs.items()},
        training={
            # Checkpoints did not say where they were trained before they could be trained anywhere but on a CPU.
            name: TrainingRecord(
                round(run.facts["seconds"], 1), float(run.facts["flops"]), run.facts.get("device", CPU.name)
            )
            for name, run in runs.items()
        },
        base=recipe.base or recipe.autoencoder_base,
    )
    adapters = {name: TunedAdapter(p.adapter, config.dump(p.sampling)) for name, p in model.presets.items()}
    sampling = config.dump(model.sampling)
    parts = Parts(model.transformer, model.autoencoder, model.text, sampling, model.sizes, model.fps, adapters)
    save_bundle(paths.bundle, parts, provenance, films)
    _ship_record(recipe, corpus, ledger, paths, provenance)
    sealed = index_bundle(paths.bundle, paths.home, report, index_parts)
    sign_bundle(paths.bundle, sealed, keys.signer(paths.ledger))  # last, as the index changes the digest
    enter_training(recipe, ledger, paths, provenance)
    return paths.bundle


def _ship_record(
    recipe: Recipe, corpus: TrainingCorpus, ledger: Ledger, paths: RunPaths, provenance: Provenance
) -> None:
    """Put the records of what the model saw into its bundle, so that whoever gets it can audit it."""
    exposures = {name: read_rows(paths.stage(name) / "exposure.log") for name in recipe.stage_names}
    films = [source.digest for source in _film_sources(recipe, corpus)] if recipe.all_films else []
    digests = ledger.digests()[: provenance.ledger.size] if isinstance(provenance.ledger, LedgerState) else ()
    table = paths.bundle / FILM_TABLE
    beside = table.read_bytes() if table.exists() else b""
    add_file(
        paths.bundle,
        shipped.FILE,
        lambda path: write_record(path, ledger, digests, exposures, films, films_file=beside),
    )


def _film_sources(recipe: Recipe, corpus: TrainingCorpus) -> list[Source]:
    """The ledger's sources of every film that any stage learnt from."""
    learnt = {(film.world, str(film.pixels), film.seed) for film in chosen_films(recipe, recipe.all_films, corpus)}
    return [
        source
        for source in corpus.records.sources.values()
        if (source.generator_version, source.size, source.seed) in learnt
    ]


def _newest(folder: Path) -> Path:
    newest = checkpoint.latest(folder)
    assert newest is not None, f"{folder} was trained just now"
    return newest
