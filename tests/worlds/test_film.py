"""Films: what the scene says happens, by the simulator's own truth and by the pixels; the same film again and again."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from langit.shapes import PixelShape
from langit.worlds import camera, cast, easel, film, opengl, stage
from langit.worlds.film import Film, mirror, render, simulate
from langit.worlds.opengl import mujoco
from langit.worlds.scene import CAMERAS, SHAPES, Scene, Thing, mirror_scene, sample_scene

SMALL = PixelShape(frames=5, height=24, width=32)


@cache
def scene_of(action: str, view: str = "static", shape: str = "") -> Scene:
    """The first scene of an action and a camera, its first thing perhaps given another shape."""
    found = next(s for s in map(sample_scene, range(10**6)) if s.action == action and s.camera == view)
    return replace(found, things=(Thing(shape or found.things[0].shape, "red"), *found.things[1:]))


@cache
def drawn(action: str, view: str = "static") -> Film:
    return render(scene_of(action, view))


def across(made: Film, frame: int, index: int = 0) -> float:
    """Picture widths right of the centre at which a thing is seen."""
    return camera.project(made.camera[frame], made.positions[frame, index], 64, 64)[0]


@pytest.mark.parametrize("shape", SHAPES)
def test_what_falls_bounces(shape: str) -> None:
    height = simulate(scene_of("falls", shape=shape), 17).positions[:, 0, 2] - cast.FORMS[shape].rest
    low = int(height[:10].argmin())
    assert height[0] > 0.9
    assert height[low] < 0.25
    assert height[low:].max() > height[low] + 0.3


@pytest.mark.parametrize("shape", SHAPES)
def test_what_jumps_jumps_twice_from_the_ground(shape: str) -> None:
    height = simulate(scene_of("jumps", shape=shape), 17).positions[:, 0, 2] - cast.FORMS[shape].rest
    assert height[0] == pytest.approx(0, abs=0.01)
    peaks = (height[1:-1] > height[:-2]) & (height[1:-1] >= height[2:]) & (height[1:-1] > 0.4)
    assert peaks.sum() >= 2


@pytest.mark.parametrize("view", CAMERAS)
@pytest.mark.parametrize(("action", "way"), [("left", -1), ("right", 1)])
def test_left_and_right_are_those_of_the_picture(action: str, way: int, view: str) -> None:
    scene = scene_of(action, view)
    motion, rows = simulate(scene, 17), camera.track(scene, 17)
    seen = [camera.project(row, place, 64, 64)[0] for row, place in zip(rows, motion.positions[:, 0], strict=True)]
    travel = way * (seen[-1] - seen[0])
    assert travel > 0.25
    assert max(abs(place) for place in seen) < 0.5
    if not view.startswith("pan"):
        assert 0.45 < travel < 0.75


@pytest.mark.parametrize("shape", ["ball", "ring"])
def test_what_rolls_turns_as_far_as_it_goes(shape: str) -> None:
    motion = simulate(scene_of("left", shape=shape), 17)
    turned = np.array([2 * np.arctan2(q[2], q[0]) for q in motion.orientations[:, 0]])
    angle = np.unwrap(turned)[-1] - turned[0]
    way = motion.positions[-1, 0, 0] - motion.positions[0, 0, 0]
    assert angle * cast.FORMS[shape].rolling == pytest.approx(way, rel=0.1)


@pytest.mark.parametrize("shape", SHAPES)
def test_what_spins_stays_and_turns_about_the_vertical(shape: str) -> None:
    scene = scene_of("spins", shape=shape)
    motion = simulate(scene, 17)
    assert np.abs(motion.positions - motion.positions[0]).max() < 0.02
    angle = np.unwrap(2 * np.arctan2(motion.orientations[:, 0, 3], motion.orientations[:, 0, 0]))
    assert (angle[-1] - angle[0]) / (2 * np.pi) == pytest.approx(scene.vigour, rel=0.05)


def test_what_stands_still_does_not_move() -> None:
    for shape in SHAPES:
        motion = simulate(scene_of("still", shape=shape), 17)
        assert np.abs(motion.positions - motion.positions[0]).max() < 0.02


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_hit_is_knocked_away(shape: str) -> None:
    scene = scene_of("collides", shape=shape)
    motion = simulate(scene, 17)
    way = -1 if scene.side == "right" else 1
    travel = way * (motion.positions[-1, 1, 0] - motion.positions[0, 1, 0])
    assert travel > 0.6
    assert np.abs(motion.positions[:2, 1] - motion.positions[0, 1]).max() < 0.02


def test_a_film_is_the_same_whatever_was_drawn_before() -> None:
    first = render(scene_of("collides"), SMALL)
    render(scene_of("falls"), SMALL)
    render(replace(scene_of("spins"), ground="snow", sky="night"), PixelShape(frames=2, height=16, width=16))
    again = render(scene_of("collides"), SMALL)
    assert again.pixel_sha256 == first.pixel_sha256
    assert again.motion_sha256 == first.motion_sha256
    assert again.scene_sha256 == first.scene_sha256
    assert render(scene_of("falls"), SMALL).pixel_sha256 != first.pixel_sha256


def test_motion_is_the_same_at_every_size() -> None:
    wide, tall = (render(scene_of("left"), PixelShape(frames=5, height=h, width=w)) for h, w in ((24, 40), (40, 24)))
    assert wide.frames.shape == (5, 24, 40, 3)
    assert tall.masks.shape == (5, 40, 24)
    assert wide.motion_sha256 == tall.motion_sha256


def test_an_image_is_the_middle_of_the_film() -> None:
    image = render(scene_of("left"), PixelShape(frames=1, height=64, width=64))
    assert np.array_equal(image.frames[0], drawn("left").frames[8])
    assert np.array_equal(image.positions[0], drawn("left").positions[8])


def test_a_mirrored_film_is_the_film_of_the_mirrored_scene() -> None:
    made = drawn("left", "pan right")
    image = mirror(made)
    assert image.scene.action == "right"
    assert image.scene.camera == "pan left"
    assert np.array_equal(image.frames, made.frames[:, :, ::-1])
    assert np.array_equal(image.masks, made.masks[:, :, ::-1])
    assert across(image, 0) == pytest.approx(-across(made, 0))
    assert render(mirror_scene(made.scene)).pixel_sha256 == image.pixel_sha256
    assert mirror(image).pixel_sha256 == made.pixel_sha256
    assert np.allclose(camera.track(image.scene, 17), image.camera)


def test_the_mask_lies_where_the_truth_says_and_the_thing_is_large() -> None:
    for action in ("left", "jumps", "collides"):
        made = drawn(action)
        for frame in (0, 8, 16):
            for index in range(len(made.scene.things)):
                rows, columns = np.nonzero(made.masks[frame] == index + 1)
                x, y = camera.project(made.camera[frame], made.positions[frame, index], 64, 64)
                if abs(x) < 0.35:
                    assert columns.mean() == pytest.approx(64 * (0.5 + x), abs=3)
                    assert rows.mean() == pytest.approx(64 * (0.5 - y), abs=3)
        assert 0.03 < (made.masks > 0).mean() < 0.2
        assert set(np.unique(made.masks)) <= set(range(len(made.scene.things) + 1))


def test_the_thing_has_its_colour_and_casts_a_shadow() -> None:
    scene = replace(scene_of("jumps"), ground="snow", sky="day", things=(Thing("ball", "red"),), side="")
    made = render(scene)
    red, green, blue = made.frames[made.masks == 1].mean(axis=0)
    assert red > 1.8 * max(green, blue)
    below = made.frames[:, 36:, :, :].astype(int).sum(axis=-1)
    assert below[made.masks[:, 36:] == 0].min() < 0.7 * np.median(below)


def test_depth_is_the_distance_along_the_view() -> None:
    scene = scene_of("still")
    made = render(scene, PixelShape(frames=1, height=48, width=48), depth=True)
    assert made.depth is not None
    row = made.camera[0]
    tangent = (2 * 46.5 / 48 - 1) * row[9]  # of the angle between the view and a pixel near the lower edge
    down = -row[5] + tangent * row[8]
    assert made.depth[0, 46, 2] == pytest.approx(camera.HEIGHT / down, rel=0.03)
    away = float((made.positions[0, 0] - row[:3]) @ row[3:6])
    assert away - 0.8 < np.median(made.depth[0][made.masks[0] == 1]) < away
    assert made.depth[0, 0].min() > 100


def test_films_without_the_truth_asked_for_have_no_depth() -> None:
    assert drawn("left").depth is None


def test_grounds_and_skies_look_different() -> None:
    looks = {}
    for ground in ("checkers", "snow", "sand", "grass"):
        for sky in ("day", "sunset", "night"):
            made = render(replace(scene_of("still"), ground=ground, sky=sky), PixelShape(frames=1, height=32, width=32))
            looks[ground, sky] = made.frames[0].astype(int)
    places = list(looks)
    for place in places:
        for other in places[places.index(place) + 1 :]:
            assert np.abs(looks[place] - looks[other]).mean() > 4, (place, other)


def test_the_camera_sees_a_point_where_it_was_put() -> None:
    for view in CAMERAS:
        for row in camera.track(scene_of("still", view), 3):
            point = np.array([camera.stage_x(row, 0.2), 0.0, 0.5])
            assert camera.project(row, point, 64, 64)[0] == pytest.approx(0.2, abs=1e-6)


def test_camera_movements_are_large() -> None:
    def ends(view: str) -> np.ndarray:
        return camera.track(scene_of("still", view), 17)[[0, -1]]

    def turn(rows: np.ndarray) -> float:
        first, last = np.degrees(np.arctan2(rows[:, 3], rows[:, 4]))
        return last - first

    assert turn(ends("pan right")) > 25
    assert turn(ends("pan left")) < -25
    assert turn(ends("orbit left")) > 50  # it goes left and looks back to the right
    assert ends("orbit left")[1, 0] < ends("orbit left")[0, 0]
    assert ends("orbit right")[1, 0] > ends("orbit right")[0, 0]
    assert ends("zoom in")[0, 9] / ends("zoom in")[1, 9] > 1.6
    assert ends("zoom out")[1, 9] / ends("zoom out")[0, 9] > 1.6
    assert np.array_equal(*ends("static"))


def test_meshes_face_outward() -> None:
    for shape, patches in cast.shape_patches().items():
        for points, triangles in patches:
            a, b, c = (np.array([points[face[k]] for face in triangles]) for k in range(3))
            normals, centres = np.cross(b - a, c - a), (a + b + c) / 3
            if shape == "ring":  # measured from the circle inside its tube
                flat = centres * [1, 0, 1]
                centres = centres - 0.38 * flat / np.linalg.norm(flat, axis=1, keepdims=True)
            real = np.linalg.norm(normals, axis=1) > 1e-9
            assert ((normals * centres).sum(axis=1)[real] > 0).all(), shape


def test_one_model_serves_all_scenes_of_a_ground_and_sky() -> None:
    assert stage.model("snow", "day") is stage.model("snow", "day")
    assert str(film.PIXELS) == "64x64x17"


def test_no_osmesa_is_one_clear_error() -> None:
    program = """
