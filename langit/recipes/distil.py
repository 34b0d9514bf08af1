"""The last stages of a recipe: adapters with which the trained transformer needs fewer evaluations."""

from __future__ import annotations

from dataclasses import replace

import torch

from langit.device import CPU, Placement
from langit.generate.model import Model, SamplingPreset
from langit.generate.settings import SamplingConfig
from langit.recipes.beside import Beside
from langit.recipes.feeds import flow_feed
from langit.recipes.films import Report, RunPaths, TrainingCorpus, read_corpus, stage_latents, training_clips
from langit.recipes.identity import identity
from langit.recipes.previews import video_preview
from langit.recipes.progress import StageProgress
from langit.recipes.recipe import DistilStage, Recipe
from langit.train.distil import DistilTask
from langit.train.ranks import ALONE, Ranks
from langit.train.trainer import Trainer
from langit.transformer.adapter import Adapter


def train_adapters(
    recipe: Recipe,
    corpus: TrainingCorpus,
    paths: RunPaths,
    model: Model,
    resume: bool,
    report: Report,
    placement: Placement = CPU,
    ranks: Ranks = ALONE,
    beside: Beside | None = None,
) -> Model:
    """Train an adapter for each of the recipe's distillations, or continue; returns the model with their presets."""
    presets = {
        stage.name: train_adapter(recipe, stage, corpus, paths, model, resume, report, placement, ranks, beside)
        for stage in recipe.distil
    }
    return replace(model, presets=presets)


def train_adapter(
    recipe: Recipe,
    stage: DistilStage,
    corpus: TrainingCorpus,
    paths: RunPaths,
    model: Model,
    resume: bool,
    report: Report,
    placement: Placement = CPU,
    ranks: Ranks = ALONE,
    beside: Beside | None = None,
) -> SamplingPreset:
    """Cache the stage's latents and train its adapter on them, or continue; returns it averaged."""
    data = recipe.data_of(stage)
    with ranks.first_goes_first():
        clips = training_clips(recipe, data, read_corpus(recipe, paths, corpus), paths, report)
        shown = report if beside is None else beside.watching(f"while latents of stage {stage.name} were encoded")
        latents = stage_latents(clips, model.autoencoder, paths, stage.flow.windows.starts, shown)
    torch.manual_seed(stage.training.seed)
    adapter = Placement(placement.device).put(Adapter.of_rank(model.transformer, stage.distil.rank))
    preset = SamplingPreset(adapter, sampling_of(recipe, stage))
    # The preview merges the adapter into the weights; the settings must then not ask for it by name.
    fast = replace(preset.sampling, adapter="")

    def student() -> Model:
        return replace(model, transformer=adapter.fuse(model.transformer), sampling=fast)

    preview = video_preview(data, clips, student)
    levels = recipe.sampling.levels
    task = DistilTask(model.transformer, model.text, adapter, stage.distil, stage.flow, levels, preview)
    feed = flow_feed(stage.flow, stage.training.seed, latents, list(clips), paths, placement)
    folder, name = paths.stage(stage.name), identity(recipe, stage.name)
    clock = None if beside is None else beside.adapter_clock(stage)
    trainer = Trainer(task, feed, stage.training, folder, name, placement, ranks, clock)
    trainer.train(StageProgress(stage.name, folder, report), resume)
    if beside is not None:
        beside.check_trained(stage.name)
    adapter.load_state_dict({name.removeprefix("adapter."): value for name, value in trainer.ema.items()})
    return preset


def sampling_of(recipe: Recipe, stage: DistilStage) -> SamplingConfig:
    """How a model with the adapter is sampled: one Euler step, and one evaluation, for each of the student's steps."""
    return SamplingConfig(
        steps=stage.distil.steps, guidance=1.0, solver="euler", levels=recipe.sampling.levels, adapter=stage.name
    )
