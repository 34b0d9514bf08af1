"""Train a probe, reproducibly, from seeds to weights.

A probe learns from films of all combinations, including those that models never train on, because it has to judge
them. Films are augmented (noise, blur, light, and an autoencoder's reconstruction if one is given), so that imperfect
videos can be judged. The story's probe also learns from films of other worlds and from spoiled films, as examples that
show none of its scenes. Knows no prompts.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from langit import config as configs
from langit.evaluate.figures.intervals import Rate
from langit.evaluate.judges.probe import SHIPPED, Probe, ProbeConfig, judge, load_probe, save_probe, to_video
from langit.evaluate.judges.questions import FIRST, STORY
from langit.evaluate.judges.truth import NOTHING, predictions, truth_of
from langit.feed.batch import Batch
from langit.recipes.judges.films import (
    FilmLocation,
    ProbeFeed,
    ProbeItems,
    ProbeSeeds,
    Reconstruct,
    augment,
    film_locations,
    write_reconstructions,
)
from langit.shapes import PixelShape
from langit.train.microbatch import sharing_weights
from langit.train.optim import OptimConfig, ParameterKind
from langit.train.trainer import StepStats, TrainConfig, Trainer
from langit.worlds import farm
from langit.worlds.behind.scene import VERSION as HIDING
from langit.worlds.scene import split
from langit.worlds.world import find_world

Progress = Callable[[str, int, int, str], None]
"""Receives a stage's name, how much of it is done, of how much, and a line of facts."""


@dataclass(frozen=True)
class ProbeRecipe:
    """Everything that determines the probe's weights, except an autoencoder, which is recorded beside them."""

    films: tuple[ProbeSeeds, ...] = (
        ProbeSeeds("64x64x17", 0, 4_500, 5_000),
        ProbeSeeds("80x48x17", 100_000, 100_250, 100_300),
        ProbeSeeds("48x80x17", 200_000, 200_250, 200_300),
    )
    network: ProbeConfig = ProbeConfig()
    start: str = configs.added_field("")  # the shipped probe whose weights training starts from; empty: from scratch
    batch: int = 16
    rough: float = 0.5  # share of films that are augmented
    spoiled: float = 0.0  # share of films that are made unrecognisable
    again: int = 600  # films that are also used as an autoencoder reconstructs them, if one is given
    where_weight: float = 2.0
    training: TrainConfig = field(
        default_factory=lambda: TrainConfig(
            steps=1_800,
            optim=OptimConfig(matrix_rate=3e-3, other_rate=2e-3, warmup=40, decay=900, ema=0.99),
            checkpoint_every=100,
        )
    )


def story_recipe() -> ProbeRecipe:
    """Return the recipe of the story's probe."""
    size = "64x64x17"
    return ProbeRecipe(
        films=(
            ProbeSeeds(size, 0, 3_100, 3_400, STORY.world),
            ProbeSeeds(size, 600_009, 600_009, 601_209, STORY.world, step=10),  # combinations that models never see
            ProbeSeeds(size, 0, 600, 700),
            ProbeSeeds(size, 0, 200, 300, HIDING),
        ),
        network=ProbeConfig(world=STORY.world),
        spoiled=0.12,
        training=TrainConfig(
            steps=1_500,
            optim=OptimConfig(matrix_rate=3e-3, other_rate=2e-3, warmup=40, decay=800, ema=0.99),
            checkpoint_every=100,
        ),
    )


def long_recipe() -> ProbeRecipe:
    """Return the recipe of the probe for 33 frames, which starts from that for 17 and reads every second frame."""
    return ProbeRecipe(
        films=(
            ProbeSeeds("128x128x33", 300_000, 301_200, 301_300),
            ProbeSeeds("160x96x33", 400_020, 400_150, 400_180),
            ProbeSeeds("96x160x33", 500_000, 500_150, 500_180),
        ),
        network=ProbeConfig(frames=33, every=2),
        start="probe",
        training=TrainConfig(
            steps=400,
            optim=OptimConfig(matrix_rate=1.5e-3, other_rate=1e-3, warmup=20, decay=250, ema=0.98),
            checkpoint_every=50,
        ),
    )


