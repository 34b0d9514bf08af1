"""Clips on disk are joined with the ledger by their pixels; comparisons alone accept another renderer's pixels."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from langit.feed.catalogue import ClipRecords, film_clips
from langit.ledger.policy import Policy
from langit.ledger.store import Ledger
from langit.shapes import PixelShape
from langit.worlds.farm import enter, open_shards, render_many
from langit.worlds.shard import Shard

pytestmark = pytest.mark.draws
SIZE, OTHER = PixelShape(5, 32, 32), PixelShape(5, 32, 48)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    ledger = Ledger(tmp_path / "ledger")
    for size in (SIZE, OTHER):
        render_many([0, 1], size, tmp_path / "films", workers=1)
        for shard in open_shards(tmp_path / "films", size):
            enter(ledger, shard, mirror=False)
    return tmp_path


def redraw(shard: Shard) -> None:
    """The shard as another renderer would write it: other pixels, the same motion."""
    arrays = load_file(shard.path)
    hashes = [{**each, "pixels": "f" * 64} for each in shard.hashes]
    arrays["frames"] = np.clip(arrays["frames"].astype(int) + 1, 0, 255).astype(np.uint8)
    about = {"world": shard.world, "pixels": str(SIZE), "films": json.dumps(hashes)}
    save_file(arrays, shard.path, metadata=about)


def test_films_of_another_renderer_are_for_comparison_alone(home: Path) -> None:
    records = ClipRecords.read(Ledger(home / "ledger"), Policy())
    before = film_clips(records, home / "films")
    assert {(film.seed, film.pixels) for film in before} == {(seed, size) for seed in (0, 1) for size in (SIZE, OTHER)}
    (shard,) = open_shards(home / "films", SIZE)
    redraw(shard)
    assert {film.pixels for film in film_clips(records, home / "films")} == {OTHER}
    # With the hash of motion alone, which both sizes share, a film could be read from the other size's shard.
    found = film_clips(records, home / "films", redrawn=True)
    assert [(film.digest, film.shard, film.row) for film in found] == [
        (film.digest, film.shard, film.row) for film in before
    ]
