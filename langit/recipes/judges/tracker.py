"""Train the tracker, reproducibly, from seeds to weights, and measure its errors.

It learns from single frames of the first world and of the hiding world, with the simulator's masks. Frames are
augmented like the probe's, so that imperfect videos can be tracked. Knows no prompts.
"""

from __future__ import annotations

import json
import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Int64, UInt8
from torch import Tensor, nn
from torch.nn import functional

from langit import config as configs
from langit.evaluate.figures.intervals import Rate
from langit.evaluate.judges.probe import to_video
from langit.evaluate.judges.tracker import (
    Detection,
    Tracker,
    TrackerConfig,
    likeliest_shape,
    load_tracker,
    save_tracker,
    segment,
)
from langit.feed.batch import Batch
from langit.recipes.judges.films import FilmLocation, augment, film_locations
from langit.recipes.judges.probe import Progress
from langit.shapes import PixelShape
from langit.train.microbatch import sharing_weights
from langit.train.optim import OptimConfig, ParameterKind
from langit.train.trainer import StepStats, TrainConfig, Trainer
from langit.worlds import farm
from langit.worlds.behind.scene import VERSION as HIDING
from langit.worlds.scene import COLOURS, SHAPES, VERSION, Scene
from langit.worlds.world import find_world

NOTHING = -1  # the shape label of a pixel that shows no object
RECORD = "tracker-record.json"
_LEAST_VISIBLE = 30 / 64**2  # share of the picture: an object of which less is visible is occluded or cut off


@dataclass(frozen=True)
class TrackedSeeds:
    """Films of one world and size: seeds from ``first`` train it, those from ``judged`` before ``last`` test it."""

    world: str
    size: str
    first: int
    judged: int
    last: int

    def __post_init__(self) -> None:
        PixelShape.parse(self.size)
        find_world(self.world)
        if not 0 <= self.first < self.judged < self.last:
            raise ValueError(
                f"seeds {self.first}, {self.judged}, {self.last} are not in order: use first < judged < last"
            )


@dataclass(frozen=True)
class TrackerRecipe:
    """Everything that determines the tracker's weights."""

    films: tuple[TrackedSeeds, ...] = (
        TrackedSeeds(VERSION, "64x64x17", 0, 4_500, 4_600),
        TrackedSeeds(HIDING, "64x64x17", 0, 400, 500),
    )
    network: TrackerConfig = TrackerConfig()
    films_each: int = 8  # films per batch
    frames_each: int = 4  # frames per film
    rough: float = 0.5  # share of films that are augmented
    training: TrainConfig = field(
        default_factory=lambda: TrainConfig(
            steps=1_200,
            optim=OptimConfig(matrix_rate=5e-3, other_rate=3e-3, warmup=30, decay=700, ema=0.98),
            checkpoint_every=100,
        )
    )


@dataclass(frozen=True)
class TrackedFilm:
    """A rendered film and its world."""

    world: str
    place: FilmLocation

    @property
    def scene(self) -> Scene:
        scene = find_world(self.world).sample(self.place.seed)
        assert isinstance(scene, Scene)
        return scene


@dataclass(frozen=True)
class TrackerItems:
    """Frames of films with their truth."""

    frames: UInt8[Tensor, "n t H W 3"]
    colours: Int64[Tensor, "n t H W"]  # 0: nothing; from 1: COLOURS
    shapes: Int64[Tensor, "n t H W"]  # of SHAPES, or NOTHING

    def to(self, device: torch.device) -> TrackerItems:
        """The same items on a device."""
        return TrackerItems(self.frames.to(device), self.colours.to(device), self.shapes.to(device))


def pixel_labels(masks: UInt8[Tensor, "t H W"], scene: Scene) -> tuple[Int64[Tensor, "t H W"], Int64[Tensor, "t H W"]]:
    """Return for every pixel the colour and the shape of the object that it shows."""
    colours = torch.tensor([0, *(1 + COLOURS.index(thing.colour) for thing in scene.things)])
    shapes = torch.tensor([NOTHING, *(SHAPES.index(thing.shape) for thing in scene.things)])
    return colours[masks.long()], shapes[masks.long()]


