"""How the tracker is trained, and how far off it is: from seeds to weights, again by anyone.

It learns from single frames of the first world and of the hiding world, with the simulator's masks. The frames are
roughened like the probe's, so that what is not quite a film is tracked too. It does not know prompts.
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
from langit.recipes.judges.films import FilmLocation, augment, places
from langit.recipes.judges.probe import Progress
from langit.shapes import PixelShape
from langit.train.microbatch import sharing_weights
from langit.train.optim import OptimConfig, ParameterKind
from langit.train.trainer import StepStats, TrainConfig, Trainer
from langit.worlds import farm
from langit.worlds.behind.scene import VERSION as HIDING
from langit.worlds.scene import COLOURS, SHAPES, VERSION, Scene
from langit.worlds.world import find_world

NOTHING = -1  # the label of a pixel's shape where there is no thing
RECORD = "tracker-record.json"


@dataclass(frozen=True)
class TrackedSeeds:
    """Films of one world and size: ``first`` to ``judged - 1`` are learnt from, ``judged`` to ``last - 1`` judge."""

    world: str
    size: str
    first: int
    judged: int
    last: int

    def __post_init__(self) -> None:
        PixelShape.parse(self.size)
        find_world(self.world)
        if not 0 <= self.first < self.judged < self.last:
            raise ValueError(f"seeds {self.first}, {self.judged}, {self.last} do not rise: give first < judged < last")


@dataclass(frozen=True)
class TrackerRecipe:
    """Everything that decides the tracker's weights."""

    films: tuple[TrackedSeeds, ...] = (
        TrackedSeeds(VERSION, "64x64x17", 0, 4_500, 4_600),
        TrackedSeeds(HIDING, "64x64x17", 0, 400, 500),
    )
    network: TrackerConfig = TrackerConfig()
    films_each: int = 8  # in a batch
    frames_each: int = 4  # of a film
    rough: float = 0.5  # share of films that are roughened
    training: TrainConfig = field(
        default_factory=lambda: TrainConfig(
            steps=1_200,
            optim=OptimConfig(matrix_rate=5e-3, other_rate=3e-3, warmup=30, decay=700, ema=0.98),
            checkpoint_every=100,
        )
    )


@dataclass(frozen=True)
class TrackedFilm:
    """A rendered film and the world that it is of."""

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
    colours: Int64[Tensor, "n t H W"]  # 0: nothing; 1 and on: COLOURS
    shapes: Int64[Tensor, "n t H W"]  # of SHAPES, or NOTHING

    def to(self, device: torch.device) -> TrackerItems:
        """The same items on a device."""
        return TrackerItems(self.frames.to(device), self.colours.to(device), self.shapes.to(device))


def labels(masks: UInt8[Tensor, "t H W"], scene: Scene) -> tuple[Int64[Tensor, "t H W"], Int64[Tensor, "t H W"]]:
    """Of every pixel the colour and the shape of the thing that it shows."""
    colours = torch.tensor([0, *(1 + COLOURS.index(thing.colour) for thing in scene.things)])
    shapes = torch.tensor([NOTHING, *(SHAPES.index(thing.shape) for thing in scene.things)])
    return colours[masks.long()], shapes[masks.long()]


class TrackerFeed:
    """Batches of frames of films, half of them mirrored; a function of the step. Worlds come by turns."""

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
            # three of four are of the first world, which shows more
            world = worlds[-1] if index % 4 == 3 else worlds[0]
            film = dice.choice(self.by_world[world])
            pixels, masks = film.place.read("frames"), film.place.read("masks")
            chosen = sorted(dice.sample(range(len(pixels)), min(self.recipe.frames_each, len(pixels))))
            pixels, masks = pixels[chosen], masks[chosen]
            if dice.random() < 0.5:
                pixels, masks = pixels.flip(2), masks.flip(2)
            colour, shape = labels(masks, film.scene)
            frames.append(pixels)
            colours.append(colour)
            shapes.append(shape)
            names.append(film.scene.sha256)
        items = TrackerItems(torch.stack(frames), torch.stack(colours), torch.stack(shapes))
        return Batch(tuple(names), items.colours.numel(), items)


class TrackerTask:
    """Every pixel's cross-entropies."""

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
        seen = augment(to_video(items.frames), self.recipe.rough, generator)  # (n, 3, t, H, W)
        colours, shapes = self.tracker(seen.transpose(1, 2).flatten(0, 1))
        loss = functional.cross_entropy(colours, items.colours.flatten(0, 1))
        wanted = items.shapes.flatten(0, 1)
        wrong = functional.cross_entropy(shapes, wanted, ignore_index=NOTHING, reduction="sum")
        return loss + 0.2 * wrong / max(1, int((wanted != NOTHING).sum()))

    def save_preview(self, ema: dict[str, Tensor], step: int, folder: Path) -> None:
        """Nothing to look at: the tracker's figures come from :func:`errors`."""


