"""A recipe's first stage at several budgets and sizes, each a run of its own, and a report on what more gives.

Every run is kept under LANGIT_HOME and trained once; what was stopped goes on. The autoencoder is the recipe's own, as
it is. What the figures mean stands in `evaluate.scaling`.
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
from langit.evaluate.fidelity.scores import Shown, check_counts
from langit.evaluate.judges.probe import Probe, load_probe
from langit.evaluate.report import check_writable
from langit.evaluate.scaling.measures import fidelity_rates, held_out_loss
from langit.evaluate.scaling.report import ScaleReport, write
from langit.evaluate.scaling.runs import OWN, Run
from langit.feed.catalogue import Entry, Films
from langit.feed.latents import LatentClip, cache_latents
from langit.files import created_folder
from langit.generate.model import Model
from langit.recipes.autoencoder import train_autoencoder
from langit.recipes.films import Places, Report, allowed, enter_films, learnt, render_films
from langit.recipes.recipe import Recipe, Stage, identity
from langit.recipes.run import first_model, train_stage
from langit.shapes import PixelShape
from langit.train import checkpoint
from langit.train.checkpoint import Checkpoint

WARMUP = 0.1  # the most of a run that its rate may take to rise


@dataclass(frozen=True)
class Trial:
    """A run to be made: a recipe whose first stage has its budget and its size, and where it is kept."""

    size: str
    recipe: Recipe
    places: Places
    taken: str = ""  # the run that is there already, where it is the recipe's own

    @property
    def stage(self) -> Stage:
        return self.recipe.stages[0]


@dataclass(frozen=True)
class Asked:
    """How much every run is asked: prompts and seeds of each, and clips that were never trained on, with draws of each.

    Where there are fewer such clips, all of them are taken.
    """

    prompts: int = 100
    seeds: int = 1
    clips: int = 320
    draws: int = 2

    def __post_init__(self) -> None:
        check_counts(self.prompts, self.seeds)
        if self.clips < 2 or self.draws < 1:
            raise ValueError(f"{self.clips} held-out clips, {self.draws} draws: give at least 2 and 1")


def scale(
    recipe: Recipe,
    budgets: Sequence[int] = (),
    sizes: Mapping[str, Sequence[str]] | None = None,
    *,
    folder: Path,
    report: Report,
    asked: Asked | None = None,
    workers: int = 2,
    home: Path | None = None,
) -> ScaleReport:
    """Train a recipe's first stage at several budgets and sizes, measure each, leave a report in a folder.

    Args:
        recipe: whose films, autoencoder and first stage are taken.
        budgets: steps; a sixteenth, a quarter and all of the stage's own where none is given.
        sizes: beside the recipe's own transformer, by name: changes to it, as ``num_layers=3``.
        folder: for scale.md, scale.json, scale.png and prompts.png; made if it is not there.
        report: told of every stage.
        asked: how much every run is asked.
        workers: processes that render films that are not there.
        home: where runs are kept; LANGIT_HOME when left out.

    Raises:
        ValueError: fewer than two runs, a size that cannot be, an older run of another recipe, no clip to
            use, no film as long as the probe judges.
        OSError: the folder cannot be written.
    """
    asked = asked or Asked()
    home = config.home() if home is None else home
    trials = plan(recipe, budgets, sizes or {}, home)
    probe, stage, own = load_probe(), recipe.stages[0], Places(home, recipe.name)
    judged = _judged(stage, probe)
    with created_folder(folder):
        check_writable(folder)
        last = recipe.autoencoder_of(stage)
        names = [each.name for each in recipe.autoencoder_stages]
        before = recipe.autoencoder_stages[: names.index(last) + 1]
        groups = tuple(dict.fromkeys((*stage.films, *(g for each in before for g in each.films or recipe.films))))
        render_films(groups, own, workers, report)
        enter_films(recipe, groups, own, report)
        autoencoder = train_autoencoder(recipe, own, True, report, last)[last]
        entries = learnt(recipe, stage.films, own, report)
        held = _held_out(allowed(recipe, stage.films, own, "held-out"), asked.clips)
        clips = cache_latents(
            held,
            Films(),
            autoencoder,
            own.latents / "held-out",  # apart: a file holds the clips of one split of a shard
            lambda done, of: report("held-out latents", done, of, ""),
        )
        found = []
        for trial in trials:
            pixels = tuple(dict.fromkeys(group.pixels for group in stage.films))
            model = replace(first_model(trial.recipe, entries, autoencoder), sizes=pixels)
            trained = _trained(trial, model, entries, report)
            found.append(_measured(trial, model, trained, clips, probe, judged, asked, report))
        runs = tuple(run for run, _ in found)
        done = ScaleReport(recipe.name, stage.name, asked.prompts, asked.seeds, str(judged), runs)
        write(done, [shown for _, shown in found], folder)
    return done


def _judged(stage: Stage, probe: Probe) -> PixelShape:
    """The size of the videos that are judged: the first that the stage learns and the probe knows."""
    known = probe.config.frames
    for group in stage.films:
        if group.pixels.frames == known:
            return group.pixels
    raise ValueError(
        f"stage {stage.name} learns no film of {known} frames, which is what the probe judges: give it some"
    )


def plan(recipe: Recipe, budgets: Sequence[int], sizes: Mapping[str, Sequence[str]], home: Path) -> list[Trial]:
    """The runs to be made, sizes in turn, the smallest budget first.

    The recipe's own finished run of the stage, where it is there, serves as the budget of that length.

    Raises:
        ValueError: fewer than two runs, the same budget twice, or a size that cannot be.
    """
    stage = recipe.stages[0]
    steps = sorted(budgets or {max(1, stage.training.steps // share) for share in (16, 4, 1)})
    if len(set(steps)) < len(steps) or steps[0] < 1 or len(steps) * (1 + len(sizes)) < 2:
        raise ValueError(f"budgets {', '.join(map(str, steps))}: give at least two different numbers of steps")
    trials = []
    for name, changes in {OWN: (), **sizes}.items():
        if name != OWN and not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            raise ValueError(f"size {name!r} cannot name a run: use small letters, digits and _")
        sized = config.override(recipe, [f"transformer.{change}" for change in changes])
        for budget in steps:
            short = name if name != OWN else ""
            trial = Trial(
                name,
                replace(sized, stages=(shortened(stage, budget, short), *recipe.stages[1:])),
                Places(home, f"{recipe.name}-scale"),
            )
            own = Trial(name, recipe, Places(home, recipe.name), f"{recipe.name}/{stage.name}")
            same = name == OWN and budget == stage.training.steps and _finished(own) is not None
            trials.append(own if same else trial)
    return trials


def shortened(stage: Stage, steps: int, size: str) -> Stage:
    """A stage of another length: its schedule takes the same shares of it, warming up a tenth of it at most."""
    training, share = stage.training, steps / stage.training.steps
    optim = replace(
        training.optim,
        decay=round(training.optim.decay * share),
        warmup=min(training.optim.warmup, max(1, round(WARMUP * steps))),
    )
    return replace(
        stage,
        name="-".join(filter(None, (stage.name, size, str(steps)))),
        flow=replace(stage.flow, thing_after=round(stage.flow.thing_after * share)),
        training=replace(training, steps=steps, optim=optim, sample_every=0),
    )


def _finished(trial: Trial) -> Path | None:
    """The checkpoint of a run that is done, if it is there and of this very recipe."""
    newest = checkpoint.latest(trial.places.stage(trial.stage.name))
    if newest is None:
        return None
    step, facts = checkpoint.facts(newest)
    same = facts["identity"] == identity(trial.recipe, trial.stage.name) and step == trial.stage.training.steps
    return newest if same else None


def _trained(trial: Trial, model: Model, entries: Sequence[Entry], report: Report) -> Checkpoint:
    """Train what is not there, go on with what was stopped; leaves the averaged weights in the model."""
    stage = trial.stage
    if _finished(trial) is None:
        train_stage(trial.recipe, stage, trial.places, model, entries, True, report)
    newest = checkpoint.latest(trial.places.stage(stage.name))
    assert newest is not None, f"{stage.name} was trained just now"
    trained = checkpoint.load(newest)
    parts = {"transformer": model.transformer, "text": model.text}
    named = {f"{part}.{name}": value for part, module in parts.items() for name, value in module.named_parameters()}
    with torch.no_grad():
        for name, value in trained.tensors["ema"].items():
            named[name].copy_(value)
    return trained


def _measured(
    trial: Trial,
    model: Model,
    trained: Checkpoint,
    clips: Sequence[LatentClip],
    probe: Probe,
    pixels: PixelShape,
    asked: Asked,
    report: Report,
) -> tuple[Run, tuple[Shown, ...]]:
    stage = trial.stage
    for module in (model.transformer, model.text):
        module.eval()
    loss = held_out_loss(
        model, clips, stage.flow, asked.draws, lambda done, of: report(f"{stage.name}: held-out loss", done, of, "")
    )
    rates, shown = fidelity_rates(
        model,
        probe,
        pixels,
        asked.prompts,
        asked.seeds,
        lambda done, of: report(f"{stage.name}: prompts", done, of, ""),
    )
    facts: dict[str, Any] = trained.facts
    run = Run(
        size=trial.size,
        steps=stage.training.steps,
        parameters=sum(value.numel() for value in trained.tensors["ema"].values()),
        flops=float(facts["flops"]),
        seconds=float(facts["seconds"]),
        clips=int(facts["exposures"]),
        loss=loss,
        rates=rates,
        curve=tuple((int(step), float(value)) for step, value in facts["curve"]),
        taken=trial.taken,
    )
    return run, shown


def _held_out(entries: Sequence[Entry], count: int) -> list[Entry]:
    """So many of them, drawn once for all, in their order."""
    chosen = random.Random("held-out").sample(range(len(entries)), min(count, len(entries)))
    return [entries[index] for index in sorted(chosen)]
