"""Films of the hiding world: the thing is seen, is hidden wholly, is seen again; the same film again and again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from langit.shapes import PixelShape
from langit.worlds import camera, cast
from langit.worlds import film as first_world
from langit.worlds import scene as first_scenes
from langit.worlds.behind.film import AWAY, SIZE, course, render
from langit.worlds.behind.scene import HIDERS, BehindScene, sample_scene
from langit.worlds.scene import SHAPES, Thing, mirror_scene

TINY = PixelShape(frames=3, height=24, width=24)


def scene_of(shape: str, hider: str, view: str = "static") -> BehindScene:
    found = next(s for s in map(sample_scene, range(1000)) if s.camera.startswith(view))
    return replace(found, things=(Thing(shape, "red"), Thing(hider, "blue")))


@pytest.mark.parametrize("hider", HIDERS)
@pytest.mark.parametrize("shape", SHAPES)
def test_it_disappears_wholly_and_comes_out_again(shape: str, hider: str) -> None:
    made = render(scene_of(shape, hider), PixelShape(frames=17, height=32, width=32))
    area = (made.masks == 1).sum(axis=(1, 2))
    hidden = np.flatnonzero(area == 0)
    assert 1 <= len(hidden) <= 7
    assert (np.diff(hidden) == 1).all()
    assert area[0] > 15
    assert area[-1] > 15
    way = 1 if made.scene.end > 0 else -1
    before, after = (np.nonzero(made.masks[frame] == 1)[1].mean() - 15.5 for frame in (0, -1))
    assert way * before < -6
    assert way * after > 6


def test_what_rolls_turns_as_far_as_it_goes_and_what_slides_slows_down() -> None:
    motion = course(scene_of("ball", "cube"), 17)
    angle = np.unwrap(2 * np.arctan2(motion.orientations[:, 0, 2], motion.orientations[:, 0, 0]))
    way = motion.positions[:, 0, 0] - motion.positions[0, 0, 0]
    assert angle * SIZE * cast.FORMS["ball"].rolling == pytest.approx(way, abs=1e-9)
    slid = np.abs(np.diff(course(scene_of("cube", "cone"), 17).positions[:, 0, 0]))
    assert (np.diff(slid) < 0).all()


@pytest.mark.parametrize("view", ["static", "pan"])
def test_it_is_seen_first_and_last_where_the_scene_says(view: str) -> None:
    scene = scene_of("ball", "cube", view)
    motion, rows = course(scene, 9), camera.track(scene, 9)
    for at, where in ((0, scene.start), (-1, scene.end)):
        point = np.array([motion.positions[at, 0, 0], AWAY, 0.5])
        assert camera.project(rows[at], point, 64, 64)[0] == pytest.approx(where, abs=1e-6)


def test_the_mirrored_scene_is_the_mirrored_film_and_worlds_do_not_disturb_each_other() -> None:
    scene = scene_of("ball", "cylinder")
    made = render(scene, TINY)
    first = first_world.render(first_scenes.sample_scene(3), TINY)
    image = render(_as_behind(mirror_scene(scene)), TINY)
    assert np.array_equal(image.frames, made.frames[:, :, ::-1])
    assert image.scene.side != scene.side
    assert render(scene, TINY).pixel_sha256 == made.pixel_sha256
    assert first_world.render(first_scenes.sample_scene(3), TINY).pixel_sha256 == first.pixel_sha256


def test_an_image_shows_the_thing_before_it_is_hidden() -> None:
    made = render(scene_of("ball", "cube"), PixelShape(frames=1, height=32, width=32))
    assert set(np.unique(made.masks)) == {0, 1, 2}


def _as_behind(scene: first_scenes.Scene) -> BehindScene:
    assert isinstance(scene, BehindScene)
    return scene
