"""Finding the mark again, and not finding one where none is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from langit import video
from langit.release.watermark import MAX_CHANCE, Watermark, WatermarkConfig, read
from langit.release.watermark.alternation import sign
from langit.release.watermark.lattice import pattern, waves
from langit.release.watermark.payload import signs
from tests.release.watermark.film import IDENT, scene

OTHERS = [bytes([number]) * 8 for number in range(50)]


@pytest.fixture(scope="module")
def small() -> np.ndarray:
    return scene(64, 64)


@pytest.fixture(scope="module")
def large() -> np.ndarray:
    return scene(180, 320, 3)


def marked(frames: np.ndarray) -> np.ndarray:
    mark = Watermark(frames.shape[1], frames.shape[2], IDENT)
    return np.stack([mark.mark(frame, number / 8) for number, frame in enumerate(frames)])


def resized(frames: np.ndarray, share: float) -> np.ndarray:
    size = (round(frames.shape[2] * share), round(frames.shape[1] * share))
    return np.stack([np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.BICUBIC)) for frame in frames])


CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "nothing": lambda frames: frames,
    "cropped": lambda frames: frames[:, 21:166, 37:293],
    "smaller": lambda frames: resized(frames, 0.7),
    "larger, cropped": lambda frames: resized(frames, 1.37)[:, 11:-20, 7:-60],
    "left to right": lambda frames: frames[:, :, ::-1],
    "upside down": lambda frames: frames[:, ::-1],
    "brighter": lambda frames: np.clip(frames * 1.5, 0, 255).astype(np.uint8),
    "one frame": lambda frames: frames[1:2],
    "other speed": lambda frames: frames[[0, 0, 2, 2, 2]],
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_id_is_decoded_without_candidates(large: np.ndarray, change: str) -> None:
    match = read(CHANGES[change](marked(large))).decode()
    assert match is not None
    assert match.ident == IDENT
    assert match.p_value <= MAX_CHANCE


def test_a_small_video_is_matched_with_candidates_after_coding(small: np.ndarray, tmp_path: Path) -> None:
    video.write(tmp_path / "small.mp4", marked(small), 8)
    found = read(video.stream(tmp_path / "small.mp4")).matches([*OTHERS, IDENT])
    assert [match.ident for match in found] == [IDENT]
    assert found[0].p_value <= MAX_CHANCE


@pytest.fixture(scope="module")
def still() -> np.ndarray:
    """A still scene is the hardest: every frame shows the same content at the same place, as it does the mark."""
    return np.repeat(scene(96, 96, 1), 24, axis=0)


ROADS: dict[str, Callable[[np.ndarray], tuple[np.ndarray, float]]] = {
    "as made": lambda frames: (frames, 8.0),
    "from the middle on": lambda frames: (frames[5:], 8.0),
    "shown at 24 frames a second": lambda frames: (frames.repeat(3, axis=0), 24.0),
    "twice as fast": lambda frames: (frames[::2], 8.0),
    "half as fast": lambda frames: (frames.repeat(2, axis=0), 8.0),
    "cropped, from the middle on": lambda frames: (frames[3:, 9:90, 5:88], 8.0),
    "left to right, a third larger": lambda frames: (resized(frames[:, :, ::-1], 1.3), 8.0),
}


@pytest.mark.parametrize("road", ROADS)
def test_the_alternating_mark_is_found_in_a_still_scene(still: np.ndarray, tmp_path: Path, road: str) -> None:
    video.write(tmp_path / "left.mp4", marked(still), 8)
    frames, rate = ROADS[road](np.asarray(video.read(tmp_path / "left.mp4")))
    (match, *_) = read(frames, rate).matches([*OTHERS, IDENT])
    assert match.ident == IDENT and match.p_value <= MAX_CHANCE


def test_alternating_finds_what_a_constant_mark_loses(still: np.ndarray) -> None:
    """At the same strength: a still scene is noise beside a constant mark, and cancels if the mark alternates."""
    mark = Watermark(96, 96, IDENT, WatermarkConfig(psnr=48.0))
    constant = np.stack([mark.mark(frame) for frame in still])
    alternating = np.stack([mark.mark(frame, number / 8) for number, frame in enumerate(still)])
    (weak,), (strong,) = (read(frames).matches([IDENT], chance=1.0) for frames in (constant, alternating))
    assert strong.p_value < 1e-15 * weak.p_value


def test_marks_that_do_not_alternate_are_still_read(large: np.ndarray) -> None:
    mark = Watermark(*large.shape[1:3], IDENT)
    frames = np.concatenate([np.stack([mark.mark(frame) for frame in large])] * 6)
    assert [match.ident for match in read(frames).matches([*OTHERS, IDENT])] == [IDENT]
    second = np.stack([mark.mark(frame, 1.0) for frame in large])  # a cut from a second in which the sign is negative
    assert [match.ident for match in read(second).matches([*OTHERS, IDENT])] == [IDENT]


@pytest.mark.parametrize("alternates", [True, False])
def test_marks_of_earlier_versions_are_still_read(tmp_path: Path, alternates: bool) -> None:
    """Which had the same strength everywhere, in whole levels of grey, and before that a sign that did not change."""
    frames = scene(128, 128, 17)
    shape = pattern(128, 128, waves().amplitudes(signs([IDENT])[0]))
    former = np.rint(shape * 1.1)[:, :, None]  # 47 dB: what was released had 40 to 46
    signed = [sign(number / 8) if alternates else 1 for number in range(17)]
    shown = [
        np.clip(frame + each * former, 0, 255).astype(np.uint8) for frame, each in zip(frames, signed, strict=True)
    ]
    video.write(tmp_path / "former.mp4", shown, 8)
    match = read(video.stream(tmp_path / "former.mp4"), 8).decode()
    assert match is not None and match.ident == IDENT


def test_what_is_rough_and_stands_still_does_not_drown_the_mark(tmp_path: Path) -> None:
    """Coded at a constant rate factor of 28 or so: half of the picture is noise that stays, and hides the mark."""
    random = np.random.Generator(np.random.PCG64(6))
    still = scene(128, 128, 1).repeat(17, axis=0)
    still[:, 64:] = random.integers(60, 180, (32, 64, 1), np.uint8).repeat(2, axis=0).repeat(2, axis=1)
    again = marked(still).astype(float)
    noise = random.normal(0, 6, again.shape)
    (match,) = read(np.clip(again + noise, 0, 255).astype(np.uint8)).matches([IDENT], chance=1.0)
    assert match.p_value < 1e-30


def test_a_large_picture_is_decoded_after_downscaling() -> None:
    frames = scene(1080, 1440, 1)
    match = read(resized(marked(frames), 0.25)).decode()
    assert match is not None
    assert match.ident == IDENT


@pytest.mark.parametrize("kind", ["scene", "flat", "noise", "stripes", "black"])
def test_unmarked_frames_give_no_match(small: np.ndarray, kind: str) -> None:
    random = np.random.Generator(np.random.PCG64(3))
    frames = {
        "scene": small,
        "flat": np.full_like(small, 90),
        "noise": random.integers(0, 256, small.shape, np.uint8),
        "stripes": np.broadcast_to(np.arange(64, dtype=np.uint8)[:, None] % 8 * 30, small.shape[:3])[..., None].repeat(
            3, 3
        ),
        "black": np.zeros_like(small),
    }[kind]
    reading = read(frames)
    assert reading.decode() is None
    assert reading.matches([*OTHERS, IDENT]) == []
    assert reading.p_value > MAX_CHANCE


def test_a_different_id_does_not_match(large: np.ndarray) -> None:
    reading = read(marked(large))
    assert reading.p_value <= MAX_CHANCE
    assert reading.matches(OTHERS) == []


def test_more_ids_make_a_match_less_sure(large: np.ndarray) -> None:
    reading = read(marked(large)[:, 40:140, 50:150])
    (alone,) = reading.matches([IDENT])
    (among,) = reading.matches([*OTHERS, IDENT, IDENT])
    assert among.p_value == pytest.approx(51 * alone.p_value)


def test_p_values_of_noise_keep_to_their_bound() -> None:
    random = np.random.Generator(np.random.PCG64(8))
    sizes = ((16, 16), (24, 40), (33, 20))
    values = [read(random.integers(0, 256, (1, *sizes[n % 3], 3), np.uint8)).p_value for n in range(6)]
    assert min(values) > 1e-3


def test_p_values_of_unmarked_clips_that_move_keep_to_their_bound() -> None:
    random = np.random.Generator(np.random.PCG64(9))
    for _ in range(2):
        steps = random.integers(-9, 10, (20, 24, 32, 3)).cumsum(axis=0) + random.integers(40, 200, (24, 32, 3))
        reading = read(np.clip(steps, 0, 255).astype(np.uint8))
        assert reading.p_value > 1e-3
        assert reading.matches([*OTHERS, IDENT]) == []


def test_bad_frames_are_named(small: np.ndarray) -> None:
    with pytest.raises(ValueError, match="at least one"):
        read([])
    with pytest.raises(ValueError, match="float64"):
        read(small / 2.0)
    with pytest.raises(ValueError, match="the first is"):
        read([small[0], small[1][:32]])
    with pytest.raises(ValueError, match="use 8"):
        read(small).matches([b"abc"])
    for rate in (0.0, -8.0, float("nan")):
        with pytest.raises(ValueError, match="positive rate"):
            read(small, rate)
