"""The worlds by name: each makes scenes, sentences and films of a seed; the farm and the gallery film any of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from langit.ledger.store import Ledger
from langit.shapes import PixelShape
from langit.worlds import farm, gallery
from langit.worlds.shard import is_whole, render_shard
from langit.worlds.world import WORLDS, find_world

TINY = PixelShape(frames=3, height=16, width=24)


@pytest.mark.parametrize("version", WORLDS)
def test_a_world_makes_scenes_sentences_and_films_of_a_seed(version: str) -> None:
    world = find_world(version)
    scene = world.sample(7)
    assert world.version == version
    assert json.loads(scene.canonical)["world"] == version
    assert world.mirror(world.mirror(scene)) == scene
    assert len(world.captions(scene, 3)) == 3
    assert [prompt.text for prompt in world.prompts("held-out", 2)]
    film = world.render(scene, TINY)
    assert film.frames.shape == (3, 16, 24, 3) and film.masks.shape == (3, 16, 24)
    assert film.scene_sha256 == scene.sha256


def test_an_unknown_world_is_named() -> None:
    with pytest.raises(ValueError, match="world 'story-0' does not exist: use worlds-1 or"):
        find_world("story-0")


def test_worlds_of_one_size_lie_apart_and_enter_the_ledger_by_their_version(tmp_path: Path) -> None:
    for world in ("worlds-1", "story-1"):
        path = farm.folder_of(tmp_path, TINY, world) / "00000003-00000004.safetensors"
        path.parent.mkdir(parents=True)
        render_shard((3, 4), TINY, path, world)
        assert is_whole(path, (3, 4), TINY, world) and not is_whole(path, (3, 4), TINY, "worlds-0")
    ledger = Ledger(tmp_path / "ledger")
    for world in ("worlds-1", "story-1"):
        (shard,) = farm.open_shards(tmp_path, TINY, world)
        assert shard.world == world
        assert farm.enter(ledger, shard, captions_each=2) == 6
    made = {source.digest: source.generator_version for source in ledger.sources()}
    assert sorted(made.values()) == ["story-1", "story-1", "worlds-1", "worlds-1"]
    assert {text for clip in ledger.clips() if made[clip.source] == "story-1" for text in clip.captions} >= set(
        find_world("story-1").captions(find_world("story-1").sample(3), 2)
    )


def test_a_gallery_of_another_world(tmp_path: Path) -> None:
    gallery.render_to_folder(1, tmp_path, TINY, first_seed=5, world="story-1")
    record = json.loads((tmp_path / "seed-000005.json").read_text(encoding="utf-8"))
    assert record["scene"]["world"] == "story-1" and len(record["captions"]) == 6
