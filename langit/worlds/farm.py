"""Many films: worker processes render ranges of seeds into shards of 100 films, safetensors files that are whole or absent.

A shard holds frames (N, T, H, W, 3) and masks (N, T, H, W) as uint8, seeds (N) as int64, and its films' hashes in its
metadata. Captions are not stored: they are made from the seed. Knows nothing of what a film shows.
"""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from langit.shapes import PixelShape
from langit.worlds.scene import VERSION, Scene, sample_scene

FILMS = 100  # in a shard
Progress = Callable[[int, int], None]  # films done, films in all


@dataclass(frozen=True)
class Shard:
    """A file of films. `open_shards` finds them; arrays are read when asked for."""

    path: Path

    @cached_property
    def seeds(self) -> tuple[int, ...]:
        with safe_open(self.path, framework="numpy") as file:
            return tuple(int(seed) for seed in file.get_tensor("seeds"))

    @cached_property
    def hashes(self) -> tuple[dict[str, str], ...]:
        """For each film: {"scene": …, "motion": …, "pixels": …}, SHA-256 in hex."""
        with safe_open(self.path, framework="numpy") as file:
            return tuple(json.loads(file.metadata()["films"]))

    @property
    def scenes(self) -> tuple[Scene, ...]:
        return tuple(sample_scene(seed) for seed in self.seeds)

    def frames(self) -> UInt8[np.ndarray, "N T H W 3"]:
        with safe_open(self.path, framework="numpy") as file:
            return np.asarray(file.get_tensor("frames"))

    def masks(self) -> UInt8[np.ndarray, "N T H W"]:
        with safe_open(self.path, framework="numpy") as file:
            return np.asarray(file.get_tensor("masks"))


def folder_of(folder: Path, pixels: PixelShape) -> Path:
    """Where films of one size lie: `<folder>/<world version>/<size>/`."""
    return folder / VERSION / str(pixels)


def render_many(
    seeds: Sequence[int],
    pixels: PixelShape,
    folder: Path,
    workers: int = 2,
    progress: Progress | None = None,
) -> list[Path]:
    """Render films of `seeds` into shards under `folder`, and return the shards in order.

    A whole shard that is there already is kept; a truncated or foreign one is rendered again. Interrupting loses at
    most the shards under way, and leaves no half-written file under a shard's name.

    Raises:
        ValueError: fewer than one worker.
        OSError: the folder cannot be written, or there is no OpenGL to draw with.
    """
    if workers < 1:
        raise ValueError(f"{workers} workers cannot render anything: give at least 1")
    place = folder_of(folder, pixels)
    place.mkdir(parents=True, exist_ok=True)
    batches = [tuple(seeds[at : at + FILMS]) for at in range(0, len(seeds), FILMS)]
    paths = [place / f"{batch[0]:08d}-{batch[-1]:08d}.safetensors" for batch in batches]
    missing = [(b, p) for b, p in zip(batches, paths, strict=True) if not is_whole(p, b, pixels)]
    done = len(seeds) - sum(len(batch) for batch, _ in missing)
    if progress is not None:
        progress(done, len(seeds))
    if not missing:
        return paths
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(missing)), mp_context=spawn) as pool:
        under_way = [pool.submit(render_shard, batch, pixels, path) for batch, path in missing]
        try:
            for finished in as_completed(under_way):
                done += finished.result()
                if progress is not None:
                    progress(done, len(seeds))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return paths


def render_shard(seeds: Sequence[int], pixels: PixelShape, path: Path) -> int:
    """Render one shard in this process; returns the number of films in it."""
    from langit.worlds.film import render  # a worker starts OpenGL, its parent need not

    films = [render(sample_scene(seed), pixels) for seed in seeds]
    hashes = [{"scene": f.scene_sha256, "motion": f.motion_sha256, "pixels": f.pixel_sha256} for f in films]
    tensors = {
        "frames": np.stack([film.frames for film in films]),
        "masks": np.stack([film.masks for film in films]),
        "seeds": np.array(seeds, dtype=np.int64),
    }
    unfinished = path.with_suffix(".part")
    save_file(tensors, unfinished, metadata={"world": VERSION, "pixels": str(pixels), "films": json.dumps(hashes)})
    unfinished.replace(path)
    return len(films)


def is_whole(path: Path, seeds: Sequence[int], pixels: PixelShape) -> bool:
    """Whether a shard is there, untruncated, and holds these seeds in this size and version of the world."""
    try:
        with safe_open(path, framework="numpy") as file:
            about = file.metadata() or {}
            found = tuple(int(seed) for seed in file.get_tensor("seeds"))
            size = tuple(file.get_slice("frames").get_shape())
    except (FileNotFoundError, SafetensorError):
        return False
    wanted = (len(seeds), pixels.frames, pixels.height, pixels.width, 3)
    return about.get("world") == VERSION and found == tuple(seeds) and size == wanted


def open_shards(folder: Path, pixels: PixelShape) -> list[Shard]:
    """The shards of one size under `folder`, in order of their first seed.

    Raises:
        ValueError: there are none.
    """
    paths = sorted(folder_of(folder, pixels).glob("*.safetensors"))
    if not paths:
        raise ValueError(f"no films of {pixels} under {folder}: render some with `langit worlds render`")
    return [Shard(path) for path in paths]


def films(shards: Sequence[Shard]) -> Iterator[tuple[int, UInt8[np.ndarray, "T H W 3"], UInt8[np.ndarray, "T H W"]]]:
    """Every film of some shards: (seed, frames, masks), one shard in memory at a time."""
    for shard in shards:
        yield from zip(shard.seeds, shard.frames(), shard.masks(), strict=True)
