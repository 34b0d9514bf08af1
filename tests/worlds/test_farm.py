"""The farm, its shards, sheets and the gallery: whole or absent, never twice, and entered in the ledger."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from langit import sheet, video
from langit.files import atomic_write
from langit.ledger.store import Ledger
from langit.shapes import PixelShape
from langit.worlds import farm, gallery
from langit.worlds.film import mirror, render
from langit.worlds.scene import sample_scene
from langit.worlds.shard import is_whole, render_shard

TINY = PixelShape(frames=5, height=16, width=24)
SEEDS = (3, 4, 9)


@pytest.fixture
def shard(tmp_path: Path) -> farm.Shard:
    place = farm.folder_of(tmp_path, TINY)
    place.mkdir(parents=True)
    render_shard(SEEDS, TINY, place / "00000003-00000009.safetensors")
    return farm.open_shards(tmp_path, TINY)[0]


def test_workers_render_what_is_missing_and_keep_what_is_whole(tmp_path: Path) -> None:
    place = farm.folder_of(tmp_path, TINY)
    place.mkdir(parents=True)
    path = place / "00000120-00000121.safetensors"
    path.write_bytes(b"cut short")
    told: list[tuple[int, int]] = []
    assert farm.render_many((120, 121), TINY, tmp_path, workers=1, progress=lambda *done: told.append(done)) == [path]
    assert told == [(0, 2), (2, 2)]
    assert is_whole(path, (120, 121), TINY)
    written = path.stat().st_mtime_ns
    assert farm.render_many((120, 121), TINY, tmp_path, workers=1) == [path]
    assert path.stat().st_mtime_ns == written
    assert list(place.iterdir()) == [path]


def test_a_shard_gives_back_films_and_hashes(shard: farm.Shard) -> None:
    film = render(sample_scene(4), TINY)
    assert shard.seeds == SEEDS
    assert shard.scenes[1] == film.scene
    assert np.array_equal(shard.frames()[1], film.frames)
    assert np.array_equal(shard.masks()[1], film.masks)
    assert shard.hashes[1] == {"scene": film.scene_sha256, "motion": film.motion_sha256, "pixels": film.pixel_sha256}


def test_a_truncated_or_foreign_shard_is_not_whole(shard: farm.Shard) -> None:
    assert is_whole(shard.path, SEEDS, TINY)
    assert not is_whole(shard.path, (3, 4, 5), TINY)
    assert not is_whole(shard.path, SEEDS, PixelShape(frames=5, height=24, width=16))
    content = shard.path.read_bytes()
    for kept in (len(content) - 1, 100, 0):
        shard.path.write_bytes(content[:kept])
        assert not is_whole(shard.path, SEEDS, TINY)


def test_no_films_and_no_workers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no films of 24x16x5 under"):
        farm.open_shards(tmp_path, TINY)
    with pytest.raises(ValueError, match="0 workers"):
        farm.render_many(SEEDS, TINY, tmp_path, workers=0)


def test_every_film_enters_the_ledger_once_with_its_mirror_image(shard: farm.Shard, tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    assert farm.enter(ledger, shard, captions_each=2) == 9
    assert farm.enter(ledger, shard, captions_each=2) == 0
    film = render(sample_scene(4), TINY)
    source = next(source for source in ledger.sources() if source.seed == 4)
    assert (source.kind, source.licence, source.generator_version, source.size) == (
        "rendered",
        "CC0-1.0",
        "worlds-1",
        "24x16x5",
    )
    assert source.content_sha256 == film.pixel_sha256
    assert (source.scene_sha256, source.motion_sha256) == (film.scene_sha256, film.motion_sha256)
    plain, flipped = [clip for clip in ledger.clips() if clip.source == source.digest]
    assert (plain.mirrored, flipped.mirrored) == (False, True)
    assert plain.content_sha256 == film.pixel_sha256
    assert flipped.content_sha256 == mirror(film).pixel_sha256
    assert len(flipped.captions) == 2 and flipped.captions != plain.captions


def test_without_mirror_images_there_is_one_clip_a_film(shard: farm.Shard, tmp_path: Path) -> None:
    assert farm.enter(Ledger(tmp_path / "ledger"), shard, mirror=False) == 6


def test_a_sheet_has_a_row_for_each_film_of_whatever_size(tmp_path: Path) -> None:
    films = [np.full((17, 64, 64, 3), 200, np.uint8), torch.zeros(5, 48, 80, 3, dtype=torch.uint8)]
    path = tmp_path / "new" / "sheet.png"
    sheet.save(path, films, ["a grey film", "a black film, " * 20], columns=1, frames=4)
    with Image.open(path) as picture:
        shown = np.asarray(picture)
    assert (shown[6 : 6 + 128, 6 : 6 + 4 * 128] == 200).all()
    assert (shown == 0).all(axis=-1).sum() >= 4 * 96 * 160
    assert list(tmp_path.rglob("*.part")) == []


def test_a_sheet_needs_films_and_a_text_for_each() -> None:
    with pytest.raises(ValueError, match="no films"):
        sheet.contact_sheet([], [])
    with pytest.raises(ValueError, match="1 films but 0 texts"):
        sheet.contact_sheet([np.zeros((1, 8, 8, 3), np.uint8)], [])


def test_a_gallery_holds_videos_captions_and_a_sheet(tmp_path: Path) -> None:
    folder = tmp_path / "films"
    written = gallery.render_to_folder(2, folder, TINY, first_seed=12, contact_sheet=True)
    assert {path.name for path in written} == {path.name for path in folder.iterdir()}
    assert written[0].name == "seed-000012.mp4"
    about = video.probe(written[0])
    assert (about.width, about.height, about.frames, about.fps) == (24, 16, 5, 8)
    record = json.loads((folder / "seed-000012.json").read_text(encoding="utf-8"))
    assert record["pixel_sha256"] == render(sample_scene(12), TINY).pixel_sha256
    assert len(record["captions"]) == 6
    with pytest.raises(FileExistsError, match="seed-000012.mp4 exists already"):
        gallery.render_to_folder(1, folder, TINY, first_seed=12)
    for size in ((10, 10), (64, 14), (1026, 64), (65, 64)):
        with pytest.raises(ValueError, match="cannot be rendered: use an even number from 16 to 1024"):
            gallery.render_to_folder(1, tmp_path, PixelShape(frames=3, height=size[1], width=size[0]))
    with pytest.raises(ValueError, match="cannot render 0 films"):
        gallery.render_to_folder(0, folder, TINY)


@pytest.mark.parametrize("kept", [False, True])
def test_an_interrupted_gallery_leaves_nothing_and_can_be_made_again(tmp_path: Path, kept: bool) -> None:
    folder = tmp_path / "new" / "films"
    if kept:
        folder.mkdir(parents=True)
        (folder / "notes.txt").write_text("mine")

    def interrupt(done: int, of: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gallery.render_to_folder(3, folder, TINY, progress=interrupt)
    assert [path.name for path in tmp_path.rglob("*.*")] == (["notes.txt"] if kept else [])
    assert (tmp_path / "new").exists() == kept
    assert len(gallery.render_to_folder(3, folder, TINY)) == 6


def test_a_sheet_that_cannot_be_written_takes_the_films_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(picture: Image.Image, path: Path, **how: str) -> None:
        path.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        gallery.render_to_folder(1, tmp_path / "films", TINY, contact_sheet=True)
    assert list(tmp_path.iterdir()) == []


def test_a_record_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="half"), atomic_write(tmp_path / "a.json") as unfinished:
        unfinished.write_text("{")
        assert not (tmp_path / "a.json").exists()
        raise RuntimeError("half")
    assert list(tmp_path.iterdir()) == []
    with atomic_write(tmp_path / "a.json") as unfinished:
        unfinished.write_text("{}")
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_a_killed_worker_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(farm, "render_shard", _die)
    with pytest.raises(OSError, match="a worker process died.*run again with fewer workers"):
        farm.render_many(SEEDS, TINY, tmp_path, workers=1)


def _die(*shard: object) -> int:
    os._exit(9)
