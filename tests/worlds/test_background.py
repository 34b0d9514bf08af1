"""Films drawn beside other work: order, workers that die, a backend that is missing, and stopping."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from langit.shapes import PixelShape
from langit.worlds import background
from langit.worlds.background import (
    ArrivedShard,
    BackgroundFarm,
    EntryRequest,
    FilmRequest,
    ShardRequest,
    choose_backend,
    shard_requests,
)
from langit.worlds.farm import shard_records
from langit.worlds.shard import Shard

ENTRY = EntryRequest(captions=2, mirror=True)
SMALL = PixelShape.parse("16x16x2")


def requests(folder: Path) -> list[ShardRequest]:
    films = [FilmRequest(range(6), SMALL, "worlds-1"), FilmRequest(range(100, 103), SMALL, "behind-1")]
    return shard_requests(films, folder, each=3)


def collect(farm: BackgroundFarm, seconds: float = 60.0) -> list[ArrivedShard]:
    found: list[ArrivedShard] = []
    end = time.monotonic() + seconds
    while farm.busy and time.monotonic() < end:
        found += farm.take_arrived()
        time.sleep(0.05)
    assert not farm.busy, "it took too long"
    return found + farm.take_arrived()


def workers() -> list[int]:
    """The ids of the processes that draw."""
    return [process.pid for process in multiprocessing.active_children() if process.pid is not None]


def test_all_kinds_come_early_and_every_film_once(tmp_path: Path) -> None:
    films = [FilmRequest(range(0, 40), SMALL, "worlds-1"), FilmRequest(range(0, 10), SMALL, "story-1")]
    shards = shard_requests(films, tmp_path, each=5)
    assert [shard.world for shard in shards[:5]].count("story-1") == 1 and len(shards) == 10
    assert Counter(seed for shard in shards if shard.world == "worlds-1" for seed in shard.seeds) == Counter(range(40))
    assert len({shard.path for shard in shards}) == 10


def test_films_arrive_while_others_are_drawn_and_are_not_drawn_again(tmp_path: Path) -> None:
    with BackgroundFarm(requests(tmp_path), ENTRY, 1, "osmesa", print) as farm:
        assert farm.total == 9
        found = collect(farm)
    assert {each.shard.name for each in found} == {shard.name for shard in requests(tmp_path)} and farm.done == 9
    assert all(each.records == shard_records(Shard(each.shard.path), 2, True) for each in found)
    written = {each.shard.path: each.shard.path.stat().st_mtime_ns for each in found}
    with BackgroundFarm(requests(tmp_path), ENTRY, 1, "osmesa", print) as again:
        assert len(collect(again)) == 3 and again.done == 9
    assert written == {path: path.stat().st_mtime_ns for path in written}


def test_a_worker_that_dies_is_replaced_and_its_films_drawn_again(tmp_path: Path) -> None:
    said: list[str] = []
    first, *rest = requests(tmp_path)
    endless = ShardRequest(tuple(range(5_000)), SMALL, "worlds-1", first.path, first.group)
    with BackgroundFarm([endless, *rest], ENTRY, 1, "osmesa", said.append) as farm:
        for number in range(background.DEATHS):
            end = time.monotonic() + 60
            while len(said) == number and time.monotonic() < end:
                for worker in workers():
                    os.kill(worker, signal.SIGKILL)
                patience = time.monotonic() + 5
                while len(said) == number and time.monotonic() < patience:
                    time.sleep(0.02)
            assert len(said) == number + 1
        found = collect(farm)
    assert "a worker died while it drew worlds-1 16x16x2, seeds 0 to 4999: another one draws it again" in said[0]
    assert "these films are left out" in said[1] and farm.given_up == [endless]
    assert {each.shard.name for each in found} == {shard.name for shard in rest}
    assert not endless.path.exists()


def test_workers_that_die_whatever_they_draw_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "DEATHS", 1)
    monkeypatch.setattr(background, "_begin_worker", os._exit)  # ends at once: its argument is no exit status
    with (
        BackgroundFarm(requests(tmp_path), ENTRY, 1, "osmesa", lambda _: None) as farm,
        pytest.raises(OSError) as error,
    ):
        collect(farm)
    assert "workers die whatever they draw (MUJOCO_GL=osmesa)" in str(error.value)
    assert "fewer with --workers" in str(error.value)


def test_stopping_leaves_no_worker_and_no_half_shard(tmp_path: Path) -> None:
    endless = ShardRequest(tuple(range(5_000)), SMALL, "worlds-1", requests(tmp_path)[0].path, 0)
    with BackgroundFarm([endless], ENTRY, 1, "osmesa", print):
        while not workers():
            time.sleep(0.05)
    end = time.monotonic() + 10
    while workers() and time.monotonic() < end:
        time.sleep(0.05)
    assert not workers() and list(tmp_path.rglob("*.safetensors")) == []


def test_where_egl_is_missing_osmesa_draws_and_a_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    draws = background.draw_once
    monkeypatch.setattr(background, "draw_once", lambda name: draws("neither" if name == "egl" else name))
    assert choose_backend(said.append, "egl") == "osmesa"
    (line,) = said
    assert line.startswith("EGL cannot draw here (MUJOCO_GL=neither") and "OSMesa draws the films instead" in line
    assert choose_backend(said.append, "osmesa") == "osmesa" and len(said) == 1
    monkeypatch.setattr(background, "draw_once", lambda _: (_ for _ in ()).throw(OSError("no library")))
    with pytest.raises(OSError, match="no library"):
        choose_backend(said.append, "egl")


def test_no_workers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="0 workers"):
        BackgroundFarm(requests(tmp_path), ENTRY, 0, "osmesa", print)
