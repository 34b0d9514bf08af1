"""The training data of a probe: films on disk with their truth, in batches, mirrored, augmented or spoiled.

Knows films and questions, no networks and no training.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from langit.autoencoder.model import to_float, to_frames
from langit.autoencoder.protocol import VideoAutoencoder
from langit.device import placement_of
from langit.evaluate.judges.probe import CELL, input_size
from langit.evaluate.judges.questions import FIRST, OTHER, Questions
from langit.evaluate.judges.truth import Truth, mask_order, truth_of
from langit.feed.batch import Batch
from langit.files import atomic_write
from langit.shapes import PixelShape
from langit.worlds.world import AnyScene, find_world

Reconstruct = Callable[[Tensor], Tensor]
"""Maps frames (B, T, H, W, 3), uint8, to their reconstruction by an autoencoder."""
_FILE = 100  # films per file of reconstructions


@dataclass(frozen=True)
class ProbeSeeds:
    """Films of one world and size.

    Seeds ``first`` to ``judged - 1`` are for training, ``judged`` to ``last - 1`` for testing. Takes every ``step``-th
    seed; if ``first`` equals ``judged``, no film is for training.
    """

    size: str
    first: int
    judged: int
    last: int
    world: str = FIRST.world
    step: int = 1

    def __post_init__(self) -> None:
        PixelShape.parse(self.size)
        find_world(self.world)
        if self.step < 1:
            raise ValueError(f"step {self.step} is not positive: use 1 or more")
        if not 0 <= self.first <= self.judged < self.last:
            raise ValueError(
                f"seeds {self.first}, {self.judged}, {self.last} are not in order: use first <= judged < last"
            )

    @property
    def range(self) -> range:
        return range(self.first, self.last, self.step)

    def __contains__(self, film: FilmLocation) -> bool:
        return (film.world, film.size) == (self.world, self.size) and film.seed in self.range


@dataclass(frozen=True)
class FilmLocation:
    """Where a rendered film is stored."""

    file: Path
    row: int
    seed: int
    size: str
    world: str = FIRST.world

    @property
    def scene(self) -> AnyScene:
        scene: AnyScene = find_world(self.world).sample(self.seed)
        return scene

    def scene_kind(self, questions: Questions) -> str:
        """Return the class of the scene in the questions, or its world if they have none."""
        return truth_of(self.scene, questions).named.get("scene", self.world)

    def read(self, name: str) -> Tensor:
        """Read ``frames`` (T, H, W, 3) or ``masks`` (T, H, W), uint8."""
        tensor: Tensor = _open(self.file).get_slice(name)[self.row]
        return tensor


@cache
def _open(file: Path) -> Any:
    # cached, because opening a file parses its whole header
    return safe_open(file, "pt")


def film_locations(files: Iterable[Path]) -> list[FilmLocation]:
    """List every film in shards."""
    locations = []
    for file in files:
        shape = _open(file).get_slice("frames").get_shape()
        size = str(PixelShape(frames=shape[1], height=shape[2], width=shape[3]))
        world = (_open(file).metadata() or {}).get("world", FIRST.world)
        seeds = _open(file).get_tensor("seeds").tolist()
        locations += [FilmLocation(file, row, seed, size, world) for row, seed in enumerate(seeds)]
    return locations


def write_reconstructions(films: Sequence[FilmLocation], reconstruct: Reconstruct, folder: Path) -> list[FilmLocation]:
    """Write an autoencoder's reconstructions of films of one size to a folder; their truth stays the same."""
    folder.mkdir(parents=True, exist_ok=True)
    locations: list[FilmLocation] = []
    for start in range(0, len(films), _FILE):
        part = films[start : start + _FILE]
        tensors = {
            "frames": torch.cat([reconstruct(film.read("frames")[None]) for film in part]),
            "masks": torch.stack([film.read("masks") for film in part]),
        }
        file = folder / f"{start:08d}.safetensors"
        with atomic_write(file) as unfinished:
            save_file(tensors, unfinished)
        locations += [replace(film, file=file, row=row) for row, film in enumerate(part)]
    return locations


class NoisyReconstruction:
    """A :data:`Reconstruct` that adds noise to the latents of every second film.

    The noise has up to ``noise`` times the standard deviation of each channel, so that films resemble slightly wrong
    generated videos.
    """

    def __init__(self, autoencoder: VideoAutoencoder, noise: float = 0.35) -> None:
        self.autoencoder, self.noise = autoencoder, noise
        self.films, self.generator = 0, torch.Generator().manual_seed(0)

    @torch.no_grad()
    def __call__(self, frames: Tensor) -> Tensor:
        placement = placement_of(self.autoencoder)
        latents = self.autoencoder.encode(placement.put(to_float(frames)))  # (B, C, F, h, w)
        self.films += 1
        if self.films % 2 == 0:
            amount = self.noise * float(torch.rand((), generator=self.generator))
            spread = latents.std(dim=(0, 2, 3, 4), keepdim=True)
            noise = placement.put(torch.randn(latents.shape, generator=self.generator))
            latents = latents + amount * spread * noise
        return to_frames(self.autoencoder.decode(latents).float()).cpu()


@dataclass(frozen=True)
class ProbeItems:
    """Films of one size with their truth."""

    frames: Tensor  # (B, T, H, W, 3), uint8
    where: Tensor  # (B, G, 3, h, w): shares of nothing, the first and the second object in each cell
    labels: Tensor  # (B, A)

    def to(self, device: torch.device) -> ProbeItems:
        """The same items on a device."""
        return ProbeItems(self.frames.to(device), self.where.to(device), self.labels.to(device))


