"""Falls: known tracks are split into flights and fitted."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langit.evaluate.physics.fall import in_real_range, measure_fall

FPS = 8.0


def dropped(pull: float, height: float, keeps: float, frames: int = 33) -> list[float]:
    """Heights from the top of what is dropped at 0.1 and keeps a share of its speed in every bounce."""
    found = []
    for frame in range(frames):
        left, top = frame / FPS, height
        half = math.sqrt(2 * top / pull)
        if left < half:
            found.append(0.1 + pull * left**2 / 2)
            continue
        left -= half
        while True:
            top *= keeps**2
            half = math.sqrt(2 * top / pull)
            if left < 2 * half or top < 1e-6:  # flying, or at rest
                left = min(left, 2 * half)
                break
            left -= 2 * half
        found.append(0.1 + height - top + pull * (left - half) ** 2 / 2)
    return found


@given(st.floats(1.2, 2.2), st.floats(0.3, 0.45), st.floats(0.7, 0.85))
def test_gravity_is_measured_in_both_flights_of_a_bouncing_object(pull: float, height: float, keeps: float) -> None:
    fall = measure_fall(dropped(pull, height, keeps), FPS)
    assert fall.first is not None
    assert fall.first.acceleration == pytest.approx(pull, rel=1e-3)
    assert fall.first.r2 > 0.9999
    if fall.second is not None:
        assert fall.second.acceleration == pytest.approx(pull, rel=1e-3)
    assert fall.bounced
    assert fall.ever_lower
    assert fall.heights[1] / fall.heights[0] == pytest.approx(keeps**2, abs=0.12)


def test_constant_speed_is_not_acceleration() -> None:
    track = [0.1 + 0.06 * frame for frame in range(7)] + [0.4, 0.3, 0.35, 0.45, 0.52]
    fall = measure_fall(track, FPS)
    assert fall.first is not None
    assert abs(fall.first.acceleration) < 0.01


def test_a_bounce_higher_than_the_last_is_detected() -> None:
    track = dropped(1.7, 0.4, 0.8)
    higher = [*track[:6], 0.4, 0.45, 0.5, 0.3, 0.15, 0.08, 0.2, 0.5, 0.4, 0.35, 0.4]
    assert not measure_fall(higher, FPS).ever_lower


@pytest.mark.parametrize("track", [[0.5] * 17, [None] * 17, [], [0.5, None, 0.51], [0.5 - 0.02 * t for t in range(17)]])
def test_an_object_that_does_not_fall_has_no_flight(track: list[float | None]) -> None:
    fall = measure_fall(track, FPS)
    assert not fall.fell
    assert not fall.bounced
    assert not fall.ever_lower


def test_frames_without_a_detection_are_skipped() -> None:
    track: list[float | None] = list(dropped(1.7, 0.4, 0.8))
    track[2] = None
    fall = measure_fall(track, FPS)
    assert fall.first is not None
    assert fall.first.acceleration == pytest.approx(1.7, rel=1e-3)


def test_values_are_compared_with_the_middle_of_real_ones() -> None:
    real = [float(value) for value in range(101)]
    assert in_real_range([1.0, 50.0, 99.0, float("nan")], real) == [False, True, False, False]
    assert in_real_range([1.0], []) == [False]
