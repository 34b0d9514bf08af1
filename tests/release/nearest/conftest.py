"""Small synthetic films, an index of forty of them, and the shipped autoencoder to compare them by."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from langit.autoencoder.model import Autoencoder
from langit.bundle import load_bundle
from langit.feed.catalogue import FilmClip, FootageClip, FrameReader
from langit.release.nearest.build import build_index
from langit.release.nearest.index import ClipIndex
from langit.shapes import PixelShape

PIXELS = PixelShape(17, 64, 64)
TRAINED, HELD = range(40), range(1000, 1160)


def film(seed: int, frames: int = 17) -> np.ndarray:
    """A ground of soft colours, and a coloured box that crosses it."""
    dice = np.random.default_rng(seed)
    across, down = np.meshgrid(np.linspace(0, 1, 64), np.linspace(0, 1, 64))
    ground = np.zeros((64, 64, 3))
    for _ in range(4):
        waves, colour = dice.uniform(0.5, 4, 2), dice.uniform(-60, 60, 3)
        ground += np.sin(2 * np.pi * (waves[0] * across + waves[1] * down) + dice.uniform(0, 6))[..., None] * colour
    ground = ground + dice.uniform(60, 190, 3)
    place, way, colour = dice.uniform(10, 44, 2), dice.uniform(-2, 2, 2), dice.uniform(0, 255, 3)
    side, video = int(dice.integers(8, 18)), []
    for frame in range(frames):
        left, top = (int(at) % 46 for at in place + frame * way)
        picture = ground.copy()
        picture[top : top + side, left : left + side] = colour
        video.append(picture)
    return np.stack(video).clip(0, 255).round().astype(np.uint8)


def entries(folder: Path, seeds: range) -> list[FilmClip]:
    """The films as the trainer reads them."""
    shard = folder / f"{seeds[0]}.safetensors"
    frames = np.stack([film(seed) for seed in seeds])
    save_file({"frames": frames}, shard, metadata={"clips": json.dumps(list(seeds))})
    return [
        FilmClip(f"{seed:064x}", ("a box",), PIXELS, False, shard, row, "boxes", seed) for row, seed in enumerate(seeds)
    ]


@pytest.fixture(scope="session")
def autoencoder() -> Autoencoder:
    return load_bundle("pocket").autoencoder


@pytest.fixture(scope="session")
def index(autoencoder: Autoencoder, tmp_path_factory: pytest.TempPathFactory) -> ClipIndex:
    folder = tmp_path_factory.mktemp("films")
    stages: list[str] = []
    trained = entries(folder, TRAINED)
    built = build_index(
        trained[:30],
        entries(folder, HELD),
        FrameReader(),
        autoencoder,
        8.0,
        lambda stage, *_: stages.append(stage),
        footage=[
            FootageClip(clip.digest, clip.captions, clip.pixels, clip.mirrored, clip.shard, clip.row, 8.0)
            for clip in trained[30:]
        ],
    )
    assert set(stages) == {"nearest: clips", "nearest: held out"}
    return built