class ProbeTask:
    """The training task: cross-entropy of every attribute, and of where the objects are."""

    def __init__(self, probe: Probe, recipe: ProbeRecipe) -> None:
        self.probe, self.recipe = probe, recipe

    def modules(self) -> dict[str, nn.Module]:
        return {"probe": self.probe}

    def replica(self) -> ProbeTask:
        return ProbeTask(sharing_weights(self.probe), self.recipe)

    def parameter_kind(self, name: str, parameter: nn.Parameter) -> ParameterKind:
        inside = any(
            part in name for part in (".fine.", ".down.", ".space.", ".time.", ".gather.", ".story.", ".thing.")
        )
        return "matrix" if inside and parameter.ndim >= 2 and name.endswith("weight") else "other"

    def loss(self, batch: Batch[ProbeItems], step: int, generator: torch.Generator) -> Tensor:  # noqa: ARG002  # a Task's signature
        items = batch.items
        answer = self.probe(augment(to_video(items.frames), self.recipe.rough, generator))
        misplaced = -(items.where * answer.where.log_softmax(dim=2)).sum(dim=2)  # (B, G, h, w)
        loss: Tensor = self.recipe.where_weight * misplaced.mean()
        for number, name in enumerate(self.probe.questions.classes):
            labels = items.labels[:, number]
            if bool((labels != NOTHING).any()):
                loss = loss + functional.cross_entropy(answer.logits[name], labels, ignore_index=NOTHING)
        return loss

    def save_preview(self, ema: dict[str, Tensor], step: int, folder: Path) -> None:
        """Write nothing: the probe's figures come from :func:`measure_accuracy`."""


@dataclass(frozen=True)
class Accuracy:
    """Accuracy on real films, and the most common mistakes as (attribute, truth, verdict, times)."""

    rates: dict[str, Rate]
    mistakes: tuple[tuple[str, str, str, int], ...]
    wrong_seeds: dict[str, tuple[int, ...]]


def measure_accuracy(probe: Probe, films: Sequence[FilmLocation], change: Reconstruct | None = None) -> Accuracy:
    """Judge real films and their mirror images against their truth, after applying ``change`` to the frames."""
    answers: dict[str, list[bool]] = {name: [] for name in probe.questions.classes}
    mistakes: Counter[tuple[str, str, str]] = Counter()
    wrong: dict[str, list[int]] = {}
    for start in range(0, len(films), 16):
        part = films[start : start + 16]
        frames = [film.read("frames") for film in part]
        scenes = [film.scene for film in part]
        frames += [one.flip(2) for one in frames]
        scenes += [find_world(film.world).mirror(film.scene) for film in part]
        if change is not None:
            frames = [change(one[None])[0] for one in frames]
        for scene, verdict in zip(scenes, judge(probe, frames), strict=True):
            truth = truth_of(scene, probe.questions)
            for name, predicted in predictions(truth, verdict).items():
                answers[name].append(predicted == truth.named[name])
                if predicted != truth.named[name]:
                    mistakes[name, truth.named[name], predicted] += 1
                    wrong.setdefault(name, []).append(scene.seed)
    common = tuple((*names, times) for names, times in mistakes.most_common(20))
    rates = {name: Rate(sum(given), len(given)) for name, given in answers.items()}
    return Accuracy(rates, common, {name: tuple(seeds) for name, seeds in wrong.items()})


def split_films(recipe: ProbeRecipe, found: Sequence[FilmLocation]) -> tuple[list[FilmLocation], list[FilmLocation]]:
    """Split films into those for training and those for testing, in the order of their seeds."""
    training: list[FilmLocation] = []
    testing: list[FilmLocation] = []
    for film in sorted(found, key=lambda film: (film.size, film.seed)):
        for seeds in recipe.films:
            if film in seeds:
                (training if film.seed < seeds.judged else testing).append(film)
    return training, testing


