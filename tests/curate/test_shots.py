"""Cuts: found where scenes change, and not where the picture pans, flashes, or is dark."""

from __future__ import annotations

import numpy as np
import pytest
from curate.making import film, scene

from langit.curate.shots import CutFinder, CutSettings, OpticalFlow, sampled, spans, unlikeness


def cuts(frames: np.ndarray) -> list[int]:
    finder = CutFinder(CutSettings())
    for frame in frames:
        finder.step(sampled(np.ascontiguousarray(frame[..., 1])))
    assert finder.frames == len(frames)
    return finder.cuts


def test_cuts_between_scenes_are_found_where_they_are() -> None:
    assert cuts(film(1, 2, 3, 4, frames=12)) == [12, 24, 36]
    assert cuts(film(1, 2, 3, frames=12, speed=0.0)) == [12, 24]


@pytest.mark.parametrize("speed", [0.0, 1.0, 6.0, -6.0])
def test_one_scene_is_one_shot(speed: float) -> None:
    frames = scene(5, 30, speed=abs(speed))
    assert cuts(frames if speed >= 0 else frames[::-1]) == []


def test_a_flash_is_no_cut() -> None:
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


def test_spans_cover_all_frames_once() -> None:
    assert spans([], 7) == [(0, 7)]
    assert spans([3, 5], 7) == [(0, 3), (3, 2), (5, 2)]
    assert spans([], 0) == []