import ctypes, ctypes.util
load, find = ctypes.CDLL.__init__, ctypes.util.find_library
def refuse(self, name, *rest, **named):
    if "OSMesa" in str(name):
        raise OSError(name)
    load(self, name, *rest, **named)
ctypes.CDLL.__init__ = refuse
ctypes.util.find_library = lambda name: None if name == "OSMesa" else find(name)
try:
    import langit.worlds.film
except OSError as error:
    raise SystemExit(str(error))
"""
    given = {"MUJOCO_GL": "osmesa", "PATH": "/usr/bin:/bin"}
    run = subprocess.run([sys.executable, "-c", program], env=given, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert run.stderr.strip() == "OSMesa, which draws the worlds, cannot be loaded: apt-get install libosmesa6"


@pytest.mark.parametrize("backend", ["bogus", "off"])
def test_opengl_that_cannot_draw_is_one_clear_error(backend: str) -> None:
    program = "try:\n import langit.worlds.film\nexcept OSError as error:\n raise SystemExit(str(error))"
    given = {"MUJOCO_GL": backend, "PATH": "/usr/bin:/bin"}
    run = subprocess.run([sys.executable, "-c", program], env=given, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert run.stderr.startswith(f"MUJOCO_GL={backend} cannot draw here (")
    assert run.stderr.strip().endswith("set MUJOCO_GL=osmesa and install libosmesa6")
    assert run.stderr.count("\n") == 1


@pytest.mark.parametrize("error", [AttributeError, ImportError, RuntimeError, opengl.GLError])
def test_a_context_that_cannot_be_made_is_one_clear_error(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*size: int) -> None:
        raise error("no display")

    monkeypatch.setattr(easel.mujoco, "GLContext", refuse)
    with pytest.raises(OSError, match=r"cannot draw here \(.*no display.*\): set MUJOCO_GL=osmesa"):
        easel._context.__wrapped__()


def test_a_surface_that_cannot_be_made_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*given: object) -> None:
        raise mujoco.FatalError("gladLoadGL error")

    monkeypatch.setattr(mujoco, "MjrContext", refuse)
    with pytest.raises(OSError, match=r"cannot draw here \(gladLoadGL error\): set MUJOCO_GL=osmesa"):
        easel.Easel(stage.model("snow", "day"), 16, 24)


@pytest.mark.parametrize(("chosen", "card", "skipped"), [("", False, 1), ("", True, 0), ("osmesa", True, 1)])
def test_drawing_is_tested_wherever_it_can_be_done(
    chosen: str, card: bool, skipped: int, pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The choice of what is skipped follows the choice of what draws."""
    top = str(pytestconfig.rootpath / "tests" / "conftest.py")
    rules = next(one for one in pytestconfig.pluginmanager.get_plugins() if getattr(one, "__file__", None) == top)
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("MUJOCO_GL", raising=False)
    if chosen:
        monkeypatch.setenv("MUJOCO_GL", chosen)
    monkeypatch.setattr("ctypes.util.find_library", lambda name: None)
    monkeypatch.setattr(Path, "exists", lambda path: card and str(path) == "/dev/nvidia0")
    marks: list[pytest.MarkDecorator] = []
    item = SimpleNamespace(path="tests/worlds/x.py", get_closest_marker=lambda name: None, add_marker=marks.append)
    rules.pytest_collection_modifyitems([item])
    assert len(marks) == skipped
