"""A recipe, walked from films to bundle, one stage after another; each stage is skipped when its result is there.

Machine facts (where, how many workers, how to report) come as arguments; everything that decides the weights comes
from the recipe.
"""

from __future__ import annotations

import datetime
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

import langit
from langit import config
from langit.autoencoder.model import Autoencoder, frame_blocks, principal_components, to_float, to_frames
from langit.bundle import (
    Exposure,
    FilmTable,
    LedgerState,
    Parts,
    Provenance,
    Training,
    code_version,
    save_bundle,
)
from langit.evaluate.reconstruction import psnr
from langit.feed.catalogue import Entry, Films, catalogue
from langit.feed.exposure import ExposureLog
from langit.feed.footage import Wanted, find_manifest, footage_entries
from langit.feed.latents import cache_latents, latent_statistics
from langit.feed.loader import FilmFeed, LatentFeed
from langit.feed.traces import read_model
from langit.generate.model import Model
from langit.generate.video import generate_many
from langit.ledger.made import Exposure as Entered
from langit.ledger.rights import Policy
from langit.ledger.store import Ledger
from langit.recipes.recipe import AutoencoderStage, FilmGroup, Recipe, Stage, identity
from langit.release.nearest.training import index_bundle
from langit.shapes import PixelShape
from langit.text.encoder import TextEncoder
from langit.text.tokenizer import extend_tokenizer, train_tokenizer
from langit.train import checkpoint
from langit.train.tasks import FlowTask, ReconstructionTask
from langit.train.trainer import Tick, Trainer
from langit.transformer.model import VideoTransformer
from langit.worlds import farm, sheet
from langit.worlds.scene import Split, split
from langit.worlds.shard import open_shards
from langit.worlds.world import find_world

PAIRS = 8  # held-out films that a sheet shows beside what became of them
Report = Callable[[str, int, int, str], None]
"""Told of a stage by name: done, of how many, and a line of facts."""


@dataclass(frozen=True)
class Places:
    """Where a run keeps what it makes, under LANGIT_HOME."""

    home: Path
    name: str

    @property
    def films(self) -> Path:
        return self.home / "films"

    @property
    def ledger(self) -> Path:
        return self.home / "ledger"

    @property
    def latents(self) -> Path:
        return self.home / "latents"

    def stage(self, name: str) -> Path:
        """Checkpoints and the exposure log of a stage."""
        return self.home / "runs" / self.name / name

    @property
    def bundle(self) -> Path:
        return self.home / "models" / self.name


def render_films(groups: Sequence[FilmGroup], places: Places, workers: int, report: Report) -> None:
    """Render every film of the groups that is not there yet."""
    for group in groups:

        def tell(done: int, of: int, name: str = f"films {group.world} {group.size}") -> None:
            report(name, done, of, "")

        farm.render_many(group.seeds, group.pixels, places.films, workers, tell, group.world)


def enter_films(recipe: Recipe, groups: Sequence[FilmGroup], places: Places, report: Report) -> None:
    """Enter the groups' films and clips in the ledger; what is there already is not entered twice."""
    ledger = Ledger(places.ledger)
    for group in groups:
        every = open_shards(places.films, group.pixels, group.world)
        shards = [shard for shard in every if _within(shard.seeds, group)]
        for done, shard in enumerate(shards, start=1):
            farm.enter(ledger, shard, recipe.captions, recipe.mirror)
            report(f"ledger {group.world} {group.size}", done, len(shards), f"{ledger.size} entries")


def _within(seeds: Sequence[int], group: FilmGroup) -> bool:
    return group.first <= seeds[0] and seeds[-1] < group.last


def allowed(recipe: Recipe, groups: Sequence[FilmGroup], places: Places, which: Split = "train") -> tuple[Entry, ...]:
    """The clips of these films that the recipe wants and the ledger allows, of one split.

    Raises:
        ValueError: there are none; the message holds the rules that fired.
    """
    entries, refused = catalogue(Ledger(places.ledger), Policy(), places.films)
    chosen = tuple(
        entry
        for entry in entries
        if split(entry.seed) == which
        and (recipe.mirror or not entry.mirrored)
        and len(entry.captions) == recipe.captions  # the ledger may also hold what other recipes said of a film
        and any(
            (entry.world, str(entry.pixels)) == (group.world, group.size) and group.first <= entry.seed < group.last
            for group in groups
        )
    )
    if not chosen:
        why = "; ".join(sorted({refusal.decision.rule for refusal in refused})) or "the ledger holds no such film"
        raise ValueError(f"no {which} clip may be used: {why}")
    return chosen


def curated(
    recipe: Recipe, groups: Sequence[FilmGroup], places: Places, fps: float, report: Report
) -> tuple[Entry, ...]:
    """The clips of the recipe's manifest, at the sizes of these films; none where it names no manifest."""
    if recipe.manifest is None:
        return ()
    ledger = Ledger(places.ledger)
    manifest = find_manifest(ledger, recipe.manifest)
    found: list[Entry] = []
    for size in dict.fromkeys(group.size for group in groups):
        wanted = Wanted(PixelShape.parse(size), fps)

        def tell(done: int, of: int, size: str = size) -> None:
            report("footage " + size, done, of, manifest.name)

        noted = places.home / "curation" / "places.json"
        found += footage_entries(ledger, Policy(), manifest, noted, places.home / "footage", wanted, tell)
    return tuple(found)


