"""Streams of latents: what the cache holds, every clip once an epoch, from the step alone, in memory that is flat."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from recipes.footage import add_footage
from safetensors.torch import save_file

from langit.feed.allowed import TakenDown
from langit.feed.clip_table import ClipTable, LatentRows, ShardShapes, TableClip
from langit.feed.stream import BLOCK, Permutation, StreamFeed
from langit.feed.windows import WindowConfig
from langit.ledger.exposure_columns import Roster
from langit.ledger.store import Ledger

WINDOWS = WindowConfig(whole=0.5, later=0.2, image=0.2, starts=1)


def digest_of(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def stored_shard(folder: Path, name: str, rows: int, frames: int = 3, grid: tuple[int, int] = (2, 3)) -> ShardShapes:
    """Latents of one shard, of the whole clips and of a later view; each value says row and view."""
    files = []
    for view, length in enumerate((frames, frames - 1)):
        latents = torch.full((rows, 4, length, 2 * grid[0], 2 * grid[1]), float(view))
        latents += torch.arange(rows).view(-1, 1, 1, 1, 1) * 10 + torch.arange(length).view(1, 1, -1, 1, 1) / 4
        shares = torch.full((rows, length * grid[0] * grid[1]), 0.5)
        files.append(str(folder / f"{name}-{view}.safetensors"))
        save_file({"latents": latents.half(), "shares": shares.half()}, files[-1], {"clips": "[]"})
    return ShardShapes(tuple(files), (frames, frames - 1), grid)


def table_of(folder: Path, count: int, digests: list[str] | None = None) -> ClipTable:
    shards = [stored_shard(folder, f"shard{at}", 40, 3 + at % 2) for at in range(3)]
    return ClipTable.write(
        folder / "table",
        (
            TableClip(
                digests[number] if digests else digest_of(number),
                (f"klip {number}", f"clip {number} – é"),
                shards[number // 40 % 3],
                number % 40,
            )
            for number in range(count)
        ),
    )


@given(st.integers(1, 300), st.integers(0, 5))
def test_a_permutation_has_every_number_once(count: int, seed: int) -> None:
    order = Permutation(count, f"blocks:{seed}:0")
    assert sorted(order[place] for place in range(count)) == [*range(count)]


def test_a_table_gives_back_what_was_written(tmp_path: Path) -> None:
    table = table_of(tmp_path, 100)
    assert table.count == 100 and [*table.digests()] == [digest_of(number) for number in range(100)]
    clips = table.rows(38, 4)
    assert [clip.captions[1] for clip in clips] == [f"clip {number} – é" for number in range(38, 42)]
    assert [clip.row for clip in clips] == [38, 39, 0, 1] and len(table.rows(98, 10)) == 2
    latents, shares = LatentRows().view(clips[0], 1, 1)
    assert latents.shape == (4, 1, 4, 6) and float(latents[0, 0, 0, 0]) == 381.0 and shares.shape == (1, 2, 3)
    with pytest.raises(ValueError, match="no clip may be trained on"):
        ClipTable.write(tmp_path / "empty", [])


def test_an_epoch_holds_every_clip_once_in_another_order_each_time(tmp_path: Path) -> None:
    table = table_of(tmp_path, 700)
    feed, epochs = StreamFeed(table, 90, 1, WINDOWS), list[list[str]]()
    step = 0
    for _ in range(2):
        seen: list[str] = []
        while len(seen) < 700:
            batch = feed.batch(step)
            assert 0 < batch.tokens <= 90 and batch.tokens == sum(batch.items.lengths)
            seen += batch.clips
            step += 1
        epochs.append(seen)
    assert all(set(Counter(seen).values()) == {1} and len(set(seen)) == 700 for seen in epochs)
    assert epochs[0] != epochs[1] and epochs[0] != [*table.digests()]
    near = sum(abs(int(a, 16) - int(b, 16)) == 0 for a, b in zip(epochs[0], epochs[1], strict=True))
    assert near < 30
    # Clips of several blocks meet in a batch: neighbours of one file are alike.
    places = {digest: number // BLOCK for number, digest in enumerate(table.digests())}
    mixed = [len({places[clip] for clip in feed.batch(step).clips}) for step in range(20)]
    assert sum(mixed) / len(mixed) > 2


def test_a_batch_follows_from_its_step_alone_whatever_was_kept(tmp_path: Path) -> None:
    table, kept = table_of(tmp_path, 300), tmp_path / "run" / "positions.bin"
    feed = StreamFeed(table, 90, 4, WINDOWS, positions=kept)
    wanted = {step: feed.batch(step) for step in range(0, 120, 7)}
    size = kept.stat().st_size
    kept.write_bytes(kept.read_bytes()[:-3])  # killed while it wrote
    for again in (StreamFeed(table, 90, 4, WINDOWS, positions=kept), StreamFeed(table, 90, 4, WINDOWS)):
        for step in sorted(wanted, reverse=True):
            batch = again.batch(step)
            assert batch.clips == wanted[step].clips and batch.items.captions == wanted[step].items.captions
            for a, b in zip(batch.items.latents, wanted[step].items.latents, strict=True):
                assert torch.equal(a, b)
    assert kept.stat().st_size == size
    data = kept.read_bytes()
    kept.write_bytes(data[:40] + bytes(8) + data[48:])  # one of several processes had not written its entry
    assert StreamFeed(table, 90, 4, WINDOWS, positions=kept).batch(119).clips == wanted[119].clips
    assert kept.read_bytes() == data
    pair = [StreamFeed(table, 90, 4, WINDOWS, positions=tmp_path / "two" / "positions.bin") for _ in range(2)]
    for step in range(0, 120, 7):
        assert pair[step % 2].batch(step).clips == wanted[step].clips
    assert StreamFeed(table, 90, 4, WINDOWS, positions=pair[0]._positions.path).batch(84).clips == wanted[84].clips
    other = StreamFeed(table, 90, 5, WINDOWS, positions=kept)  # of other settings: nothing of it is taken over
    assert [other.batch(step).clips for step in range(5)] != [feed.batch(step).clips for step in range(5)]


def test_windows_are_those_of_their_views(tmp_path: Path) -> None:
    feed = StreamFeed(table_of(tmp_path, 200), 90, 0, WINDOWS)
    kinds = Counter[tuple[bool, int]]()
    for step in range(30):
        items = feed.batch(step).items
        for latents, later, length in zip(items.latents, items.starts_later, items.lengths, strict=True):
            view = round(float(latents[0, 0, 0, 0])) % 10
            assert view == later and length == latents.shape[1] * 6
            kinds[later, latents.shape[1]] += 1
    assert {later for later, _ in kinds} == {False, True} and {1, 3, 4} <= {frames for _, frames in kinds}


def test_a_clip_is_not_learnt_after_its_take_down(tmp_path: Path) -> None:
    digests = add_footage(tmp_path)
    table = table_of(tmp_path, len(digests), digests)
    roster = Roster.write(tmp_path / "run" / "exposure.clips", table.digests())
    feed = StreamFeed(table, 30, 0, taken_down=TakenDown(Ledger(tmp_path / "ledger"), roster))
    assert {clip for step in range(8) for clip in feed.batch(step).clips} == set(digests)
    ledger = Ledger(tmp_path / "ledger")
    ledger.revoke(digests[1], "its owner asked for it")
    after = {clip for step in range(8, 40) for clip in feed.batch(step).clips}
    assert after == set(digests) - {digests[1]}
    for digest in digests:
        ledger.revoke(digest, "all of them")
    with pytest.raises(ValueError, match="clips that this stage learns were taken down"):
        feed.batch(40)


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda path: path.unlink(), "cannot be read"),
        (lambda path: path.write_bytes(b"\0" * 40), "is no file of latents"),
        (lambda path: path.write_bytes(path.read_bytes()[:-90]), "has no whole row"),
    ],
)
def test_damaged_latents_are_named(tmp_path: Path, harm: object, words: str) -> None:
    table = table_of(tmp_path, 40)
    harm(Path(table.rows(0, 1)[0].shard.files[0]))  # type: ignore[operator]
    feed = StreamFeed(table, 90, 0)
    with pytest.raises(ValueError, match=words):
        for step in range(9):
            feed.batch(step)


def test_latents_of_another_shape_than_the_table_says_are_refused(tmp_path: Path) -> None:
    (clip,) = table_of(tmp_path, 1).rows(0, 1)
    with pytest.raises(ValueError, match="holds other shapes than when the run began"):
        LatentRows().view(replace(clip, shard=replace(clip.shard, grid=(2, 2))), 0, 3)


def test_more_clips_take_no_more_memory(tmp_path: Path) -> None:
    """What Python allocates while batches are made, at 500 and at 50,000 clips of the same shards."""
    import tracemalloc

    peaks = []
    for count in (500, 50_000):
        (tmp_path / str(count)).mkdir()
        table = table_of(tmp_path / str(count), count)
        tracemalloc.start()
        feed = StreamFeed(table, 90, 0, WINDOWS)
        for step in range(60):
            feed.batch(step)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0], peaks
