"""Renders films in worker processes beside other work: shards arrive while the caller computes.

`worlds.farm` renders and waits; here the caller asks now and then what has arrived. Every worker keeps to one group of
films as long as it has any left, because a process keeps a drawing surface for every size that it has drawn. A worker
that dies is replaced, and its shard drawn again. Knows nothing of what a film shows, of ledgers or of training.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final

from langit.ledger.record import Record
from langit.shapes import PixelShape
from langit.worlds.farm import shard_records
from langit.worlds.shard import FILMS, Shard, folder_of, is_whole, render_shard

DEATHS: Final = 2
"""Workers that may die over one shard before it is given up, and over how many shards that may happen in a row."""
Backend = str  # MuJoCo's: egl or osmesa


@dataclass(frozen=True)
class FilmRequest:
    """Films of one world and size."""

    seeds: Sequence[int]
    pixels: PixelShape
    world: str


@dataclass(frozen=True)
class ShardRequest:
    """One shard that is to be drawn."""

    seeds: tuple[int, ...]
    pixels: PixelShape
    world: str
    path: Path
    group: int

    @property
    def name(self) -> str:
        return f"{self.world} {self.pixels}, seeds {self.seeds[0]} to {self.seeds[-1]}"


def shard_requests(films: Sequence[FilmRequest], folder: Path, each: int = FILMS) -> list[ShardRequest]:
    """The shards of all groups, those of every group spread evenly over the whole, so that all kinds come early."""
    placed: list[tuple[float, int, ShardRequest]] = []
    for group, request in enumerate(films):
        place = folder_of(folder, request.pixels, request.world)
        batches = [tuple(request.seeds[at : at + each]) for at in range(0, len(request.seeds), each)]
        for number, seeds in enumerate(batches):
            path = place / f"{seeds[0]:08d}-{seeds[-1]:08d}.safetensors"
            shard = ShardRequest(seeds, request.pixels, request.world, path, group)
            placed.append(((number + 0.5) / len(batches), group, shard))
    return [shard for _, _, shard in sorted(placed, key=lambda item: item[:2])]


@dataclass(frozen=True)
class EntryRequest:
    """How films are to be entered in a ledger: with how many captions each, and with their mirror images or not."""

    captions: int
    mirror: bool


@dataclass(frozen=True)
class ArrivedShard:
    """A shard that is complete, and what a ledger is to hold of its films."""

    shard: ShardRequest
    records: list[Record]


def _draw(shard: ShardRequest, entry: EntryRequest) -> list[Record]:
    """In a worker: draw the shard if it is not there, and return its records, which takes as long as two films."""
    if not is_whole(shard.path, shard.seeds, shard.pixels, shard.world):
        render_shard(shard.seeds, shard.pixels, shard.path, shard.world)
    return shard_records(Shard(shard.path), entry.captions, entry.mirror)


def _begin_worker(backend: Backend) -> None:
    """Choose OpenGL before anything imports it, and yield to the process that trains."""
    os.environ["MUJOCO_GL"] = backend
    os.nice(5)
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()


def _end_with_parent(parent: int) -> None:
    """A parent that is killed cannot stop its workers, which would draw on."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)


def draw_once(backend: Backend) -> None:
    """Draw one small film by a backend, in a process of its own.

    Raises:
        OSError: it cannot draw here.
    """
    with _new_pool(backend) as pool:
        try:
            pool.submit(_draw_small).result(timeout=120)
        except (BrokenProcessPool, TimeoutError) as error:
            raise OSError(f"MUJOCO_GL={backend} ends the process that draws") from error


def _draw_small() -> None:
    from langit.worlds.world import find_world

    world = find_world("worlds-1")
    world.render(world.sample(0), PixelShape(frames=2, height=16, width=16))


def choose_backend(note: Callable[[str], None], wanted: Backend | None = None) -> Backend:
    """EGL where it draws, else OSMesa, which a line says; ``MUJOCO_GL`` overrides the choice.

    Raises:
        OSError: neither draws.
    """
    wanted = wanted or os.environ.get("MUJOCO_GL") or ("egl" if Path("/dev/nvidia0").exists() else "osmesa")
    if wanted != "egl":
        return wanted
    try:
        draw_once("egl")
    except OSError as error:
        note(f"EGL cannot draw here ({error}): OSMesa draws the films instead, on the CPU, many times slower")
        draw_once("osmesa")
        return "osmesa"
    return "egl"