def train_autoencoder(recipe: Recipe, places: Places, resume: bool, report: Report) -> dict[str, Autoencoder]:
    """Train (or take up) the autoencoder; gives it as each stage left it, its latents calibrated."""
    model, stages = Autoencoder(recipe.autoencoder), {}
    for number, stage in enumerate(recipe.autoencoder_stages):
        torch.manual_seed(stage.training.seed)
        films, groups = Films(), stage.films or recipe.films
        entries = allowed(recipe, groups, places)
        feed = FilmFeed(entries, films, stage.reconstruction.batch, stage.training.seed)
        if number == 0:
            model = Autoencoder(recipe.autoencoder)
            first = torch.cat([frame_blocks(to_float(feed.batch(step).items)) for step in range(12)])
            model.start_from_components(*principal_components(first, recipe.autoencoder.latent_channels))
        held = [entry for entry in allowed(recipe, groups, places, "held-out") if not entry.mirrored]
        look = _reconstructions(model, held, films, stage, report)
        task = ReconstructionTask(model, stage.reconstruction, look)
        trainer = Trainer(task, feed, stage.training, places.stage(stage.name), identity(recipe, stage.name))
        if resume:
            trainer.resume()
        trainer.fit(lambda tick, name=stage.name: report(name, tick.step, tick.steps, line(tick)))  # type: ignore[misc]
        named = {name.removeprefix("autoencoder."): value for name, value in trainer.ema.items()}
        model.load_state_dict(named)
        mean, std = latent_statistics(model, [to_float(feed.batch(step).items) for step in range(16)])
        scale = std**recipe.whitening
        stages[stage.name] = model.calibrated(mean, scale * (std / scale).square().mean().sqrt()).eval()
    return stages


def _reconstructions(
    model: Autoencoder, held: Sequence[Entry], films: Films, stage: AutoencoderStage, report: Report
) -> Callable[[int, Path], None]:
    """Shows held-out films beside what becomes of them, spread over all that there are."""
    alike = [entry for entry in held if entry.pixels == held[0].pixels]
    shown = torch.stack([films.frames(entry) for entry in alike[:: max(1, len(alike) // 24)][:24]])

    def look(step: int, folder: Path) -> None:
        again = to_frames(model.decode(model.encode(to_float(shown))))
        pairs = list(zip(shown, again, strict=True))[:: max(1, len(shown) // PAIRS)][:PAIRS]
        rows = [frames for pair in pairs for frames in pair]
        texts = [text for a, b in pairs for text in ("film", f"{psnr(a, b):.1f} dB")]
        sheet.save(folder / f"sheet-{step:06d}.png", rows, texts)
        found = f"{psnr(shown.flatten(0, 1), again.flatten(0, 1)):.2f} dB"
        report(f"{stage.name} held out", step, stage.training.steps, found)

    return look


def line(tick: Tick) -> str:
    """A step in a few words for a progress bar."""
    return (
        f"loss {tick.smooth_loss:.4f}  {tick.clips_per_second:.1f} clips/s"
        f"  {tick.tokens_per_second / 1e3:.1f}k tokens/s  {tick.share_of_peak:.0%} of peak"
    )


def train_transformer(
    recipe: Recipe, places: Places, autoencoders: Mapping[str, Autoencoder], resume: bool, report: Report
) -> Model:
    """Make the tokenizer, train (or take up) text encoder and transformer, stage by stage; gives the averaged model."""
    first = recipe.stages[0]
    model: Model | None = None
    for stage in recipe.stages:
        entries = (
            *allowed(recipe, stage.films, places),
            *curated(recipe, stage.films, places, Model.fps, report),
        )
        captions = (caption for entry in entries for caption in entry.captions)
        autoencoder = autoencoders[recipe.autoencoder_of(stage)]
        if model is None:
            tokenizer = train_tokenizer(captions)
            torch.manual_seed(first.training.seed)
            text = TextEncoder(replace(recipe.text, vocab_size=tokenizer.get_vocab_size()), tokenizer)
            transformer = VideoTransformer(recipe.transformer)
            model = Model(transformer, autoencoder, text, recipe.sampling, recipe.sizes)
        else:
            more = extend_tokenizer(model.text.tokenizer, captions)
            torch.manual_seed(stage.training.seed)
            model = replace(model, autoencoder=autoencoder, text=model.text.extended(more))
        train_stage(recipe, stage, places, model, entries, resume, report)
    assert model is not None, "a recipe has a stage"
    return model


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
    clips = cache_latents(
        entries,
        Films(),
        model.autoencoder,
        places.latents,
        lambda done, of: report("latents", done, of, ""),
        stage.flow.windows.starts,
    )
    if stage.training.compile:
        for block in model.transformer.blocks:
            block.compile()
    worlds = tuple(dict.fromkeys(group.world for group in stage.films))
    wanted = [prompt for world in worlds for prompt in find_world(world).prompts("held-out", 16 // len(worlds))]

    def look(step: int, folder: Path) -> None:
        texts = [prompt.text for prompt in wanted]
        videos = generate_many(texts, model, seeds=list(range(len(texts))))
        sheet.save(folder / f"sheet-{step:06d}.png", [video.frames for video in videos], texts)

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
    parts = Parts(model.transformer, model.autoencoder, model.text, config.dump(model.sampling), model.sizes, model.fps)
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
    films = recipe.all_films
    render_films(films, places, workers, report)
    enter_films(recipe, films, places, report)
    autoencoders = train_autoencoder(recipe, places, resume, report)
    model = train_transformer(recipe, places, autoencoders, resume, report)
    return assemble(recipe, places, model, report)
