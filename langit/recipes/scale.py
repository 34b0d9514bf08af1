"""A scaling series: a recipe's first stage at several budgets and sizes, each a run of its own, and a report on them.

Every run is kept under LANGIT_HOME and trained once; a run that was stopped is continued. The autoencoder is the
recipe's own, as it is, or that of a finished model, which is then a point of the series as well. `evaluate.scaling`
says what the figures mean.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from langit import config
from langit.autoencoder.model import Autoencoder
from langit.bundle import load_bundle
from langit.bundle.places import read_provenance, resolve
from langit.bundle.provenance import Provenance
from langit.device import CPU, Placement
from langit.evaluate.fidelity.scores import ShownVideo, check_counts
from langit.evaluate.figures.intervals import Rate
from langit.evaluate.judges.probe import Probe, load_probe
from langit.evaluate.report import check_writable
from langit.evaluate.scaling.measures import HeldOutLoss, fidelity_rates, held_out_loss
from langit.evaluate.scaling.report import ScaleReport, write
from langit.evaluate.scaling.runs import OWN, ScalingRun
from langit.feed.catalogue import FilmClip, FrameReader, StoredClip
from langit.feed.latents import LatentClip, cache_latents, encoder_hash
from langit.files import created_folder
from langit.generate.model import Model
from langit.recipes.autoencoder import train_autoencoder
from langit.recipes.films import (
    Report,
    RunPaths,
    chosen_films,
    enter_films,
    read_corpus,
    render_films,
    training_clips,
)
from langit.recipes.identity import identity
from langit.recipes.recipe import FilmGroup, Recipe, Stage
from langit.recipes.run import first_model, train_stage
from langit.shapes import PixelShape
from langit.train import checkpoint
from langit.train.checkpoint import Checkpoint

MAX_WARMUP = 0.1  # the largest share of a run over which its rate may rise


@dataclass(frozen=True)
class PlannedRun:
    """One run of the series: a recipe whose first stage has the run's budget and size, and where it is kept."""

    size: str
    recipe: Recipe
    paths: RunPaths
    taken: str = ""  # the name of the recipe's own finished run, where that serves

    @property
    def stage(self) -> Stage:
        return self.recipe.stages[0]


@dataclass(frozen=True)
class FinishedModel:
    """A model that was trained before: its autoencoder serves all runs, and it is a point of the series itself.

    It may have learnt other films than the runs do, in other batches.
    """

    name: str
    model: Model
    provenance: Provenance

    @classmethod
    def open(cls, name: str, recipe: Recipe) -> FinishedModel:
        """Open a bundle by its name or folder.

        Raises:
            ValueError: there is none, it has no such stage, or a transformer or an autoencoder of another make.
        """
        folder = resolve(name)
        bundle, provenance = load_bundle(folder), read_provenance(folder)
        known = provenance.training.keys() & provenance.exposure.keys()
        if missing := [stage.name for stage in recipe.stages if stage.name not in known]:
            raise ValueError(
                f"--finished {name}: it has no stage {missing[0]!r} (its stages: {', '.join(sorted(known)) or 'none'});"
                f" use a model of recipe {recipe.name}"
            )
        model = replace(Model.of(bundle), sampling=recipe.sampling)
        if not isinstance(model.autoencoder, Autoencoder) or model.transformer.config != recipe.transformer:
            raise ValueError(
                f"--finished {name}: its transformer is not that of recipe {recipe.name}, so that they are no series of"
                " one size; use a model of this recipe"
            )
        return cls(name, model, provenance)

    @property
    def autoencoder(self) -> Autoencoder:
        assert isinstance(self.model.autoencoder, Autoencoder), "checked when it was opened"
        return self.model.autoencoder


