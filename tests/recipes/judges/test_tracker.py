"""Training the tracker: batches of two worlds, and a tiny run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from langit.evaluate.judges.tracker import TrackerConfig, load_tracker
from langit.recipes.judges.tracker import (
    NOTHING,
    RECORD,
    TrackedSeeds,
    TrackerFeed,
    TrackerRecipe,
    pixel_labels,
    split_films,
    train_tracker,
)
from langit.shapes import PixelShape
from langit.train.optim import OptimConfig
from langit.train.trainer import TrainConfig
from langit.worlds.scene import COLOURS, SHAPES, mirror_scene, sample_scene
from langit.worlds.shard import render_shard

SEEDS = (TrackedSeeds("worlds-1", "32x32x3", 0, 2, 3), TrackedSeeds("behind-1", "32x32x3", 0, 2, 3))
TINY = TrackerRecipe(
    films=SEEDS,
    network=TrackerConfig(fine_width=4, width=8, blocks=1),
    films_each=4,
    frames_each=2,
    training=TrainConfig(steps=2, optim=OptimConfig(warmup=1, decay=1), checkpoint_every=2),
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("home")
    for seeds in SEEDS:
        folder = place / "films" / seeds.world / seeds.size
        folder.mkdir(parents=True)
        pixels = PixelShape.parse(seeds.size)
        render_shard(range(seeds.last), pixels, folder / "00000000-00000002.safetensors", seeds.world)
    return place


def test_labels_name_every_pixels_colour_and_shape() -> None:
    scene = next(s for s in map(sample_scene, range(100)) if len(s.things) == 2)
    colours, shapes = pixel_labels(torch.tensor([[[0, 1, 2]]], dtype=torch.uint8), scene)
    first, second = scene.things
    assert colours.tolist() == [[[0, 1 + COLOURS.index(first.colour), 1 + COLOURS.index(second.colour)]]]
    assert shapes.tolist() == [[[NOTHING, SHAPES.index(first.shape), SHAPES.index(second.shape)]]]


def test_batches_contain_both_worlds_and_are_repeatable(home: Path) -> None:
    files = {seeds: list((home / "films" / seeds.world / seeds.size).glob("*.safetensors")) for seeds in SEEDS}
    learnt, judged = split_films(TINY, files)
    assert [(film.world, film.place.seed) for film in learnt] == [
        ("worlds-1", 0),
        ("worlds-1", 1),
        ("behind-1", 0),
        ("behind-1", 1),
    ]
    assert [film.place.seed for film in judged] == [2, 2]
    feed = TrackerFeed(learnt, TINY)
    one, again = feed.batch(3), feed.batch(3)
    assert one.clips == again.clips
    assert torch.equal(one.items.frames, again.items.frames)
    assert one.items.frames.shape == (4, 2, 32, 32, 3)
    scenes = [film.scene for film in learnt]
    assert {scene.sha256 for scene in (*scenes, *map(mirror_scene, scenes))} >= set(one.clips)
    assert int(one.items.colours.max()) > 0


def test_a_tiny_tracker_is_trained_end_to_end(home: Path, tmp_path: Path) -> None:
    stages = set()
    found = train_tracker(home, lambda stage, *_: stages.add(stage), TINY, tmp_path, workers=1)
    assert "tracker" in stages
    assert set(found) == {"worlds-1", "behind-1"}
    assert load_tracker(tmp_path).config == TINY.network
    record = json.loads((tmp_path / RECORD).read_text(encoding="utf-8"))
    assert set(record["rates"]["worlds-1"]) == {"found", "ghosts", "shape"}


def test_seeds_out_of_order_are_refused() -> None:
    with pytest.raises(ValueError, match="are not in order"):
        TrackedSeeds("worlds-1", "32x32x3", 3, 2, 4)
    with pytest.raises(ValueError, match="worlds-0"):
        TrackedSeeds("worlds-0", "32x32x3", 0, 2, 4)
