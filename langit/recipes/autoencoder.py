"""The autoencoder's stages of a recipe: each begins with the averaged weights of the one before it."""

from __future__ import annotations

from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from langit.autoencoder.model import Autoencoder, frame_blocks, principal_components, to_float
from langit.device import CPU, Placement
from langit.feed.allowed import TakenDown
from langit.feed.catalogue import FrameReader
from langit.feed.latents import latent_statistics
from langit.feed.loader import FrameFeed
from langit.feed.prefetch import Prefetch
from langit.ledger.store import Ledger
from langit.recipes.beside import Beside
from langit.recipes.films import Report, RunPaths, TrainingCorpus, held_out_clips, training_clips
from langit.recipes.identity import identity
from langit.recipes.kept import kept_statistics
from langit.recipes.previews import reconstruction_preview
from langit.recipes.progress import StageProgress
from langit.recipes.recipe import Recipe
from langit.train.parts import in_parts
from langit.train.ranks import ALONE, Ranks
from langit.train.tasks import ReconstructionTask
from langit.train.trainer import Trainer

FIRST_BATCHES, STATISTICS_BATCHES = 12, 16  # that principal components, and the statistics of latents, are taken over


def train_autoencoder(
    recipe: Recipe,
    corpus: TrainingCorpus,
    paths: RunPaths,
    resume: bool,
    report: Report,
    last: str = "",
    base: Autoencoder | None = None,
    placement: Placement = CPU,
    ranks: Ranks = ALONE,
    beside: Beside | None = None,
) -> dict[str, Autoencoder]:
    """Train the autoencoder, or continue; returns it as each stage left it, its latents calibrated.

    A stage that trains the decoder alone keeps the latents of the one before it.

    Args:
        recipe: whose stages.
        corpus: what may be learnt from.
        paths: of the run.
        resume: continue from checkpoints; without it there may be none.
        report: called as work is done.
        last: the name of the stage to end with, where it is not the recipe's last.
        base: what the first stage begins with, in place of principal components; it is in the result under "".
        placement: weights are in single precision on its device, losses are computed in its dtype.
        ranks: the processes that train together. They share the one micro-batch of a stage; a stage whose several
            cannot be shared out is trained by the first.
        beside: the clock by which stages end, where the run has one.
    """
    weights = Placement(placement.device)
    stages: dict[str, Autoencoder] = {} if base is None else {"": weights.put(base)}
    model: Autoencoder | None = None
    for stage in recipe.autoencoder_stages:
        # Everything that is drawn from here on, weights included, follows from the seed.
        torch.manual_seed(stage.training.seed)
        data, reader = recipe.data_of(stage), FrameReader()
        with ranks.first_goes_first():
            clips = training_clips(recipe, data, corpus, paths, report)
        taken_down = TakenDown(Ledger(paths.ledger), (clip.digest for clip in clips))
        feed = FrameFeed(clips, reader, stage.reconstruction.batch, stage.training.seed, taken_down)
        if model is None:
            model = Autoencoder(recipe.autoencoder)
            if base is None:
                first = torch.cat([frame_blocks(to_float(feed.batch(step).items)) for step in range(FIRST_BATCHES)])
                model.init_from_components(*principal_components(first, recipe.autoencoder.latent_channels))
            else:
                model.load_state_dict(base.state_dict())
            model = weights.put(model)
        held_out = held_out_clips(recipe, data, corpus, paths, report)
        preview = reconstruction_preview(model, held_out, reader, stage, report)
        task = ReconstructionTask(model, stage.reconstruction, preview)
        folder, name = paths.stage(stage.name), identity(recipe, stage.name)
        clock = None if beside is None else beside.autoencoder_clock(stage)
        ahead = Prefetch(feed, 2, threads=1) if beside is not None else None  # one: the feed is for one thread
        shared, parts, training, who = in_parts(task, ahead or feed, stage.training, ranks)
        trainer = Trainer(shared, parts, training, folder, name, placement, who, clock)
        trainer.train(StageProgress(stage.name, folder, report), resume)
        if ahead is not None and beside is not None:
            ahead.close()
            beside.check_trained(stage.name)
        # The trainer names parameters; buffers stay as they are. A stage that trains a part leaves the rest, too.
        averaged = {name.removeprefix("autoencoder."): value for name, value in trainer.ema.items()}
        model.load_state_dict(model.state_dict() | averaged)
        if stage.reconstruction.decoder_only:
            before = list(stages.values())[-1]
            mean, std = before.mean.flatten(), before.std.flatten()
        else:
            measure = partial(_statistics, model, feed, recipe.whitening, weights)
            mean, std = measure() if beside is None else kept_statistics(folder, measure)
        stages[stage.name] = weights.put(model.with_statistics(mean, std)).eval()
        if stage.name == last:
            break
    return stages


def _statistics(
    model: Autoencoder, feed: FrameFeed, whitening: float, weights: Placement
) -> tuple[Float[Tensor, " C"], Float[Tensor, " C"]]:
    """By which mean and standard deviation latents are centred and divided."""
    videos = (to_float(weights.put(feed.batch(step).items)) for step in range(STATISTICS_BATCHES))
    mean, spread = latent_statistics(model, list(videos))
    # Whitening in part evens the channels' variances out; then the mean variance of a latent is made 1.
    scale = spread**whitening
    return mean, scale * (spread / scale).square().mean().sqrt()
