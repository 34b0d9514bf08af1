"""Transitions: found where scenes change, and not where the picture pans, flashes, or is dark."""

from __future__ import annotations

import numpy as np
import pytest
from curate.making import film, scene

from langit.curate.shots import CutFinder, CutSettings, Transition
from langit.curate.similarity import OpticalFlow, subsample, unlikeness


def find(frames: np.ndarray) -> list[Transition]:
    finder = CutFinder(CutSettings())
    for frame in frames:
        finder.step(subsample(np.ascontiguousarray(frame[..., 1])))
    finder.finish()
    assert finder.frames == len(frames)
    assert finder.cuts == [transition.cut for transition in finder.transitions]
    return finder.transitions


def cuts(frames: np.ndarray) -> list[int]:
    return [transition.cut for transition in find(frames)]


def shots(first: int = 1, second: int = 2, frames: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Two scenes as floats, slow enough that a dissolve can be told from their motion."""
    one, other = (scene(seed, frames, 180, 320, speed=0.5).astype(np.float32) for seed in (first, second))
    return one, other


def test_cuts_between_scenes_are_found_where_they_are() -> None:
    assert cuts(film(1, 2, 3, 4, frames=12)) == [12, 24, 36]
    assert cuts(film(1, 2, 3, frames=12, speed=0.0)) == [12, 24]


@pytest.mark.parametrize("speed", [0.0, 1.0, 6.0, -6.0])
def test_one_scene_is_one_shot(speed: float) -> None:
    frames = scene(5, 60, speed=abs(speed))
    assert cuts(frames if speed >= 0 else frames[::-1]) == []


@pytest.mark.parametrize("frames", [4, 8, 12, 24])
def test_a_dissolve_belongs_to_neither_shot(frames: int) -> None:
    one, other = shots()
    weights = (np.arange(1, frames + 1) / (frames + 1))[:, None, None, None]
    mixed = one[16 : 16 + frames] * (1 - weights) + other[:frames] * weights
    (found,) = find(np.concatenate([one[:16], mixed, other[frames : frames + 24]]).astype(np.uint8))
    assert abs(found.cut - (16 + frames // 2)) <= max(2, frames // 4)
    assert found.end <= found.cut <= found.start


def test_a_wipe_is_a_transition() -> None:
    one, other = shots()
    mixed = one[20:30].copy()
    for number in range(10):
        mixed[number, :, : 32 * (number + 1)] = other[number, :, : 32 * (number + 1)]
    (found,) = find(np.concatenate([one[:20], mixed, other[10:40]]).astype(np.uint8))
    assert abs(found.cut - 25) <= 3


@pytest.mark.parametrize("frames", [6, 12, 20])
def test_a_fade_through_black_divides_shots_in_its_middle(frames: int) -> None:
    one, other = shots()
    down = (1 - np.arange(1, frames + 1) / frames)[:, None, None, None]
    dark = np.concatenate([16 + (one[20 : 20 + frames] - 16) * down, 16 + (other[:frames] - 16) * down[::-1]])
    found = cuts(np.concatenate([one[:20], dark, other[frames:]]).astype(np.uint8))
    assert len(found) == 1 and abs(found[0] - (20 + frames)) <= frames / 2


def test_a_cut_to_black_and_from_black_is_a_cut() -> None:
    one, other = shots()
    black = np.full_like(one[:12], 16)
    assert cuts(np.concatenate([one[:20], black, other[:20]]).astype(np.uint8)) == [20, 32]


@pytest.mark.parametrize("value", [16, 235])
@pytest.mark.parametrize("length", [1, 2, 4])
def test_a_black_or_white_flash_divides_nothing(value: int, length: int) -> None:
    frames = scene(6, 40)
    frames[20 : 20 + length] = value
    assert cuts(frames) == []


def test_a_broken_frame_divides_nothing() -> None:
    frames = scene(6, 40)
    frames[20, 48:] = scene(7, 1)[0, 48:]
    assert cuts(frames) == []


def test_a_moving_camera_is_no_dissolve() -> None:
    rng = np.random.default_rng(3)
    wide = np.clip(rng.normal(110, 35, (180, 900, 1)), 0, 255).repeat(3, axis=2)
    wide = sum(np.roll(wide, shift, axis=1) for shift in range(12)) / 12  # grain that repeats, as wood does
    pan = np.stack([wide[:, 6 * number : 6 * number + 320] for number in range(60)])
    assert cuts(pan.astype(np.uint8)) == []


def test_a_bright_flash_divides_nothing() -> None:
    frames = scene(6, 30).astype(np.float32)
    frames[12:14] = frames[12:14] * 0.5 + 127
    assert cuts(frames.astype(np.uint8)) == []


def test_a_cut_between_dark_scenes_is_found_and_black_frames_are_not_many() -> None:
    assert cuts((film(1, 2, frames=12) // 3).astype(np.uint8)) == [12]
    frames = film(1, 2, frames=12)
    frames[10:14] = 0
    assert len(cuts(frames)) <= 2


def test_frames_of_another_size_begin_a_shot() -> None:
    finder = CutFinder(CutSettings())
    for size in (40, 40, 60, 60):
        finder.step(np.full((size, size), 90, np.uint8))
    assert finder.cuts == [2]


def test_tiny_pictures_are_compared_without_flow() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.integers(0, 256, (2, 10, 10), dtype=np.uint8)
    assert unlikeness(one, other, OpticalFlow()) == 1.0 and unlikeness(one, one, OpticalFlow()) == 0.0
