"""The index of nearest clips, made beside training: worker processes encode shards as soon as the encoder is frozen.

They take the processors that drew the films. What is not done when the bundle is assembled is waited for.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from langit.autoencoder.model import Autoencoder, AutoencoderConfig
from langit.feed.catalogue import FilmClip, FrameReader
from langit.feed.latents import encoder_hash
from langit.files import atomic_write
from langit.recipes.films import Report, RunPaths
from langit.recipes.recipe import Recipe
from langit.release.nearest.build import LEARN_FROM
from langit.release.nearest.parts import PartsFolder, encode_part
from langit.worlds.background import ShardRequest
from langit.worlds.scene import split

NICE = 10  # behind the process that trains and those that draw
FROZEN = "frozen.safetensors"


@dataclass
class IndexParts:
    """The parts of a run's index that are done and under way; use it in a ``with`` block."""

    recipe: Recipe
    paths: RunPaths
    workers: int
    note: Callable[[str], None]
    _pool: ProcessPoolExecutor | None = None
    _job: tuple[Path, AutoencoderConfig, PartsFolder, float, int] | None = None
    _pending: dict[Future[None], ShardRequest] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """All parts, by encoder."""
        return self.paths.home / "nearest"

    def __enter__(self) -> IndexParts:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=error is None, cancel_futures=True)

    def freeze(self, autoencoder: Autoencoder) -> None:
        """Begin with an encoder that will not change any more, as a bundle will hold it."""
        rounded = Autoencoder(autoencoder.config)
        rounded.load_state_dict({name: value.half().float() for name, value in autoencoder.state_dict().items()})
        file = self.paths.run / FROZEN
        with atomic_write(file) as unfinished:
            save_file({name: value.contiguous() for name, value in rounded.state_dict().items()}, unfinished)
        films = sum(split(seed) == "train" for group in self.recipe.all_films for seed in group.seeds)
        parts = PartsFolder(self.folder, encoder_hash(rounded))
        self._job = (file, autoencoder.config, parts, self.recipe.fps, -(-films // LEARN_FROM))
        spawn = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(self.workers, mp_context=spawn, initializer=_begin, initargs=(os.getpid(),))

    def add(self, shards: list[ShardRequest]) -> None:
        """Encode shards when there is a process for it."""
        for shard in shards:
            if self._pool is not None and self._job is not None:
                self._pending[self._pool.submit(_encode_shard, shard, *self._job)] = shard

    def finish(self, report: Report) -> None:
        """Wait for what is under way. A worker that died costs time, not the index: the rest is encoded later."""
        try:
            for done, future in enumerate(as_completed(self._pending), start=1):
                future.result()
                report("nearest: parts", done, len(self._pending), "")
        except BrokenProcessPool:
            self.note("a worker died while it made a part of the index of nearest clips: the rest is made at the end")
        self._pending.clear()


def _begin(parent: int) -> None:
    os.nice(NICE)
    torch.set_num_threads(1)

    def end_with_parent() -> None:
        while os.getppid() == parent:
            threading.Event().wait(1.0)
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()


def _encode_shard(
    shard: ShardRequest, weights: Path, config: AutoencoderConfig, parts: PartsFolder, fps: float, every: int
) -> None:
    """In a worker: the part of a shard's films that are learnt, and that of those that are held out."""
    autoencoder = Autoencoder(config)
    autoencoder.load_state_dict(load_file(weights))
    autoencoder.eval()
    rows = list(enumerate(shard.seeds))
    for which in ("train", "held-out"):
        films = [
            FilmClip("", (), shard.pixels, False, shard.path, row, shard.world, seed)
            for row, seed in rows
            if split(seed) == which
        ]
        own = [film.row for film in films]
        if films and not parts.file(shard.path, own).exists():
            chosen = range(shard.seeds[0] % every, len(films), every) if which == "train" else ()
            with torch.no_grad():
                made = encode_part(
                    films, chosen, FrameReader(), autoencoder, fps, np.random.default_rng([0, *shard.seeds[:1]])
                )
            parts.write(shard.path, own, made)
