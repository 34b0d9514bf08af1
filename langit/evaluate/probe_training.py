"""How the probe is trained: from seeds to weights, again by anyone.

It learns from films of all pairings, those that a model never trains on included, or it could not judge them. The films
are roughened (noise, softness, light, and an autoencoder's reconstruction where one is given), so that what is not
quite a film is judged too. It does not know prompts.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor, nn
from torch.nn import functional

from langit import config as configs
from langit.evaluate.intervals import Rate
from langit.evaluate.probe import CELL, Probe, ProbeConfig, judge, load_probe, save_probe, to_video
from langit.evaluate.truth import CLASSES, NOTHING, reading, right_first, truth_of
from langit.feed.batch import Batch
from langit.shapes import PixelShape
from langit.train.lanes import shared
from langit.train.optim import OptimConfig
from langit.train.trainer import Tick, TrainConfig, Trainer
from langit.worlds import farm
from langit.worlds.scene import VERSION, mirrored, sample_scene, split

Progress = Callable[[str, int, int, str], None]
"""Told of a stage by name: done, of how many, and a line of facts."""
Reconstruct = Callable[[Tensor], Tensor]
"""Frames (B, T, H, W, 3), uint8, as an autoencoder gives them back."""


@dataclass(frozen=True)
class Seeds:
    """Films of one size: ``first`` to ``judged - 1`` are learnt from, ``judged`` to ``last - 1`` judge the probe."""

    size: str
    first: int
    judged: int
    last: int

    def __post_init__(self) -> None:
        PixelShape.parse(self.size)
        if not 0 <= self.first < self.judged < self.last:
            raise ValueError(f"seeds {self.first}, {self.judged}, {self.last} do not rise: give first < judged < last")


@dataclass(frozen=True)
class ProbeRecipe:
    """Everything that decides the probe's weights (but for an autoencoder, which is noted beside them)."""

    films: tuple[Seeds, ...] = (
        Seeds("64x64x17", 0, 4_500, 5_000),
        Seeds("80x48x17", 100_000, 100_250, 100_300),
        Seeds("48x80x17", 200_000, 200_250, 200_300),
    )
    network: ProbeConfig = ProbeConfig()
    batch: int = 16
    rough: float = 0.5  # share of films that are roughened
    where_weight: float = 2.0
    training: TrainConfig = field(
        default_factory=lambda: TrainConfig(
            steps=1_800,
            optim=OptimConfig(matrix_rate=3e-3, other_rate=2e-3, warmup=40, decay=900, ema=0.99),
            checkpoint_every=100,
        )
    )


@dataclass(frozen=True)
class FilmPlace:
    """Where a rendered film lies."""

    file: Path
    row: int
    seed: int
    size: str

    def read(self, what: str) -> Tensor:
        """``frames`` (T, H, W, 3) or ``masks`` (T, H, W), uint8."""
        tensor: Tensor = _opened(self.file).get_slice(what)[self.row]
        return tensor


@cache
def _opened(file: Path) -> Any:
    return safe_open(file, "pt")


def places(files: Iterable[Path]) -> list[FilmPlace]:
    """Every film of some shards."""
    found = []
    for file in files:
        shape = _opened(file).get_slice("frames").get_shape()
        size = str(PixelShape(frames=shape[1], height=shape[2], width=shape[3]))
        seeds = _opened(file).get_tensor("seeds").tolist()
        found += [FilmPlace(file, row, seed, size) for row, seed in enumerate(seeds)]
    return found


@dataclass(frozen=True)
class ProbeItems:
    """Films of one size with their truth."""

    frames: Tensor  # (B, T, H, W, 3), uint8
    where: Tensor  # (B, G, 3, h, w): shares of nothing, the first and the second thing in each cell
    labels: Tensor  # (B, A)


