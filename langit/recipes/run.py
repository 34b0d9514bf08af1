"""A recipe, walked from films to bundle, one stage after another; each stage is skipped when its result is there.

Machine facts (where, how many workers, how to report) come as arguments; everything that decides the weights comes
from the recipe.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer

from langit import config
from langit.autoencoder.model import Autoencoder, frame_blocks, principal_components, to_float, to_frames
from langit.feed.catalogue import Entry, Films, catalogue
from langit.feed.latents import LatentClip, cache_latents, latent_statistics
from langit.feed.loader import FilmFeed, LatentFeed
from langit.generate.video import Model, generate_many
from langit.ledger.rights import Policy
from langit.ledger.store import Ledger
from langit.recipes.recipe import Recipe, identity
from langit.text.encoder import TextConfig, TextEncoder
from langit.text.tokenizer import train_tokenizer
from langit.train import checkpoint
from langit.train.tasks import FlowTask, ReconstructionTask, psnr
from langit.train.trainer import Tick, Trainer
from langit.transformer.model import VideoTransformer
from langit.worlds import farm, sheet
from langit.worlds.caption import prompts as world_prompts
from langit.worlds.scene import split

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

    @property
    def autoencoder(self) -> Path:
        return self.home / "runs" / self.name / "autoencoder"

    @property
    def transformer(self) -> Path:
        return self.home / "runs" / self.name / "transformer"

    @property
    def bundle(self) -> Path:
        return self.home / "models" / self.name


def render_films(recipe: Recipe, places: Places, workers: int, report: Report) -> None:
    """Render every film of the recipe that is not there yet, and enter them in the ledger."""
    for group in recipe.films:
        seeds = range(group.first, group.last)
        farm.render_many(
            seeds, group.pixels, places.films, workers, lambda done, of, g=group: report("films " + g.size, done, of, "")
        )
    ledger = Ledger(places.ledger)
    for group in recipe.films:
        for shard in farm.open_shards(places.films, group.pixels):
            farm.enter(ledger, shard, recipe.captions, recipe.mirror)


def allowed(recipe: Recipe, places: Places) -> tuple[Entry, ...]:
    """The training clips of the recipe that the ledger allows."""
    groups = {(group.size, seed) for group in recipe.films for seed in range(group.first, group.last)}
    entries, refused = catalogue(Ledger(places.ledger), Policy(), places.films)
    chosen = tuple(e for e in entries if (str(e.pixels), e.seed) in groups and split(e.seed) == "train")
    if not chosen:
        why = "; ".join(sorted({refusal.decision.rule for refusal in refused})) or "the ledger holds no film of it"
        raise ValueError(f"recipe {recipe.name!r} has no clip that may be trained on: {why}")
    return chosen


def train_autoencoder(recipe: Recipe, places: Places, resume: bool, report: Report) -> Autoencoder:
    """Train (or take up) the autoencoder and calibrate its latents."""
    torch.manual_seed(recipe.autoencoder_training.seed)
    films = Films(places.films)
    entries = allowed(recipe, places)
    feed = FilmFeed(entries, films, recipe.reconstruction.batch, recipe.autoencoder_training.seed)
    model = Autoencoder(recipe.autoencoder)
    first = torch.cat([frame_blocks(to_float(feed.batch(step).items)) for step in range(12)])
    model.start_from_components(*principal_components(first, recipe.autoencoder.latent_channels))
    held = [entry for entry in catalogue(Ledger(places.ledger), Policy(), places.films)[0] if split(entry.seed) != "train"]
    shown = torch.stack([films.frames(e) for e in held[:64] if e.pixels == held[0].pixels][:8])

    def look(step: int, folder: Path) -> None:
        again = to_frames(model.decode(model.encode(to_float(shown))))
        rows = [frames for pair in zip(shown, again, strict=True) for frames in pair]
        texts = [text for index in range(len(shown)) for text in (f"film {index}", f"{psnr(shown[index], again[index]):.1f} dB")]
        sheet.save(folder / f"sheet-{step:06d}.png", rows, texts)
        report("autoencoder held out", step, recipe.autoencoder_training.steps, f"{psnr(shown, again):.2f} dB")

    task = ReconstructionTask(model, recipe.reconstruction, look)
    trainer = Trainer(task, feed, recipe.autoencoder_training, places.autoencoder, identity(recipe, "autoencoder"))
    if resume:
        trainer.resume()
    trainer.fit(lambda tick: report("autoencoder", tick.step, tick.steps, line(tick)))
    named = {name.removeprefix("autoencoder."): value for name, value in trainer.ema.items()}
    model.load_state_dict(named)
    batches = [to_float(feed.batch(step).items) for step in range(16)]
    mean, std = latent_statistics(model, batches)
    scale = std**recipe.whitening
    return model.calibrated(mean, scale * (std / scale).square().mean().sqrt()).eval()


def line(tick: Tick) -> str:
    """A step in a few words for a progress bar."""
    return (
        f"loss {tick.smooth_loss:.4f}  {tick.clips_per_second:.1f} clips/s  {tick.tokens_per_second / 1e3:.1f}k tokens/s"
        f"  {tick.share_of_peak:.0%} of peak"
    )


def train_transformer(recipe: Recipe, places: Places, autoencoder: Autoencoder, resume: bool, report: Report) -> Model:
    """Cache latents, make the tokenizer, train (or take up) text encoder and transformer. Returns the averaged model."""
    entries = allowed(recipe, places)
    clips = cache_latents(
        entries,
        Films(places.films),
        autoencoder,
        places.latents,
        lambda done, of: report("latents", done, of, ""),
    )
    tokenizer = train_tokenizer(caption for clip in clips for caption in clip.captions)
    torch.manual_seed(recipe.training.seed)
    text = TextEncoder(replace(recipe.text, vocab_size=tokenizer.get_vocab_size()), tokenizer)
    transformer = VideoTransformer(recipe.transformer)
    if recipe.training.compile:
        for block in transformer.blocks:
            block.compile()
    model = Model(transformer, autoencoder, text, recipe.sampling, tuple(group.pixels for group in recipe.films))
    wanted = world_prompts("held-out", 16)

    def look(step: int, folder: Path) -> None:
        texts = [prompt.text for prompt in wanted]
        videos = generate_many(texts, model, seeds=list(range(len(texts))))
        sheet.save(folder / f"sheet-{step:06d}.png", [video.frames for video in videos], texts)

    task = FlowTask(transformer, text, recipe.flow, look)
    feed = LatentFeed(clips, recipe.flow.token_budget, recipe.training.seed)
    trainer = Trainer(task, feed, recipe.training, places.transformer, identity(recipe, "transformer"))
    if resume:
        trainer.resume()
    trainer.fit(lambda tick: report("transformer", tick.step, tick.steps, line(tick)))
    for part, module in task.modules().items():
        named = {name.removeprefix(part + "."): ema for name, ema in trainer.ema.items() if name.startswith(part + ".")}
        module.load_state_dict(named, strict=False)
    return model
