"""Renders many films in worker processes, a shard for each range of seeds, and enters finished films in the ledger.

Knows nothing of what a film shows. Workers are spawned: neither OpenGL nor threads survive a fork.
"""

from __future__ import annotations

import hashlib
import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np

from langit.ledger.record import Clip, Record, Source
from langit.ledger.store import Ledger
from langit.shapes import PixelShape
from langit.worlds.scene import VERSION
from langit.worlds.shard import FILMS, Shard, folder_of, is_whole, open_shards, render_shard
from langit.worlds.world import find_world

__all__ = ["Progress", "Shard", "enter", "folder_of", "open_shards", "render_many"]

GENERATOR = "langit.worlds"
LICENCE = "CC0-1.0"
Progress = Callable[[int, int], None]  # films done, films in all


def render_many(
    seeds: Sequence[int],
    pixels: PixelShape,
    folder: Path,
    workers: int = 2,
    progress: Progress | None = None,
    world: str = VERSION,
) -> list[Path]:
    """Render films of a world's `seeds` into shards under `folder` and return the shards' paths in order.

    A complete shard that exists already is kept; a truncated or foreign one is rendered again. An interrupt loses the
    shards in progress and leaves no half-written file under a shard's name.

    Raises:
        ValueError: fewer than one worker, or a world that this code does not render.
        OSError: the folder cannot be written, there is no OpenGL to draw with, or a worker was killed.
    """
    if workers < 1:
        raise ValueError(f"{workers} workers cannot render anything: use at least 1")
    find_world(world)
    place = folder_of(folder, pixels, world)
    place.mkdir(parents=True, exist_ok=True)
    batches = [tuple(seeds[at : at + FILMS]) for at in range(0, len(seeds), FILMS)]
    paths = [place / f"{batch[0]:08d}-{batch[-1]:08d}.safetensors" for batch in batches]
    missing = [(b, p) for b, p in zip(batches, paths, strict=True) if not is_whole(p, b, pixels, world)]
    done = len(seeds) - sum(len(batch) for batch, _ in missing)
    if progress is not None:
        progress(done, len(seeds))
    if not missing:
        return paths
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(missing)), mp_context=spawn) as pool:
        pending = [pool.submit(render_shard, batch, pixels, path, world) for batch, path in missing]
        try:
            for finished in as_completed(pending):
                done += finished.result()
                if progress is not None:
                    progress(done, len(seeds))
        except BrokenProcessPool as error:
            raise OSError(
                "a worker process died, perhaps because memory ran out: run again with fewer workers;"
                " complete shards are kept"
            ) from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return paths


def enter(ledger: Ledger, shard: Shard, captions_each: int = 6, mirror: bool = True) -> int:
    """Enter a shard's films in the ledger. Entering a film again adds nothing. Returns the number of new records."""
    return ledger.add(shard_records(shard, captions_each, mirror))


def shard_records(shard: Shard, captions_each: int = 6, mirror: bool = True) -> list[Record]:
    """What the ledger is to hold of a shard's films: for each a Source, a Clip and, if `mirror`, its mirror's Clip.

    All sources come first, then all clips, because one proof for many neighbours in the log is short.
    """
    world = find_world(shard.world)
    sources: list[Record] = []
    clips: list[Record] = []
    for seed, frames, hashes in zip(shard.seeds, shard.frames(), shard.hashes, strict=True):
        scene = world.sample(seed)
        size = PixelShape(frames=frames.shape[0], height=frames.shape[1], width=frames.shape[2])
        source = Source(
            kind="rendered",
            title=f"{world.version} film {seed}",
            creator="Langit",
            licence=LICENCE,
            content_sha256=hashes["pixels"],
            generator=GENERATOR,
            generator_version=world.version,
            seed=seed,
            size=str(size),
            scene_sha256=hashes["scene"],
            motion_sha256=hashes["motion"],
        )
        texts = world.captions(scene, captions_each)
        sources.append(source)
        clips.append(Clip(source.digest, 0, size.frames, False, texts, hashes["pixels"]))
        if mirror:
            content = hashlib.sha256(np.ascontiguousarray(frames[:, :, ::-1]).tobytes()).hexdigest()
            texts = world.captions(world.mirror(scene), captions_each)
            clips.append(Clip(source.digest, 0, size.frames, True, texts, content))
    return [*sources, *clips]
