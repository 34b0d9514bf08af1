"""Films of the second world: the same each time, with true masks, and figures that move as the scene says."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from langit.shapes import PixelShape
from langit.worlds.story import carriage, puppy, stage
from langit.worlds.story.film import StoryFilm, mirror, render
from langit.worlds.story.scene import KINDS, StoryScene, mirror_scene, sample_scene
from langit.worlds.story.style import apply_style

SMALL = PixelShape(frames=9, height=32, width=32)


@cache
def scene(kind: str, action: str = "", ground: str = "") -> StoryScene:
    """The first plain scene in dry daylight of this kind, action and ground that a still camera sees."""
    for seed in range(20_000):
        found = sample_scene(seed)
        plain = (found.style, found.weather, found.sky, found.camera) == ("plain", "dry", "day", "static")
        if plain and found.kind == kind and action in ("", found.action) and ground in ("", found.ground):
            return found
    raise AssertionError((kind, action, ground))


@cache
def film(kind: str, action: str = "") -> StoryFilm:
    return render(scene(kind, action), SMALL)


@pytest.mark.parametrize("kind", KINDS)
def test_a_film_is_the_same_each_time_whatever_was_drawn_before(kind: str) -> None:
    first = film(kind)
    render(replace(scene("puppies"), seed=77), PixelShape(3, 16, 16))
    again = render(scene(kind), SMALL)
    assert again.pixel_sha256 == first.pixel_sha256
    assert again.motion_sha256 == first.motion_sha256
    assert np.array_equal(again.masks, first.masks)


@pytest.mark.parametrize("kind", KINDS)
def test_a_mirrored_scene_is_its_film_flipped(kind: str) -> None:
    flipped = render(mirror_scene(scene(kind)), SMALL)
    assert np.array_equal(flipped.frames, film(kind).frames[:, :, ::-1])
    assert np.array_equal(mirror(flipped).masks, film(kind).masks)
    assert mirror(flipped).scene == scene(kind)


@pytest.mark.parametrize(("kind", "action"), [("puppies", "left"), ("puppies", "right"), ("traveller", "right")])
def test_who_moves_to_a_side_is_seen_to_move_there(kind: str, action: str) -> None:
    masks = film(kind, action).masks == 1
    across = [np.nonzero(mask)[1].mean() for mask in (masks[0], masks[-1])]
    assert (across[1] > across[0]) == (action == "right")
    assert abs(across[1] - across[0]) > 8


def test_a_traveller_grows_who_comes_and_shrinks_who_goes() -> None:
    for action, sign in (("towards", 1), ("away", -1)):
        sizes = (film("traveller", action).masks == 1).sum(axis=(1, 2))
        assert sign * (int(sizes[-1]) - int(sizes[0])) > 0.3 * sizes.max()


def test_a_puppy_that_jumps_leaves_the_ground_and_comes_back() -> None:
    heights = [puppy.pose("jumps", k / 8, 0.0, 1.2, 0.0).place[2] for k in range(24)]
    assert max(heights) > puppy.STAND + 0.3 and min(heights) > 0.3


def test_figures_fill_much_of_the_picture() -> None:
    for kind in ("puppies", "traveller"):
        rows = np.nonzero((film(kind).masks > 0).any(axis=(0, 2)))[0]
        assert (rows[-1] - rows[0] + 1) / SMALL.height > 0.4


def test_outside_the_window_things_pass_and_the_reflection_stays() -> None:
    made = film("window")
    assert (made.masks == 1).any(axis=(1, 2)).all() and (made.masks == 2).any(axis=(1, 2)).all()
    assert np.array_equal(made.masks[0] == 1, made.masks[-1] == 1)
    assert not np.array_equal(made.masks[0] == 2, made.masks[-1] == 2)
    travelled = made.positions[-1, 0, 0]
    assert (travelled > 0) == (scene("window").action == "right")


def test_a_journey_has_no_end() -> None:
    for row in carriage.ROWS:
        places = [carriage.wrap(x, row.length) for x in np.linspace(-500, 500, 301)]
        assert max(map(abs, places)) <= row.length / 2
        assert row.length / 2 > 12  # beyond what is seen, so nothing appears in the picture


def test_an_image_is_the_middle_of_a_film() -> None:
    image = render(scene("traveller", "right"), PixelShape(1, 32, 32))
    whole = render(scene("traveller", "right"), PixelShape(17, 32, 32))
    assert np.array_equal(image.frames[0], whole.frames[8])


@pytest.mark.parametrize("style", ["35 mm film", "black and white"])
def test_a_style_changes_pixels_and_nothing_else(style: str) -> None:
    made = render(replace(scene("traveller", "right"), style=style), SMALL)
    plain = film("traveller", "right")
    assert np.array_equal(made.frames, apply_style(plain.frames, style, scene("traveller", "right").seed))
    assert not np.array_equal(made.frames, plain.frames) and np.array_equal(made.masks, plain.masks)
    if style == "black and white":
        assert (made.frames == made.frames[..., :1]).all()


def test_grain_is_of_the_seed_and_of_the_frame() -> None:
    grey = np.full((4, 8, 8, 3), 128, np.uint8)
    one = apply_style(grey, "35 mm film", 1)
    assert np.array_equal(one, apply_style(grey, "35 mm film", 1))
    assert np.array_equal(one[2:], apply_style(grey[2:], "35 mm film", 1, first=2))
    assert not np.array_equal(one[0], one[1]) and not np.array_equal(one, apply_style(grey, "35 mm film", 2))
    assert one[..., 0].mean() > one[..., 2].mean()  # warm


def test_a_handheld_camera_moves_and_a_still_one_does_not() -> None:
    shaken = render(replace(scene("puppies", "sits"), style="handheld"), SMALL)
    assert np.ptp(shaken.camera, axis=0).max() > 0.02
    assert np.ptp(film("puppies", "sits").camera, axis=0).max() == 0


def test_every_stage_holds_all_its_things() -> None:
    for key in (("window", "suburbs", "night"), ("puppies", "grass", "rain")):
        made = stage.model(*key)
        assert made.ngeom < stage.GEOMS and set(stage.mask_values(made)) == {0, 1, 2}
