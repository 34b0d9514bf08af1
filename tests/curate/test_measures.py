"""What is measured of frames: focus, bars, motion, lettering; and that a pass over a file puts them together."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from curate.making import FPS, encode, film, scene
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from langit.curate.measures import BlackBars, black_bars, motion, sharpness, shrink_luma
from langit.curate.overlay import lettering, strokes
from langit.curate.similarity import OpticalFlow, subsample
from langit.curate.survey import SurveySettings, survey


def luma(frame: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(frame[..., 1])


def test_a_defocused_picture_is_less_sharp() -> None:
    picture = luma(scene(1, 1, 240, 320)[0])
    soft = np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(3)))
    assert sharpness(picture) > 3 * sharpness(soft)


def test_wide_pictures_are_reduced_by_whole_numbers() -> None:
    assert shrink_luma(np.zeros((200, 320), np.uint8)).shape == (200, 320)
    assert shrink_luma(np.zeros((1080, 1920), np.uint8)).shape == (270, 480)


def test_black_bars_are_measured_and_a_dark_side_is_none() -> None:
    frame = np.full((100, 160), 120, np.uint8)
    frame[:12], frame[-11:] = 18, 16
    assert black_bars(frame) == BlackBars(12, 11, 0, 0) == black_bars(frame).balance()
    frame[:, :50] = 16
    assert black_bars(frame) == BlackBars(12, 11, 50, 0)
    assert black_bars(frame).balance() == BlackBars(12, 11, 0, 0)
    assert black_bars(np.full((100, 160), 16, np.uint8)) == BlackBars(0, 0, 0, 0)
    assert BlackBars(5, 5, 0, 2).common(BlackBars(3, 9, 4, 4)) == BlackBars(3, 5, 0, 2)


def test_a_pan_is_the_cameras_and_a_thing_that_moves_is_inside() -> None:
    frames = scene(3, 5, 96, 96, speed=2.0)
    pan = motion(subsample(luma(frames[0])), subsample(luma(frames[4])), 4 / FPS, OpticalFlow())
    assert pan.whole == pytest.approx(2.0 * FPS / 96, rel=0.3) and pan.inside < pan.whole / 2
    still = np.repeat(scene(3, 1, 96, 96), 2, axis=0)
    thing = still.copy()
    thing[0, 30:60, 20:50], thing[1, 30:60, 26:56] = scene(9, 1, 30, 30)[0], scene(9, 1, 30, 30)[0]
    moved = motion(subsample(luma(thing[0])), subsample(luma(thing[1])), 4 / FPS, OpticalFlow())
    assert moved.inside > 3 * moved.whole
    none = motion(subsample(luma(still[0])), subsample(luma(still[1])), 4 / FPS, OpticalFlow())
    assert none.whole + none.inside < 0.001


def stamped(frame: np.ndarray, words: str) -> np.ndarray:
    image = Image.fromarray(frame)
    font = ImageFont.load_default(size=22)
    ImageDraw.Draw(image).text((200, 210), words, fill=235, font=font, anchor="mm", stroke_width=2, stroke_fill=16)
    return np.asarray(image)


def test_a_subtitle_is_seen_over_a_picture_that_moves() -> None:
    frames = [luma(frame) for frame in scene(4, 20, 240, 400, speed=4.0)[::19]]
    bare = lettering(strokes(frames[1]), strokes(frames[0]))
    with_words = [stamped(frame, "We were waiting for you here") for frame in frames]
    assert lettering(strokes(with_words[1]), strokes(with_words[0])) > 0.01 > 0.001 >= bare
    other = stamped(frames[1][::-1].copy(), "")
    assert lettering(strokes(other), strokes(with_words[0])) < 0.003  # words that have gone are not there


def test_a_pass_finds_stretches_and_says_what_is_in_each(tmp_path: Path) -> None:
    frames = film(1, 2, frames=36)
    path = encode(tmp_path / "a.mp4", frames)
    settings = SurveySettings(longest=2.0)
    found = list(survey(path, settings, FPS))
    assert [(one.start, one.frames) for one in found] == [(0, 24), (24, 12), (36, 24), (60, 12)]
    assert [one.cut_before for one in found] == [False, False, True, False]
    assert [(round(one.starts_at, 3), round(one.ends_at, 3)) for one in found] == [(0, 2), (2, 3), (3, 5), (5, 6)]
    assert all(one.samples[0].frame == one.start + 4 for one in found)
    assert all(look.picture[:2] == b"\xff\xd8" and look.motion for one in found for look in one.samples)
    assert len({one.content_sha256 for one in found}) == 4
    again = list(survey(path, settings, FPS, threads=2))
    assert [one.content_sha256 for one in again] == [one.content_sha256 for one in found]


def test_a_turned_film_is_looked_at_upright(tmp_path: Path) -> None:
    frames = scene(1, 14)
    plain, turned = (
        next(iter(survey(encode(tmp_path / f"{r}.mp4", frames, rotation=r), SurveySettings(), FPS))) for r in (0, 90)
    )
    assert plain.samples[0].fingerprint != turned.samples[0].fingerprint
    sizes = []
    for one in (plain, turned):
        (tmp_path / "a.jpg").write_bytes(one.samples[0].picture)
        sizes.append(Image.open(tmp_path / "a.jpg").size)
    assert sizes == [(128, 96), (96, 128)]
    assert hashlib.sha256(plain.samples[0].picture) != hashlib.sha256(turned.samples[0].picture)


def test_a_film_of_one_frame_has_one_stretch_and_one_look(tmp_path: Path) -> None:
    (only,) = survey(encode(tmp_path / "a.mp4", scene(1, 1)), SurveySettings(picture=0), FPS)
    assert (only.frames, len(only.samples), only.samples[0].motion, only.samples[0].picture) == (1, 1, None, b"")


def test_frames_of_a_dissolve_belong_to_no_segment(tmp_path: Path) -> None:
    one, other = (scene(seed, 60, 180, 320, speed=0.5).astype(np.float32) for seed in (1, 2))
    weights = (np.arange(1, 13) / 13)[:, None, None, None]
    mixed = one[30:42] * (1 - weights) + other[:12] * weights
    path = encode(tmp_path / "a.mp4", np.concatenate([one[:30], mixed, other[12:50]]).astype(np.uint8))
    first, second = survey(path, SurveySettings(), FPS)
    assert first.start == 0 and 28 <= first.frames <= 34 and 38 <= second.start <= 46
    assert second.start + second.frames == 80 and second.cut_before
    assert first.ends_at == pytest.approx(first.frames / FPS, abs=0.01)
    assert second.starts_at == pytest.approx(second.start / FPS, abs=0.01)
    assert all(sample.frame < first.frames for sample in first.samples)
    assert all(second.start < sample.frame for sample in second.samples)
