"""Putting the mark in."""

from __future__ import annotations

import numpy as np
import pytest

from langit.release.watermark import Watermark, WatermarkConfig
from tests.release.watermark.film import IDENT, scene


@pytest.fixture(scope="module")
def small() -> np.ndarray:
    return scene(64, 64)


@pytest.mark.parametrize(("height", "width"), [(64, 64), (48, 80), (17, 31), (370, 400)])
def test_no_frame_falls_below_the_ratio(height: int, width: int) -> None:
    frame = scene(height, width, 1)[0]
    marked = Watermark(height, width, IDENT).mark(frame)
    error = np.mean((marked.astype(float) - frame) ** 2)
    ratio = 10 * np.log10(255**2 / error)
    assert 40.0 <= ratio < (41.0 if height < 128 else 48.5)  # large smooth pictures get less of it


def test_marking_does_not_depend_on_earlier_frames(small: np.ndarray) -> None:
    first, second = Watermark(64, 64, IDENT), Watermark(64, 64, IDENT)
    for frame in small:
        first.mark(frame)
    assert np.array_equal(first.mark(small[2]), second.mark(small[2]))
    assert not np.array_equal(first.mark(small[2]), Watermark(64, 64, bytes(8)).mark(small[2]))


@pytest.mark.parametrize(("height", "width"), [(128, 128), (96, 160), (160, 96), (240, 240)])
@pytest.mark.parametrize("kind", ["scene", "noise", "flat", "black", "white"])
def test_the_mark_of_a_shipped_size_keeps_46_db(height: int, width: int, kind: str) -> None:
    random = np.random.Generator(np.random.PCG64(4))
    frames = {
        "scene": scene(height, width, 3),
        "noise": random.integers(0, 256, (1, height, width, 3), np.uint8),
        "flat": np.full((1, height, width, 3), 120, np.uint8),
        "black": np.zeros((1, height, width, 3), np.uint8),
        "white": np.full((1, height, width, 3), 255, np.uint8),
    }[kind]
    for frame in frames:
        error = np.mean((Watermark(height, width, IDENT).mark(frame).astype(float) - frame) ** 2)
        assert 10 * np.log10(255**2 / error) >= 46.0


def in_light(frame: np.ndarray) -> np.ndarray:
    """The change of brightness that the mark makes, in grey levels."""
    height, width = frame.shape[:2]
    changed = Watermark(height, width, IDENT).mark(frame).astype(float) - frame
    return changed @ np.array([0.299, 0.587, 0.114])


@pytest.mark.parametrize(("level", "most"), [(28, 0.3), (90, 0.55), (170, 0.55)])
def test_smooth_areas_of_small_videos_carry_little_of_the_mark(level: int, most: float) -> None:
    """A sky, with a gradient, over rough ground: half a level, at night less; near the edge below one."""
    random = np.random.Generator(np.random.PCG64(2))
    frame = np.zeros((128, 128, 3), np.uint8)
    frame[:] = (level + np.arange(128) / 16).astype(np.uint8)[:, None, None]
    frame[64:] = random.integers(40, 200, (16, 32, 1), np.uint8).repeat(4, axis=0).repeat(4, axis=1)
    light = in_light(frame)
    sky, edge, ground = (np.sqrt(np.mean(light[rows] ** 2)) for rows in (slice(0, 52), slice(52, 62), slice(70, 128)))
    assert 0.0 < sky <= most
    assert edge <= 0.9
    assert ground > 1.2


def test_a_picture_that_hides_the_mark_nowhere_gets_what_a_reader_needs() -> None:
    flat = np.sqrt(np.mean(in_light(np.full((128, 128, 3), 30, np.uint8)) ** 2))
    assert 0.6 < flat < 0.9


def test_the_sign_alternates_once_a_second_whatever_the_frame_rate(small: np.ndarray) -> None:
    frame = np.full((64, 64, 3), 128, np.uint8)
    mark = Watermark(64, 64, IDENT)
    added = mark.mark(frame).astype(int) - 128
    assert np.abs(added).max() > 1
    for rate in (8, 24, 30000 / 1001):
        for number in range(70):
            expected = -added if int(number / rate) % 2 else added
            assert np.array_equal(mark.mark(frame, number / rate).astype(int) - 128, expected)


def test_black_and_white_stay_within_eight_bits() -> None:
    for level in (0, 255):
        frame = np.full((64, 64, 3), level, np.uint8)
        assert np.abs(Watermark(64, 64, IDENT).mark(frame).astype(int) - level).max() < 16


def test_a_weaker_mark_can_be_configured(small: np.ndarray) -> None:
    faint = Watermark(64, 64, IDENT, WatermarkConfig(psnr=46.0)).mark(small[0])
    assert np.mean((faint.astype(float) - small[0]) ** 2) <= 255**2 / 10**4.6


def test_bad_input_is_named(small: np.ndarray) -> None:
    mark = Watermark(64, 64, IDENT)
    with pytest.raises(ValueError, match=r"float64 .* pass uint8 \(64, 64, 3\)"):
        mark.mark(small[0] / 2.0)
    with pytest.raises(ValueError, match="pass uint8"):
        mark.mark(small[0][:32])
    with pytest.raises(ValueError, match="too small"):
        Watermark(8, 64, IDENT)
    with pytest.raises(ValueError, match="has 3 bytes: use 8"):
        Watermark(64, 64, b"abc")
    with pytest.raises(ValueError, match="between"):
        WatermarkConfig(psnr=10.0)


def test_the_mark_is_fainter_in_smooth_areas_of_large_pictures() -> None:
    random = np.random.Generator(np.random.PCG64(2))
    frame = np.full((360, 640, 3), 128, np.uint8)
    frame[:, 320:] = random.integers(0, 256, (90, 80, 1), np.uint8).repeat(4, axis=0).repeat(4, axis=1)
    added = np.abs(Watermark(360, 640, IDENT).mark(frame).astype(float) - frame).mean(axis=(0, 2))
    assert added[:300].mean() < 0.6 * added[340:].mean()