def train_probe(
    home: Path,
    progress: Progress,
    recipe: ProbeRecipe | None = None,
    folder: Path | None = None,
    reconstruct: Reconstruct | None = None,
    workers: int = 2,
) -> Accuracy:
    """Render the recipe's missing films, train on them, and write the probe with its test results to a folder.

    Args:
        home: LANGIT_HOME, which stores films and the state of the run.
        progress: called as stages advance.
        recipe: by default that of the first world's probe.
        folder: for weights, config and record; by default ``home/models`` and the probe's name.
        reconstruct: an autoencoder's reconstruction; some films are used in both forms.
        workers: number of rendering processes.
    """
    recipe = ProbeRecipe() if recipe is None else recipe
    files: list[Path] = []
    for seeds in recipe.films:

        def report_films(done: int, of: int, size: str = seeds.size) -> None:
            progress(f"films {size}", done, of, "")

        size = PixelShape.parse(seeds.size)
        files += farm.render_many(seeds.range, size, home / "films", workers, report_films, seeds.world)
    training, testing = split_films(recipe, film_locations(files))
    name = probe_name(recipe)
    probe = fit_probe(recipe, training, home / "runs" / name, progress, reconstruct)
    where = home / "models" / name if folder is None else folder
    save_probe(probe, where)
    return write_record(where, recipe, testing, reconstruct)


def probe_name(recipe: ProbeRecipe) -> str:
    """Return the name of the shipped probe that a recipe makes."""
    if recipe.network.world == STORY.world:
        return "probe-story"
    return "probe" if recipe.network.every == 1 else "probe-long"


def fit_probe(
    recipe: ProbeRecipe,
    films: Sequence[FilmLocation],
    folder: Path,
    progress: Progress,
    reconstruct: Reconstruct | None,
) -> Probe:
    """Train a probe on films, resuming a run that was interrupted."""
    training = list(films)
    if reconstruct is not None:
        several = [film for film in films if film.size == films[0].size]
        several = several[:: max(1, -(-len(several) // recipe.again))]
        training += write_reconstructions(several, reconstruct, folder / "again")
    torch.manual_seed(recipe.training.seed)
    probe = Probe(recipe.network)
    if recipe.start:
        probe.load_state_dict(load_probe(SHIPPED.with_name(recipe.start)).state_dict())
    every = recipe.network.every
    feed = ProbeFeed(training, recipe.batch, recipe.training.seed, probe.questions, recipe.spoiled, every)
    identity = configs.digest_of({"recipe": configs.identifying(recipe), "reconstructions": reconstruct is not None})
    trainer = Trainer(ProbeTask(probe, recipe), feed, recipe.training, folder, identity)

    def report_step(stats: StepStats) -> None:
        facts = f"loss {stats.smooth_loss:.3f}  {stats.clips_per_second:.0f} films/s"
        progress("probe", stats.step, stats.steps, facts)

    trainer.train(report_step, resume=True)
    probe.load_state_dict({name.removeprefix("probe."): value for name, value in trainer.ema.items()})
    return probe.eval()


def write_record(
    folder: Path, recipe: ProbeRecipe, testing: Sequence[FilmLocation], reconstruct: Reconstruct | None
) -> Accuracy:
    """Test the probe as saved, and write record.json beside it: its recipe and its accuracy."""
    probe = load_probe(folder)
    whole = measure_accuracy(probe, testing)
    tables = {"all": whole}
    for seeds in recipe.films:
        kind = (seeds.world, seeds.size)
        name = seeds.size if seeds.world == FIRST.world else " ".join(kind)
        tables[name] = measure_accuracy(probe, [film for film in testing if (film.world, film.size) == kind])
    own = [film for film in testing if film.world == recipe.network.world]
    tables["unseen pairings"] = measure_accuracy(probe, [film for film in own if split(film.seed) == "held-out"])
    if reconstruct is not None:
        tables["reconstructions"] = measure_accuracy(probe, own, reconstruct)
    mistakes = [dict(zip(("attribute", "truth", "verdict", "times"), one, strict=True)) for one in whole.mistakes]
    record = {
        "world": recipe.network.world,
        "recipe": configs.dump(recipe),
        "trained_on_reconstructions": reconstruct is not None,
        "accuracy": {name: {what: str(rate) for what, rate in one.rates.items()} for name, one in tables.items()},
        "judgements": {what: rate.of for what, rate in whole.rates.items()},
        "mistakes": mistakes,
        "seeds_misjudged": {name: sorted(set(seeds)) for name, seeds in whole.wrong_seeds.items()},
    }
    (folder / "record.json").write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return whole