class ProbeFeed:
    """Batches of films of one size as a function of the step; half are mirrored, a share is spoiled."""

    def __init__(
        self,
        films: Sequence[FilmLocation],
        batch: int,
        seed: int,
        questions: Questions = FIRST,
        spoiled: float = 0.0,
        every: int = 1,
    ) -> None:
        self.seed, self.count, self.questions, self.spoiled, self.every = seed, batch, questions, spoiled, every
        self.by_size: dict[str, list[FilmLocation]] = {}
        for film in films:
            self.by_size.setdefault(film.size, []).append(film)

    def batch(self, step: int) -> Batch[ProbeItems]:
        dice = random.Random(f"probe:{self.seed}:{step}")
        size = dice.choices(list(self.by_size), weights=[len(films) for films in self.by_size.values()])[0]
        films = self._next(size, step)
        flips = [dice.random() < 0.5 for _ in films]
        scenes = [
            find_world(film.world).mirror(film.scene) if flip else film.scene
            for film, flip in zip(films, flips, strict=True)
        ]
        frames = [_flip(film.read("frames")[:: self.every], flip) for film, flip in zip(films, flips, strict=True)]
        masks = [_flip(film.read("masks")[:: self.every], flip) for film, flip in zip(films, flips, strict=True)]
        ordered = [
            torch.tensor(mask_order(scene, self.questions), dtype=torch.uint8)[mask.long()]
            for mask, scene in zip(masks, scenes, strict=True)
        ]
        truths = [truth_of(scene, self.questions) for scene in scenes]
        if self.spoiled:
            for place in [at for at in range(len(films)) if dice.random() < self.spoiled]:
                kind = films[place].scene_kind(self.questions)
                others = [film for film in films if film.scene_kind(self.questions) != kind]
                frames[place] = spoil(frames[place], dice.choice(others or films).read("frames")[:: self.every], dice)
                ordered[place] = torch.zeros_like(ordered[place])
                truths[place] = Truth({"scene": OTHER}, self.questions)
        items = ProbeItems(
            torch.stack(frames), cell_shares(torch.stack(ordered)), torch.stack([truth.labels() for truth in truths])
        )
        return Batch(tuple(scene.sha256 for scene in scenes), items.frames[..., 0].numel(), items)

    def _next(self, size: str, step: int) -> list[FilmLocation]:
        """Take the next films of a permutation of each epoch, counted as if every step were of this size."""
        films = self.by_size[size]
        start = step * self.count
        return [
            films[_permutation(self.seed, i // len(films), len(films))[i % len(films)]]
            for i in range(start, start + self.count)
        ]


@cache
def _permutation(seed: int, epoch: int, count: int) -> tuple[int, ...]:
    order = list(range(count))
    random.Random(f"probe order:{seed}:{epoch}:{count}").shuffle(order)
    return tuple(order)


def _flip(tensor: Tensor, flip: bool) -> Tensor:
    return tensor.flip(2) if flip else tensor


def spoil(frames: Tensor, other: Tensor, dice: random.Random) -> Tensor:
    """Make a film (T, H, W, 3) unrecognisable: shuffle its pieces, mix it with another film, or blur it."""
    kind = dice.randrange(3)
    height, width = frames.shape[1:3]
    if kind == 0:
        side = dice.choice((8, 16))
        rows, columns = height // side, width // side
        order = list(range(rows * columns))
        dice.shuffle(order)
        cut = frames[:, : rows * side, : columns * side].unflatten(2, (columns, side)).unflatten(1, (rows, side))
        pieces = cut.transpose(2, 3).flatten(1, 2)[:, order]  # (T, n, side, side, 3)
        whole = pieces.unflatten(1, (rows, columns)).transpose(2, 3).flatten(3, 4).flatten(1, 2)
        spoiled = frames.clone()
        spoiled[:, : rows * side, : columns * side] = whole
        return spoiled
    if kind == 1:
        return torch.lerp(frames.float(), other.flip(dice.choice((1, 2))).float(), 0.5).to(torch.uint8)
    size = dice.choice((3, 4, 6))
    video = frames.permute(3, 0, 1, 2)[None].float()  # (1, 3, T, H, W)
    coarse = functional.adaptive_avg_pool3d(video, (len(frames), size, size))
    blurred = functional.interpolate(coarse, size=(len(frames), height, width), mode="trilinear")
    return blurred[0].permute(1, 2, 3, 0).round().to(torch.uint8)


def cell_shares(masks: Tensor) -> Tensor:
    """Compute from masks (B, T, H, W) the shares of nothing, first and second object in each cell of each moment."""
    middle = masks[:, 1:-1:2]  # the middle frames of the probe's moments
    kinds = torch.stack([middle == kind for kind in range(3)], dim=2).float()  # (B, G, 3, H, W)
    rows, columns = (side // CELL for side in input_size(*masks.shape[2:]))
    return functional.adaptive_avg_pool3d(kinds, (3, rows, columns))


def augment(video: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Blur, add noise to, and relight a share of the videos; return the others unchanged."""
    # random numbers are drawn on the CPU, so that a seed means the same on every device
    chosen = (torch.rand(len(video), generator=generator) < share).to(video.device)
    some = video[chosen]

    def chance() -> Tensor:
        return torch.rand(len(some), 1, 1, 1, 1, generator=generator).to(video)

    wide = functional.pad(some, (1, 1, 1, 1, 0, 0), mode="replicate")
    softer = functional.avg_pool3d(wide, (1, 3, 3), (1, 1, 1))
    soft = torch.where(chance() < 0.5, chance(), torch.zeros((), device=video.device))
    rough = torch.lerp(some, softer, soft)
    rough = rough + 0.1 * chance() * torch.randn(some.shape, generator=generator).to(video)
    result = video.clone()
    result[chosen] = rough * (1 + 0.08 * (2 * chance() - 1)) + 0.06 * (2 * chance() - 1)
    return result