@dataclass(frozen=True)
class ScalingTest:
    """How much every run is tested on: prompts with seeds for each, and held-out clips with draws for each.

    Where there are fewer held-out clips, all of them are taken.
    """

    prompts: int = 100
    seeds: int = 1
    clips: int = 320
    draws: int = 2

    def __post_init__(self) -> None:
        check_counts(self.prompts, self.seeds)
        if self.clips < 2 or self.draws < 1:
            raise ValueError(f"{self.clips} held-out clips, {self.draws} draws: use at least 2 and 1")


def scale(
    recipe: Recipe,
    budgets: Sequence[int] = (),
    sizes: Mapping[str, Sequence[str]] | None = None,
    *,
    folder: Path,
    report: Report,
    test: ScalingTest | None = None,
    workers: int = 2,
    home: Path | None = None,
    placement: Placement = CPU,
    finished: str = "",
) -> ScaleReport:
    """Train a recipe's first stage at several budgets and sizes, measure each, and write a report into a folder.

    Args:
        recipe: whose films, autoencoder and first stage are taken.
        budgets: steps; a sixteenth, a quarter and all of the stage's own where none is given.
        sizes: other transformers beside the recipe's own, by name: changes to it, such as ``num_layers=3``.
        folder: for scale.md, scale.json, scale.png and prompts.png; created if it is missing.
        report: called as work is done.
        test: how much every run is tested on.
        workers: processes that render missing films.
        home: where runs are kept; LANGIT_HOME when left out.
        placement: where to train, as for :func:`langit.recipes.run.run`.
        finished: the name or folder of a finished model, for :class:`FinishedModel`.

    Raises:
        ValueError: fewer than two runs, a size that is not possible, an older run of another recipe, no clip to use,
            no film as long as the probe judges, or a finished model of another kind.
        OSError: the folder cannot be written.
    """
    test = test or ScalingTest()
    home = config.home() if home is None else home
    model_before = FinishedModel.open(finished, recipe) if finished else None
    planned = plan(recipe, budgets, sizes or {}, home, model_before)
    probe, stage, own = load_probe(), recipe.stages[0], RunPaths(home, recipe.name)
    judged = _judged_size(stage, probe)
    with created_folder(folder):
        check_writable(folder)
        groups = stage.films if model_before else (*stage.films, *_autoencoder_films(recipe, stage))
        groups = tuple(dict.fromkeys(groups))
        render_films(groups, own, workers, report)
        enter_films(recipe, groups, own, report)
        corpus = read_corpus(recipe, own)
        if model_before is None:
            last = recipe.autoencoder_of(stage)
            autoencoder = train_autoencoder(recipe, corpus, own, True, report, last, placement=placement)[last]
        else:
            autoencoder = Placement(placement.device).put(model_before.autoencoder)
        clips = training_clips(recipe, recipe.data_of(stage), corpus, own, report)
        held_out = _sample(chosen_films(recipe, stage.films, corpus, "held-out"), test.clips)
        latents = cache_latents(
            held_out,
            FrameReader(),
            autoencoder,
            own.latents / "held-out",  # apart: a file holds the clips of one split of a shard
            lambda done, of: report("held-out latents", done, of, ""),
        )
        results = []
        for each in planned:
            pixels = tuple(dict.fromkeys(group.pixels for group in stage.films))
            model = replace(first_model(each.recipe, clips, autoencoder, placement=placement), sizes=pixels)
            trained = _train(each, model, clips, report, placement)
            results.append(_measure(each, model, trained, latents, probe, judged, test, report))
        if model_before is not None:
            results.append(_measure_finished(model_before, recipe, latents, probe, judged, test, report, placement))
        runs = tuple(run for run, _ in results)
        done = ScaleReport(recipe.name, stage.name, test.prompts, test.seeds, str(judged), runs)
        write(done, [shown for _, shown in results], folder)
    return done


def _autoencoder_films(recipe: Recipe, stage: Stage) -> tuple[FilmGroup, ...]:
    """The films of all autoencoder stages up to the one whose latents the stage learns."""
    names = [each.name for each in recipe.autoencoder_stages]
    before = recipe.autoencoder_stages[: names.index(recipe.autoencoder_of(stage)) + 1]
    return tuple(group for each in before for group in recipe.data_of(each).films)


