"""Shards: a hundred films in one safetensors file, which is complete or absent.

A shard holds frames (N, T, H, W, 3) and masks (N, T, H, W) as uint8, seeds (N) as int64, and its films' hashes in its
metadata. Captions follow from the seeds and are not stored. Knows nothing of processes or of the ledger.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from langit.files import atomic_write
from langit.shapes import PixelShape
from langit.worlds.scene import VERSION
from langit.worlds.world import AnyScene, find_world

FILMS = 100  # in a shard


@dataclass(frozen=True)
class Shard:
    """A file of films, as `open_shards` finds it. Arrays are read when a property or method needs them."""

    path: Path

    @cached_property
    def seeds(self) -> tuple[int, ...]:
        with safe_open(self.path, framework="numpy") as file:
            return tuple(int(seed) for seed in file.get_tensor("seeds"))

    @cached_property
    def hashes(self) -> tuple[dict[str, str], ...]:
        """SHA-256 in hex of each film: {"scene": …, "motion": …, "pixels": …}."""
        with safe_open(self.path, framework="numpy") as file:
            return tuple(json.loads(file.metadata()["films"]))

    @cached_property
    def world(self) -> str:
        """The version of the films' world."""
        with safe_open(self.path, framework="numpy") as file:
            return str(file.metadata()["world"])

    @property
    def scenes(self) -> tuple[AnyScene, ...]:
        return tuple(find_world(self.world).sample(seed) for seed in self.seeds)

    def frames(self) -> UInt8[np.ndarray, "N T H W 3"]:
        with safe_open(self.path, framework="numpy") as file:
            return np.asarray(file.get_tensor("frames"))

    def masks(self) -> UInt8[np.ndarray, "N T H W"]:
        with safe_open(self.path, framework="numpy") as file:
            return np.asarray(file.get_tensor("masks"))


def folder_of(folder: Path, pixels: PixelShape, world: str = VERSION) -> Path:
    """The folder of films of one world and size: `<folder>/<world version>/<size>/`."""
    return folder / world / str(pixels)


def open_shards(folder: Path, pixels: PixelShape, world: str = VERSION) -> list[Shard]:
    """The shards of one world and size under `folder`, in order of their first seed.

    Raises:
        ValueError: there are no shards.
    """
    paths = sorted(folder_of(folder, pixels, world).glob("*.safetensors"))
    if not paths:
        raise ValueError(f"no films of {pixels} under {folder}: render some with `langit worlds render`")
    return [Shard(path) for path in paths]


def render_shard(seeds: Sequence[int], pixels: PixelShape, path: Path, world: str = VERSION) -> int:
    """Render one shard in this process and return its number of films."""
    maker = find_world(world)
    films = [maker.render(maker.sample(seed), pixels) for seed in seeds]
    hashes = [{"scene": f.scene_sha256, "motion": f.motion_sha256, "pixels": f.pixel_sha256} for f in films]
    tensors = {
        "frames": np.stack([film.frames for film in films]),
        "masks": np.stack([film.masks for film in films]),
        "seeds": np.array(seeds, dtype=np.int64),
    }
    about = {"world": world, "pixels": str(pixels), "films": json.dumps(hashes)}
    with atomic_write(path) as unfinished:
        save_file(tensors, unfinished, metadata=about)
    return len(films)


def is_whole(path: Path, seeds: Sequence[int], pixels: PixelShape, world: str = VERSION) -> bool:
    """Whether a shard exists, is not truncated, and holds these seeds of this world in this size."""
    try:
        with safe_open(path, framework="numpy") as file:
            about = file.metadata() or {}
            found = tuple(int(seed) for seed in file.get_tensor("seeds"))
            size = tuple(file.get_slice("frames").get_shape())
    except (FileNotFoundError, SafetensorError):
        return False
    wanted = (len(seeds), pixels.frames, pixels.height, pixels.width, 3)
    return about.get("world") == world and found == tuple(seeds) and size == wanted
