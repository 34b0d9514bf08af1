"""Directions of known tracks and skies."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from langit.evaluate.judges.tracker import Detection, Segmentation
from langit.evaluate.physics.directions import camera_direction, sky_drift, track_direction


def at(x: float) -> Detection:
    return Detection(x, 0.5, 0.2, 0.2, 0.04, (1.0, 0.0, 0.0, 0.0, 0.0))


def test_direction_is_from_the_first_to_the_last_position() -> None:
    assert track_direction([at(0.2), None, at(0.7), None]) == "right"
    assert track_direction([at(0.7), at(0.2)]) == "left"
    assert track_direction([at(0.5), at(0.55)]) == ""
    assert track_direction([None, None]) == ""


@pytest.mark.parametrize("speed", [-3.3, -1.0, 0.0, 0.7, 2.5])
def test_sky_drift_is_the_known_shift(speed: float) -> None:
    rows = np.arange(64)[:, None] / 64
    frames = []
    for frame in range(9):
        across = (np.arange(64)[None] - speed * frame) / 64
        hills = np.sin(9 * across) + 0.5 * np.sin(23 * across + 1)
        grey = 120 + 50 * np.tanh(6 * (rows - 0.22 - 0.05 * hills))
        frames.append(np.repeat(grey[..., None], 3, axis=2))
    video = torch.from_numpy(np.round(np.stack(frames)).astype(np.uint8))
    nothing = Segmentation(torch.zeros(9, 7, 64, 64), torch.zeros(9, 5, 64, 64))
    drift = sky_drift(video, nothing)
    assert drift == pytest.approx(8 * speed / 64, abs=0.03)
    if abs(speed) > 1:
        assert camera_direction(drift, orbits=True) == ("right" if speed > 0 else "left")
        assert camera_direction(drift, orbits=False) == ("left" if speed > 0 else "right")


def test_covered_pixels_do_not_count() -> None:
    generator = np.random.default_rng(0)
    video = np.repeat(generator.integers(0, 255, (1, 64, 64, 3)), 5, axis=0).astype(np.uint8)
    moved = video.copy()
    for frame in range(5):
        moved[frame, :, 10:40] = np.roll(video[frame, :, 10:40], 2 * frame, axis=1)
    colours = torch.zeros(5, 7, 64, 64)
    colours[:, 0, :, 10:40] = 1
    assert sky_drift(torch.from_numpy(moved), Segmentation(colours, torch.zeros(5, 5, 64, 64))) == pytest.approx(
        0, abs=0.01
    )


def test_a_camera_that_hardly_turns_has_no_direction() -> None:
    assert camera_direction(0.05, orbits=True) == ""