class TrackerFeed:
    """Batches of frames of films as a function of the step; half of the films are mirrored."""

    def __init__(self, films: Sequence[TrackedFilm], recipe: TrackerRecipe) -> None:
        self.recipe = recipe
        self.by_world: dict[str, list[TrackedFilm]] = {}
        for film in films:
            self.by_world.setdefault(film.world, []).append(film)

    def batch(self, step: int) -> Batch[TrackerItems]:
        dice = random.Random(f"tracker:{self.recipe.training.seed}:{step}")
        worlds = list(self.by_world)
        frames, colours, shapes, names = [], [], [], []
        for index in range(self.recipe.films_each):
            # three of four films are of the first world, which is more varied
            world = worlds[-1] if index % 4 == 3 else worlds[0]
            film = dice.choice(self.by_world[world])
            pixels, masks = film.place.read("frames"), film.place.read("masks")
            chosen = sorted(dice.sample(range(len(pixels)), min(self.recipe.frames_each, len(pixels))))
            pixels, masks = pixels[chosen], masks[chosen]
            if dice.random() < 0.5:
                pixels, masks = pixels.flip(2), masks.flip(2)
            colour, shape = pixel_labels(masks, film.scene)
            frames.append(pixels)
            colours.append(colour)
            shapes.append(shape)
            names.append(film.scene.sha256)
        items = TrackerItems(torch.stack(frames), torch.stack(colours), torch.stack(shapes))
        return Batch(tuple(names), items.colours.numel(), items)


class TrackerTask:
    """The training task: cross-entropy of every pixel's colour and shape."""

    def __init__(self, tracker: Tracker, recipe: TrackerRecipe) -> None:
        self.tracker, self.recipe = tracker, recipe

    def modules(self) -> dict[str, nn.Module]:
        return {"tracker": self.tracker}

    def replica(self) -> TrackerTask:
        return TrackerTask(sharing_weights(self.tracker), self.recipe)

    def parameter_kind(self, name: str, parameter: nn.Parameter) -> ParameterKind:
        inside = ".stem." not in name and ".head." not in name
        return "matrix" if inside and parameter.ndim >= 2 and name.endswith("weight") else "other"

    def loss(self, batch: Batch[TrackerItems], step: int, generator: torch.Generator) -> Tensor:  # noqa: ARG002  # a Task's signature
        items = batch.items
        video = augment(to_video(items.frames), self.recipe.rough, generator)  # (n, 3, t, H, W)
        colours, shapes = self.tracker(video.transpose(1, 2).flatten(0, 1))
        loss = functional.cross_entropy(colours, items.colours.flatten(0, 1))
        wanted = items.shapes.flatten(0, 1)
        shape_loss = functional.cross_entropy(shapes, wanted, ignore_index=NOTHING, reduction="sum")
        return loss + 0.2 * shape_loss / max(1, int((wanted != NOTHING).sum()))

    def save_preview(self, ema: dict[str, Tensor], step: int, folder: Path) -> None:
        """Write nothing: the tracker's figures come from :func:`measure_errors`."""


@dataclass(frozen=True)
class TrackerErrors:
    """The tracker's errors on real films, in pixels, for objects that are not occluded.

    found: frames in which a visible object is found; ghosts: frames in which a hidden one is rightly not found.
    """

    x: tuple[float, float]  # median, 95th percentile
    y: tuple[float, float]
    height: tuple[float, float]
    width: tuple[float, float]
    found: Rate
    ghosts: Rate
    shape: Rate


def measure_errors(tracker: Tracker, films: Sequence[TrackedFilm]) -> TrackerErrors:
    """Track the objects of real films and compare them with their masks."""
    off: dict[str, list[float]] = {name: [] for name in ("x", "y", "height", "width")}
    found, hidden, shapes = [], [], []
    for film in films:
        frames, masks = film.place.read("frames"), film.place.read("masks")
        sight = segment(tracker, frames)
        for index, thing in enumerate(film.scene.things, start=1):
            track = sight.track(thing.colour)
            shapes.append(likeliest_shape(track) == thing.shape)
            for mask, spot in zip(masks == index, track, strict=True):
                area = int(mask.sum())
                if area == 0:
                    hidden.append(spot is None)
                if area < _LEAST_VISIBLE * mask.numel():
                    continue  # occluded, or cut off by the edge
                found.append(spot is not None)
                if spot is not None:
                    for name, value in _deviations(spot, mask).items():
                        off[name].append(value)
    spread = {name: _spread(values) for name, values in off.items()}
    return TrackerErrors(**spread, found=_rate(found), ghosts=_rate(hidden), shape=_rate(shapes))