def _judged_size(stage: Stage, probe: Probe) -> PixelShape:
    """The size of the videos that are judged: the first that the stage learns and the probe knows."""
    frames = probe.config.frames
    for group in stage.films:
        if group.pixels.frames == frames:
            return group.pixels
    raise ValueError(
        f"stage {stage.name} learns no film of {frames} frames, which is what the probe judges: give it some"
    )


def plan(
    recipe: Recipe,
    budgets: Sequence[int],
    sizes: Mapping[str, Sequence[str]],
    home: Path,
    finished: FinishedModel | None = None,
) -> list[PlannedRun]:
    """The runs of the series, size by size, the smallest budget first.

    The recipe's own run of the stage, where it is finished, serves as the budget of that length. With the autoencoder
    of a finished model it cannot, and runs are kept apart by the encoder whose latents they learn.

    Raises:
        ValueError: fewer than two runs, the same budget twice, a size that is not possible, or a base.
    """
    if recipe.base is not None:
        raise ValueError("a scaling series trains from random weights: leave the base out")
    stage = recipe.stages[0]
    steps = sorted(budgets or {max(1, stage.training.steps // share) for share in (16, 4, 1)})
    if len(set(steps)) < len(steps) or steps[0] < 1 or len(steps) * (1 + len(sizes)) + bool(finished) < 2:
        raise ValueError(f"budgets {', '.join(map(str, steps))}: give at least two different numbers of steps")
    series = (
        f"{recipe.name}-scale" if finished is None else f"{recipe.name}-scale-{encoder_hash(finished.autoencoder)[:8]}"
    )
    runs = []
    for name, changes in {OWN: (), **sizes}.items():
        if name != OWN and not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            raise ValueError(f"size {name!r} cannot name a run: use small letters, digits and _")
        sized = config.override(recipe, [f"transformer.{change}" for change in changes])
        for budget in steps:
            suffix = name if name != OWN else ""
            run = PlannedRun(
                name,
                replace(sized, stages=(resized_stage(stage, budget, suffix), *recipe.stages[1:])),
                RunPaths(home, series),
            )
            own = PlannedRun(name, recipe, RunPaths(home, recipe.name), f"{recipe.name}/{stage.name}")
            same = name == OWN and budget == stage.training.steps and finished is None
            runs.append(own if same and _finished_checkpoint(own) is not None else run)
    return runs


def resized_stage(stage: Stage, steps: int, size: str) -> Stage:
    """The stage at another length: its schedule takes the same shares of it, with warm-up over a tenth at most."""
    training, share = stage.training, steps / stage.training.steps
    optim = replace(
        training.optim,
        decay=round(training.optim.decay * share),
        warmup=min(training.optim.warmup, max(1, round(MAX_WARMUP * steps))),
    )
    return replace(
        stage,
        name="-".join(filter(None, (stage.name, size, str(steps)))),
        flow=replace(stage.flow, thing_after=round(stage.flow.thing_after * share)),
        training=replace(training, steps=steps, optim=optim, sample_every=0),
    )


def _finished_checkpoint(run: PlannedRun) -> Path | None:
    """The checkpoint of a run that is finished and of this recipe, or None."""
    newest = checkpoint.latest(run.paths.stage(run.stage.name))
    if newest is None:
        return None
    step, facts = checkpoint.facts(newest)
    same = facts["identity"] == identity(run.recipe, run.stage.name) and step == run.stage.training.steps
    return newest if same else None


def _train(
    run: PlannedRun, model: Model, clips: Sequence[StoredClip], report: Report, placement: Placement
) -> Checkpoint:
    """Train what is missing and continue what was stopped; leaves the averaged weights in the model."""
    stage = run.stage
    if _finished_checkpoint(run) is None:
        train_stage(run.recipe, stage, run.paths, model, clips, True, report, placement)
    newest = checkpoint.latest(run.paths.stage(stage.name))
    assert newest is not None, f"{stage.name} was trained just now"
    trained = checkpoint.load(newest)
    parts = {"transformer": model.transformer, "text": model.text}
    named = {f"{part}.{name}": value for part, module in parts.items() for name, value in module.named_parameters()}
    with torch.no_grad():
        for name, value in trained.tensors["ema"].items():
            named[name].copy_(value)
    return trained


def _measure(
    planned: PlannedRun,
    model: Model,
    trained: Checkpoint,
    clips: Sequence[LatentClip],
    probe: Probe,
    pixels: PixelShape,
    test: ScalingTest,
    report: Report,
) -> tuple[ScalingRun, tuple[ShownVideo, ...]]:
    stage = planned.stage
    loss, rates, shown = _results(model, stage, clips, probe, pixels, test, report)
    facts: dict[str, Any] = trained.facts
    run = ScalingRun(
        size=planned.size,
        steps=stage.training.steps,
        parameters=sum(value.numel() for value in trained.tensors["ema"].values()),
        flops=float(facts["flops"]),
        seconds=float(facts["seconds"]),
        clips=int(facts["exposures"]),
        loss=loss,
        rates=rates,
        curve=tuple((int(step), float(value)) for step, value in facts["curve"]),
        taken=planned.taken,
    )
    return run, shown


def _measure_finished(
    finished: FinishedModel,
    recipe: Recipe,
    clips: Sequence[LatentClip],
    probe: Probe,
    pixels: PixelShape,
    test: ScalingTest,
    report: Report,
    placement: Placement,
) -> tuple[ScalingRun, tuple[ShownVideo, ...]]:
    """The finished model's results, with what its provenance says that all stages of its transformer took."""
    stage, stages = recipe.stages[0], [each.name for each in recipe.stages]
    weights, model = Placement(placement.device), finished.model
    model = replace(model, transformer=weights.put(model.transformer), text=weights.put(model.text))
    loss, rates, shown = _results(model, stage, clips, probe, pixels, test, report)
    took, seen = finished.provenance.training, finished.provenance.exposure
    trained = (*model.transformer.parameters(), *model.text.parameters())
    run = ScalingRun(
        size=OWN,
        steps=sum(seen[name].steps for name in stages),
        parameters=sum(value.numel() for value in trained),
        flops=sum(took[name].flops for name in stages),
        seconds=sum(took[name].seconds for name in stages),
        clips=sum(seen[name].rows for name in stages),
        loss=loss,
        rates=rates,
        curve=(),
        taken=f"the finished model {finished.name}, which may have learnt other films in other batches",
    )
    return run, shown


def _results(
    model: Model,
    stage: Stage,
    clips: Sequence[LatentClip],
    probe: Probe,
    pixels: PixelShape,
    test: ScalingTest,
    report: Report,
) -> tuple[HeldOutLoss, Mapping[str, Rate], tuple[ShownVideo, ...]]:
    for module in (model.transformer, model.text):
        module.eval()
    loss = held_out_loss(
        model, clips, stage.flow, test.draws, lambda done, of: report(f"{stage.name}: held-out loss", done, of, "")
    )
    rates, shown = fidelity_rates(
        model,
        probe,
        pixels,
        test.prompts,
        test.seeds,
        lambda done, of: report(f"{stage.name}: prompts", done, of, ""),
    )
    return loss, rates, shown


def _sample(clips: Sequence[FilmClip], count: int) -> list[FilmClip]:
    """At most ``count`` of them, in their order; always the same ones, so that runs can be compared."""
    chosen = random.Random("held-out").sample(range(len(clips)), min(count, len(clips)))
    # In the clips' own order, which keeps those of a shard together: latents are cached by shard.
    return [clips[index] for index in sorted(chosen)]
