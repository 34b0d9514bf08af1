"""The tracker on known segmentations, its files, and the shipped tracker on a real film."""

from __future__ import annotations

import statistics
from pathlib import Path

import numpy as np
import pytest
import torch

from langit.evaluate.judges.probe import SHIPPED
from langit.evaluate.judges.tracker import (
    WEIGHTS,
    Segmentation,
    Tracker,
    TrackerConfig,
    likeliest_shape,
    load_tracker,
    mirrored_track,
    save_tracker,
    segment,
)
from langit.shapes import PixelShape
from langit.worlds.film import render
from langit.worlds.scene import COLOURS, sample_scene

TINY = TrackerConfig(fine_width=4, width=8, blocks=1)


def seen(left: float) -> Segmentation:
    """A red square of 8 pixels a side whose left edge is at ``left``, as shares."""
    edges = torch.arange(33.0)
    covered = (edges[1:].clamp(max=left + 8) - edges[:-1].clamp(min=left)).clamp(0, 1)
    colours, shapes = torch.zeros(1, 7, 32, 32), torch.zeros(1, 5, 32, 32)
    colours[0, COLOURS.index("red"), 10:18] = covered
    shapes[0, 1] = 1
    return Segmentation(colours, shapes)


def test_positions_are_finer_than_pixels() -> None:
    (spot,) = seen(6.5).track("red")
    assert spot is not None
    assert 32 * spot.x == pytest.approx(10.5)
    assert 32 * spot.y == pytest.approx(14.0)
    assert 32 * spot.height == pytest.approx(8)
    assert 32 * spot.width == pytest.approx(8)
    assert spot.area == pytest.approx(64 / 32**2)
    assert likeliest_shape([None, spot]) == "cube"
    assert seen(6.5).track("blue") == (None,)
    assert seen(6.5).track() == (spot,)
    (back,) = mirrored_track([spot])
    assert back is not None
    assert 32 * back.x == pytest.approx(21.5)


def test_an_invisible_object_has_no_shape() -> None:
    assert likeliest_shape([None, None]) is None


def test_weights_survive_saving_and_loading(tmp_path: Path) -> None:
    torch.manual_seed(0)
    tracker = Tracker(TINY)
    save_tracker(tracker, tmp_path)
    again = load_tracker(tmp_path)
    assert again.config == TINY
    video = torch.randint(0, 255, (3, 32, 48, 3), dtype=torch.uint8)
    before, after = segment(tracker, video), segment(again, video)
    assert before.colours.shape == (3, 7, 32, 48)
    assert before.shapes.shape == (3, 5, 32, 48)
    assert torch.allclose(before.colours, after.colours, atol=2e-3)
    assert segment(tracker, torch.zeros(2, 128, 128, 3, dtype=torch.uint8)).colours.shape == (2, 7, 64, 64)


def test_missing_and_damaged_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"tracker\.json is missing"):
        load_tracker(tmp_path)
    save_tracker(Tracker(TINY), tmp_path)
    (tmp_path / WEIGHTS).write_bytes(b"nonsense")
    with pytest.raises(ValueError, match=r"tracker\.safetensors is damaged"):
        load_tracker(tmp_path)


def test_the_shipped_tracker_is_small_and_follows_a_moving_object() -> None:
    assert (SHIPPED / WEIGHTS).stat().st_size < 500_000
    scene = next(s for s in map(sample_scene, range(9, 10_000, 10)) if s.action == "left" and s.camera == "static")
    made = render(scene, PixelShape(frames=9, height=64, width=64))
    spots = segment(load_tracker(), torch.from_numpy(made.frames)).track(scene.things[0].colour)
    off = []
    for mask, spot in zip(made.masks == 1, spots, strict=True):
        assert spot is not None
        off.append(abs(64 * spot.x - 0.5 - np.nonzero(mask)[1].mean()))
    assert statistics.median(off) < 0.5
    assert likeliest_shape(spots) == scene.things[0].shape
