"""The last stretch of a recipe: adapters with which the trained transformer, itself unchanged, takes fewer steps."""

from __future__ import annotations

from dataclasses import replace

import torch

from langit.feed.loader import LatentFeed
from langit.generate.model import Model, Way
from langit.generate.settings import SamplingConfig
from langit.recipes.autoencoder import line
from langit.recipes.films import Places, Report, latents, learnt
from langit.recipes.recipe import DistilStage, Recipe, identity
from langit.recipes.sheets import held_out_sheet
from langit.train.distil import DistilTask
from langit.train.trainer import Trainer
from langit.transformer.adapter import Adapter


def train_adapters(recipe: Recipe, places: Places, model: Model, resume: bool, report: Report) -> Model:
    """Train (or take up) an adapter for each of the recipe's distillations; gives the model with their ways."""
    ways = {stage.name: train_adapter(recipe, stage, places, model, resume, report) for stage in recipe.distil}
    return replace(model, ways=ways)


def train_adapter(
    recipe: Recipe, stage: DistilStage, places: Places, model: Model, resume: bool, report: Report
) -> Way:
    """Cache the stage's latents and train (or take up) its adapter on them; gives it averaged."""
    films = recipe.films_of(stage)
    entries = learnt(recipe, films, places, report)
    clips = latents(entries, model.autoencoder, places, stage.flow.windows.starts, report)
    torch.manual_seed(stage.training.seed)
    adapter = Adapter.beside(model.transformer, stage.distil.rank)
    way = Way(adapter, sampling_of(recipe, stage))
    fast = replace(way.sampling, adapter="")
    look = held_out_sheet(films, lambda: replace(model, transformer=adapter.merged(model.transformer), sampling=fast))
    task = DistilTask(model.transformer, model.text, adapter, stage.distil, stage.flow, recipe.sampling.levels, look)
    feed = LatentFeed(clips, stage.flow.token_budget, stage.training.seed, stage.flow.windows)
    trainer = Trainer(task, feed, stage.training, places.stage(stage.name), identity(recipe, stage.name))
    if resume:
        trainer.resume()
    trainer.fit(lambda tick: report(stage.name, tick.step, tick.steps, line(tick)))
    adapter.load_state_dict({name.removeprefix("adapter."): value for name, value in trainer.ema.items()})
    return way


def sampling_of(recipe: Recipe, stage: DistilStage) -> SamplingConfig:
    """How a model with the adapter is sampled: one evaluation for each of the student's steps, each a straight line."""
    return SamplingConfig(
        steps=stage.distil.steps, guidance=1.0, solver="euler", levels=recipe.sampling.levels, adapter=stage.name
    )