@dataclass(frozen=True)
class Errors:
    """How far the tracker is off on real films, in pixels; of things that are seen whole and by themselves.

    found: frames in which a thing that is there is found; ghosts: frames in which one that is hidden is not "found".
    """

    x: tuple[float, float]  # median, 95th percentile
    y: tuple[float, float]
    height: tuple[float, float]
    width: tuple[float, float]
    found: Rate
    ghosts: Rate
    shape: Rate


def errors(tracker: Tracker, films: Sequence[TrackedFilm]) -> Errors:
    """Track the things of real films and compare with their masks."""
    off: dict[str, list[float]] = {name: [] for name in ("x", "y", "height", "width")}
    found, hidden, shapes = [], [], []
    for film in films:
        frames, masks = film.place.read("frames"), film.place.read("masks")
        sight = segment(tracker, frames)
        for index, thing in enumerate(film.scene.things, start=1):
            spots = sight.track(thing.colour)
            shapes.append(likeliest_shape(spots) == thing.shape)
            for mask, spot in zip(masks == index, spots, strict=True):
                area = int(mask.sum())
                if area == 0:
                    hidden.append(spot is None)
                if area < 30:
                    continue  # cut by something or by the edge
                found.append(spot is not None)
                if spot is not None:
                    for name, value in _compared(spot, mask).items():
                        off[name].append(value)
    spread = {name: _spread(values) for name, values in off.items()}
    return Errors(**spread, found=_rate(found), ghosts=_rate(hidden), shape=_rate(shapes))


def _compared(spot: Detection, mask: Tensor) -> dict[str, float]:
    """How far a spot is from a mask's own centre and sides, in pixels."""
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
    """The recipe's films to learn from and to be judged on."""
    learnt: list[TrackedFilm] = []
    judged: list[TrackedFilm] = []
    for seeds in recipe.films:
        for place in sorted(places(files[seeds]), key=lambda place: place.seed):
            if seeds.first <= place.seed < seeds.last:
                (learnt if place.seed < seeds.judged else judged).append(TrackedFilm(seeds.world, place))
    return learnt, judged


def train_tracker(
    home: Path, progress: Progress, recipe: TrackerRecipe | None = None, folder: Path | None = None, workers: int = 2
) -> dict[str, Errors]:
    """Render the recipe's films where they are missing, train on them, judge, and write the tracker into a folder.

    Args:
        home: where films lie and the run keeps its state: LANGIT_HOME.
        progress: told of each stage.
        recipe: the one that made the shipped tracker, unless given.
        folder: for weights, settings and record; ``home/models/probe`` unless given.
        workers: processes that render.
    """
    recipe = TrackerRecipe() if recipe is None else recipe
    files = {}
    for seeds in recipe.films:

        def rendered(done: int, of: int, name: str = f"films {seeds.world} {seeds.size}") -> None:
            progress(name, done, of, "")

        wanted, size = range(seeds.first, seeds.last), PixelShape.parse(seeds.size)
        files[seeds] = farm.render_many(wanted, size, home / "films", workers, rendered, seeds.world)
    learnt, judged = split_films(recipe, files)
    tracker = fit_tracker(recipe, learnt, home / "runs" / "tracker", progress)
    where = home / "models" / "probe" if folder is None else folder
    save_tracker(tracker, where)
    return enter_record(where, recipe, judged)


def fit_tracker(recipe: TrackerRecipe, films: Sequence[TrackedFilm], folder: Path, progress: Progress) -> Tracker:
    """Train a tracker on films; a run that was stopped is taken up."""
    torch.manual_seed(recipe.training.seed)
    tracker = Tracker(recipe.network)
    task = TrackerTask(tracker, recipe)
    identity = configs.digest_of(configs.identifying(recipe))
    trainer = Trainer(task, TrackerFeed(films, recipe), recipe.training, folder, identity)

    def tell(stats: StepStats) -> None:
        facts = f"loss {stats.smooth_loss:.4f}  {stats.clips_per_second:.0f} films/s"
        progress("tracker", stats.step, stats.steps, facts)

    trainer.train(tell, resume=True)
    tracker.load_state_dict({name.removeprefix("tracker."): value for name, value in trainer.ema.items()})
    return tracker.eval()


def enter_record(folder: Path, recipe: TrackerRecipe, judged: Sequence[TrackedFilm]) -> dict[str, Errors]:
    """Judge the tracker as it was saved, and write its record beside it: what it came from and how far off it is."""
    tracker = load_tracker(folder)
    found = {
        world: errors(tracker, [film for film in judged if film.world == world])
        for world in dict.fromkeys(film.world for film in judged)
    }
    said: dict[str, Any] = {
        "recipe": configs.dump(recipe),
        "pixels off, median and 95th percentile": {
            world: {name: getattr(one, name) for name in ("x", "y", "height", "width")} for world, one in found.items()
        },
        "rates": {
            world: {name: str(getattr(one, name)) for name in ("found", "ghosts", "shape")}
            for world, one in found.items()
        },
    }
    (folder / RECORD).write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return found