def _new_pool(backend: Backend) -> ProcessPoolExecutor:
    """One worker. Spawned: neither OpenGL nor CUDA survives a fork."""
    spawn = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(1, mp_context=spawn, initializer=_begin_worker, initargs=(backend,))


class BackgroundFarm:
    """Draws shards until all are there or it is told to stop; use it in a ``with`` block.

    ``note`` gets a line for every worker that dies and every shard that is given up.
    """

    def __init__(
        self,
        shards: Sequence[ShardRequest],
        entry: EntryRequest,
        workers: int,
        backend: Backend,
        note: Callable[[str], None],
    ) -> None:
        if workers < 1:
            raise ValueError(f"{workers} workers cannot render anything: use at least 1")
        self.entry, self.backend, self.note, self.workers = entry, backend, note, workers
        self.total, self.done = sum(len(shard.seeds) for shard in shards), 0
        self._todo = list(shards)
        self._arrived: list[ArrivedShard] = []
        self.given_up: list[ShardRequest] = []
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="films", daemon=True)

    def __enter__(self) -> BackgroundFarm:
        for shard in self._todo:
            shard.path.parent.mkdir(parents=True, exist_ok=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Draw nothing more; shards in progress are lost, and no half of one is left."""
        self._stop.set()
        self._thread.join()

    @property
    def busy(self) -> bool:
        """Whether films are still to come."""
        return self._thread.is_alive()

    def take_arrived(self) -> list[ArrivedShard]:
        """The shards that are complete and were not returned before.

        Raises:
            OSError: nothing can be drawn here, or workers die whatever they draw.
        """
        with self._lock:
            if self._error is not None:
                raise self._error
            new, self._arrived = self._arrived, []
        return new

    def _run(self) -> None:
        pools = [_new_pool(self.backend) for _ in range(min(self.workers, len(self._todo)))]
        try:
            self._draw_all(pools)
        except BaseException as error:  # noqa: BLE001  # given to whoever asks for films
            with self._lock:
                self._error = error
        finally:
            for pool in pools:
                for process in list((getattr(pool, "_processes", None) or {}).values()):
                    process.terminate()
                pool.shutdown(wait=False, cancel_futures=True)

    def _draw_all(self, pools: list[ProcessPoolExecutor]) -> None:
        todo = list(self._todo)
        running: dict[Future[list[Record]], tuple[int, ShardRequest]] = {}
        deaths: dict[str, int] = {}
        in_a_row = 0

        def give_work(worker: int, group: int | None) -> None:
            if todo:
                # The next shard of the worker's own group, or else the one that is due first.
                own = next((number for number, shard in enumerate(todo) if shard.group == group), 0)
                shard = todo.pop(own)
                future = pools[worker].submit(_draw, shard, self.entry)
                running[future] = worker, shard

        for worker in range(len(pools)):
            give_work(worker, None)
        while running and not self._stop.is_set():
            finished, _ = wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
            for future in finished:
                worker, shard = running.pop(future)
                try:
                    records = future.result()
                except BrokenProcessPool as error:
                    in_a_row += 1
                    if self._stop.is_set():
                        return
                    if in_a_row > DEATHS * len(pools):
                        raise OSError(
                            f"workers die whatever they draw (MUJOCO_GL={self.backend}), perhaps because memory runs"
                            " out: use fewer with --workers; complete shards are kept"
                        ) from error
                    pools[worker] = _new_pool(self.backend)
                    self._after_death(shard, deaths, todo)
                    give_work(worker, shard.group)
                    continue
                in_a_row = 0
                with self._lock:
                    self._arrived.append(ArrivedShard(shard, records))
                    self.done += len(shard.seeds)
                give_work(worker, shard.group)

    def _after_death(self, shard: ShardRequest, deaths: dict[str, int], todo: list[ShardRequest]) -> None:
        deaths[shard.name] = deaths.get(shard.name, 0) + 1
        if deaths[shard.name] < DEATHS:
            self.note(f"a worker died while it drew {shard.name}: another one draws it again")
            todo.insert(0, shard)
        else:
            self.note(f"{DEATHS} workers died while they drew {shard.name}: these films are left out")
            with self._lock:
                self.given_up.append(shard)