def _deviations(spot: Detection, mask: Tensor) -> dict[str, float]:
    """Return how far a detection is from a mask's own centre and size, in pixels."""
    rows, columns = mask.nonzero(as_tuple=True)
    height, width = mask.shape
    return {
        "x": abs(spot.x * width - float(columns.float().mean()) - 0.5),
        "y": abs(spot.y * height - float(rows.float().mean()) - 0.5),
        "height": abs(spot.height * height - int(mask.any(dim=1).sum())),
        "width": abs(spot.width * width - int(mask.any(dim=0).sum())),
    }


def _spread(values: list[float]) -> tuple[float, float]:
    return (round(statistics.median(values), 3), round(statistics.quantiles(values, n=20)[-1], 3)) if values else (0, 0)


def _rate(answers: list[bool]) -> Rate:
    return Rate(sum(answers), len(answers))


def split_films(
    recipe: TrackerRecipe, files: dict[TrackedSeeds, list[Path]]
) -> tuple[list[TrackedFilm], list[TrackedFilm]]:
    """Split films into those for training and those for testing."""
    training: list[TrackedFilm] = []
    testing: list[TrackedFilm] = []
    for seeds in recipe.films:
        for place in sorted(film_locations(files[seeds]), key=lambda place: place.seed):
            if seeds.first <= place.seed < seeds.last:
                (training if place.seed < seeds.judged else testing).append(TrackedFilm(seeds.world, place))
    return training, testing


def train_tracker(
    home: Path, progress: Progress, recipe: TrackerRecipe | None = None, folder: Path | None = None, workers: int = 2
) -> dict[str, TrackerErrors]:
    """Render the recipe's missing films, train on them, and write the tracker with its test results to a folder.

    Args:
        home: LANGIT_HOME, which stores films and the state of the run.
        progress: called as stages advance.
        recipe: by default that of the shipped tracker.
        folder: for weights, settings and record; by default ``home/models/probe``.
        workers: number of rendering processes.
    """
    recipe = TrackerRecipe() if recipe is None else recipe
    files = {}
    for seeds in recipe.films:

        def report_films(done: int, of: int, name: str = f"films {seeds.world} {seeds.size}") -> None:
            progress(name, done, of, "")

        wanted, size = range(seeds.first, seeds.last), PixelShape.parse(seeds.size)
        files[seeds] = farm.render_many(wanted, size, home / "films", workers, report_films, seeds.world)
    training, testing = split_films(recipe, files)
    tracker = fit_tracker(recipe, training, home / "runs" / "tracker", progress)
    where = home / "models" / "probe" if folder is None else folder
    save_tracker(tracker, where)
    return write_record(where, recipe, testing)


def fit_tracker(recipe: TrackerRecipe, films: Sequence[TrackedFilm], folder: Path, progress: Progress) -> Tracker:
    """Train a tracker on films, resuming a run that was interrupted."""
    torch.manual_seed(recipe.training.seed)
    tracker = Tracker(recipe.network)
    task = TrackerTask(tracker, recipe)
    identity = configs.digest_of(configs.identifying(recipe))
    trainer = Trainer(task, TrackerFeed(films, recipe), recipe.training, folder, identity)

    def report_step(stats: StepStats) -> None:
        facts = f"loss {stats.smooth_loss:.4f}  {stats.clips_per_second:.0f} films/s"
        progress("tracker", stats.step, stats.steps, facts)

    trainer.train(report_step, resume=True)
    tracker.load_state_dict({name.removeprefix("tracker."): value for name, value in trainer.ema.items()})
    return tracker.eval()


def write_record(folder: Path, recipe: TrackerRecipe, testing: Sequence[TrackedFilm]) -> dict[str, TrackerErrors]:
    """Test the tracker as saved, and write its record beside it: its recipe and its errors."""
    tracker = load_tracker(folder)
    by_world = {
        world: measure_errors(tracker, [film for film in testing if film.world == world])
        for world in dict.fromkeys(film.world for film in testing)
    }
    record: dict[str, Any] = {
        "recipe": configs.dump(recipe),
        "pixels off, median and 95th percentile": {
            world: {name: getattr(one, name) for name in ("x", "y", "height", "width")}
            for world, one in by_world.items()
        },
        "rates": {
            world: {name: str(getattr(one, name)) for name in ("found", "ghosts", "shape")}
            for world, one in by_world.items()
        },
    }
    (folder / RECORD).write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return by_world