class ProbeFeed:
    """Batches of films of one size, half of them mirrored; a function of the step."""

    def __init__(self, films: Sequence[FilmPlace], batch: int, seed: int) -> None:
        self.seed, self.count = seed, batch
        self.by_size: dict[str, list[FilmPlace]] = {}
        for film in films:
            self.by_size.setdefault(film.size, []).append(film)

    def batch(self, step: int) -> Batch:
        dice = random.Random(f"probe:{self.seed}:{step}")
        size = dice.choices(list(self.by_size), weights=[len(films) for films in self.by_size.values()])[0]
        films = self._next(size, step)
        flips = [dice.random() < 0.5 for _ in films]
        scenes = [
            mirrored(sample_scene(film.seed)) if flip else sample_scene(film.seed)
            for film, flip in zip(films, flips, strict=True)
        ]
        frames = torch.stack([_flip(film.read("frames"), flip) for film, flip in zip(films, flips, strict=True)])
        masks = [_flip(film.read("masks"), flip) for film, flip in zip(films, flips, strict=True)]
        turned = [_TURN[mask.long()] if right_first(scene) else mask for mask, scene in zip(masks, scenes, strict=True)]
        items = ProbeItems(
            frames, shares(torch.stack(turned)), torch.stack([truth_of(scene).labels() for scene in scenes])
        )
        return Batch(tuple(scene.sha256 for scene in scenes), frames[..., 0].numel(), tuple(frames.shape), items)

    def _next(self, size: str, step: int) -> list[FilmPlace]:
        """Films of a permutation of each epoch, as if every step were of this size."""
        films = self.by_size[size]
        start = step * self.count
        return [
            films[_order(self.seed, i // len(films), len(films))[i % len(films)]]
            for i in range(start, start + self.count)
        ]


_TURN = torch.tensor([0, 2, 1], dtype=torch.uint8)


@cache
def _order(seed: int, epoch: int, count: int) -> tuple[int, ...]:
    order = list(range(count))
    random.Random(f"probe order:{seed}:{epoch}:{count}").shuffle(order)
    return tuple(order)


def _flip(tensor: Tensor, flip: bool) -> Tensor:
    return tensor.flip(2) if flip else tensor


def shares(masks: Tensor) -> Tensor:
    """Masks (B, T, H, W) -> of each moment's cells, the shares of nothing, the first and the second thing."""
    middle = masks[:, 1:-1:2]
    kinds = torch.stack([middle == kind for kind in range(3)], dim=2).float()  # (B, G, 3, H, W)
    return functional.avg_pool3d(kinds, (1, CELL, CELL))


def roughened(video: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Some of the videos softer, noisier or in a little other light; the rest as they are."""
    chosen = torch.rand(len(video), generator=generator) < share
    some = video[chosen]

    def chance() -> Tensor:
        return torch.rand(len(some), 1, 1, 1, 1, generator=generator)

    wide = functional.pad(some, (1, 1, 1, 1, 0, 0), mode="replicate")
    softer = functional.avg_pool3d(wide, (1, 3, 3), (1, 1, 1))
    soft = torch.where(chance() < 0.5, chance(), torch.zeros(()))
    rough = torch.lerp(some, softer, soft)
    rough = rough + 0.1 * chance() * torch.randn(some.shape, generator=generator)
    result = video.clone()
    result[chosen] = rough * (1 + 0.08 * (2 * chance() - 1)) + 0.06 * (2 * chance() - 1)
    return result


class ProbeTask:
    """Every attribute's cross-entropy, and where the things are."""

    def __init__(self, probe: Probe, recipe: ProbeRecipe, reconstruct: Reconstruct | None) -> None:
        self.probe, self.recipe, self.reconstruct = probe, recipe, reconstruct

    def modules(self) -> dict[str, nn.Module]:
        return {"probe": self.probe}

    def twin(self) -> ProbeTask:
        return ProbeTask(shared(self.probe), self.recipe, self.reconstruct)

    def is_matrix(self, name: str, parameter: nn.Parameter) -> bool:
        inside = any(
            part in name for part in (".fine.", ".down.", ".space.", ".time.", ".gather.", ".story.", ".thing.")
        )
        return inside and parameter.ndim >= 2 and name.endswith("weight")

    def loss(self, batch: Batch, step: int, generator: torch.Generator) -> Tensor:  # noqa: ARG002  # a Task's signature
        items: ProbeItems = batch.items
        frames = items.frames
        if self.reconstruct is not None and float(torch.rand((), generator=generator)) < 0.3:
            frames = self.reconstruct(frames)
        answer = self.probe(roughened(to_video(frames), self.recipe.rough, generator))
        wrong = -(items.where * answer.where.log_softmax(dim=2)).sum(dim=2)  # (B, G, h, w)
        loss: Tensor = self.recipe.where_weight * wrong.mean()
        for number, name in enumerate(CLASSES):
            labels = items.labels[:, number]
            if bool((labels != NOTHING).any()):
                loss = loss + functional.cross_entropy(answer.logits[name], labels, ignore_index=NOTHING)
        return loss

    def show(self, ema: dict[str, Tensor], step: int, folder: Path) -> None:
        """Nothing to look at: the probe's figures come from :func:`accuracy`."""


@dataclass(frozen=True)
class Accuracy:
    """How often the probe is right on real films, and what it takes for what (attribute, truth, verdict, times)."""

    rates: dict[str, Rate]
    mistakes: tuple[tuple[str, str, str, int], ...]
    wrong_seeds: dict[str, tuple[int, ...]]


def accuracy(probe: Probe, films: Sequence[FilmPlace], change: Reconstruct | None = None) -> Accuracy:
    """Judge real films, and their mirror images, against their truth; ``change`` is done to the frames before."""
    answers: dict[str, list[bool]] = {name: [] for name in CLASSES}
    mistakes: Counter[tuple[str, str, str]] = Counter()
    wrong: dict[str, list[int]] = {}
    for start in range(0, len(films), 16):
        part = films[start : start + 16]
        frames = [film.read("frames") for film in part]
        scenes = [sample_scene(film.seed) for film in part]
        frames += [one.flip(2) for one in frames]
        scenes += [mirrored(scene) for scene in scenes]
        if change is not None:
            frames = [change(one[None])[0] for one in frames]
        for scene, verdict in zip(scenes, judge(probe, frames), strict=True):
            truth = truth_of(scene)
            for name, read in reading(truth, verdict).items():
                answers[name].append(read == truth.named[name])
                if read != truth.named[name]:
                    mistakes[name, truth.named[name], read] += 1
                    wrong.setdefault(name, []).append(scene.seed)
    common = tuple((*names, times) for names, times in mistakes.most_common(20))
    rates = {name: Rate(sum(given), len(given)) for name, given in answers.items()}
    return Accuracy(rates, common, {name: tuple(seeds) for name, seeds in wrong.items()})


def split_places(recipe: ProbeRecipe, found: Sequence[FilmPlace]) -> tuple[list[FilmPlace], list[FilmPlace]]:
    """The recipe's films to learn from and to be judged on, among those that are there, in the order of their seeds."""
    learnt: list[FilmPlace] = []
    judged: list[FilmPlace] = []
    for film in sorted(found, key=lambda film: (film.size, film.seed)):
        for seeds in recipe.films:
            if film.size == seeds.size and seeds.first <= film.seed < seeds.last:
                (learnt if film.seed < seeds.judged else judged).append(film)
    return learnt, judged


def train_probe(
    home: Path,
    progress: Progress,
    recipe: ProbeRecipe | None = None,
    folder: Path | None = None,
    reconstruct: Reconstruct | None = None,
    workers: int = 2,
) -> Accuracy:
    """Render the recipe's films where they are missing, train on them, judge, and write the probe into a folder.

    Args:
        home: where films lie and the run keeps its state: LANGIT_HOME.
        progress: told of each stage.
        recipe: the one that made the shipped probe, unless given.
        folder: for weights, config and record; ``home/models/probe`` unless given.
        reconstruct: films as an autoencoder gives them back, for a part of the training.
        workers: processes that render.
    """
    recipe = ProbeRecipe() if recipe is None else recipe
    files: list[Path] = []
    for seeds in recipe.films:

        def rendered(done: int, of: int, size: str = seeds.size) -> None:
            progress(f"films {size}", done, of, "")

        wanted = range(seeds.first, seeds.last)
        files += farm.render_many(wanted, PixelShape.parse(seeds.size), home / "films", workers, rendered)
    learnt, judged = split_places(recipe, places(files))
    probe = fit_probe(recipe, learnt, home / "runs" / "probe", progress, reconstruct)
    where = home / "models" / "probe" if folder is None else folder
    save_probe(probe, where)
    return enter_record(where, recipe, judged, reconstruct)


def fit_probe(
    recipe: ProbeRecipe, films: Sequence[FilmPlace], folder: Path, progress: Progress, reconstruct: Reconstruct | None
) -> Probe:
    """Train a probe on films; a run that was stopped is taken up."""
    torch.manual_seed(recipe.training.seed)
    probe = Probe(recipe.network)
    feed = ProbeFeed(films, recipe.batch, recipe.training.seed)
    identity = configs.digest_of({"recipe": configs.dump(recipe), "reconstructions": reconstruct is not None})
    trainer = Trainer(ProbeTask(probe, recipe, reconstruct), feed, recipe.training, folder, identity)
    trainer.resume()

    def tell(tick: Tick) -> None:
        facts = f"loss {tick.smooth_loss:.3f}  {tick.clips_per_second:.0f} films/s"
        progress("probe", tick.step, tick.steps, facts)

    trainer.fit(tell)
    probe.load_state_dict({name.removeprefix("probe."): value for name, value in trainer.ema.items()})
    return probe.eval()


def enter_record(
    folder: Path, recipe: ProbeRecipe, judged: Sequence[FilmPlace], reconstruct: Reconstruct | None
) -> Accuracy:
    """Judge the probe as it was saved, and write record.json beside it: what it came from and how good it is."""
    probe = load_probe(folder)
    whole = accuracy(probe, judged)
    tables = {"all": whole}
    for seeds in recipe.films:
        tables[seeds.size] = accuracy(probe, [film for film in judged if film.size == seeds.size])
    tables["unseen pairings"] = accuracy(probe, [film for film in judged if split(film.seed) == "held-out"])
    if reconstruct is not None:
        tables["reconstructions"] = accuracy(probe, judged, reconstruct)
    mistakes = [dict(zip(("attribute", "truth", "verdict", "times"), one, strict=True)) for one in whole.mistakes]
    said = {
        "world": VERSION,
        "recipe": configs.dump(recipe),
        "trained_on_reconstructions": reconstruct is not None,
        "accuracy": {name: {what: str(rate) for what, rate in one.rates.items()} for name, one in tables.items()},
        "judgements": {what: rate.of for what, rate in whole.rates.items()},
        "mistakes": mistakes,
        "seeds_misjudged": {name: sorted(set(seeds)) for name, seeds in whole.wrong_seeds.items()},
    }
    (folder / "record.json").write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return whole
