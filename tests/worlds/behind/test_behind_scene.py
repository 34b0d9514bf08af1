"""Scenes of the hiding world: who passes, who hides, and what no training film shows."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langit.worlds import scene as first_world
from langit.worlds.behind.scene import HIDERS, VERSION, combinations, is_held_out, sample_scene
from langit.worlds.caption import canonical, captions, prompts
from langit.worlds.scene import mirror_scene, split
from langit.worlds.wording import WORDINGS
from langit.worlds.world import find_world


@given(st.integers(0, 10**9))
def test_a_scene_is_a_function_of_its_seed_and_keeps_to_its_split(seed: int) -> None:
    scene = sample_scene(seed)
    first, hider = scene.things
    assert scene == sample_scene(seed)
    assert hider.shape in HIDERS
    assert hider.colour != first.colour
    assert is_held_out(first, hider.shape) == (split(seed) == "held-out")
    assert (scene.end > 0) == (scene.comes_out == "right") == (scene.start < 0)
    assert scene.camera in ("static", f"pan {scene.comes_out}")


def test_what_the_first_world_never_shows_moving_passes_behind_nothing_in_training() -> None:
    assert len(combinations("train")) + len(combinations("held-out")) == 5 * 7 * 3
    assert len(combinations("held-out")) >= 8
    assert not any(first_world.is_held_out(one.shape, one.colour, "left") for one, _ in combinations("train"))


def test_the_mirror_image_comes_out_on_the_other_side() -> None:
    scene = sample_scene(4)
    image = mirror_scene(scene)
    assert type(image) is type(scene)
    assert {scene.side, image.side} == {"left", "right"}
    assert mirror_scene(image) == scene


def test_the_canonical_form_names_the_world() -> None:
    assert sample_scene(3).canonical.endswith(
        f'"world":"{VERSION}","yaw":{list(sample_scene(3).yaw)}}}'.replace(" ", "")
    )
    assert sample_scene(3).sha256 != first_world.sample_scene(3).sha256


@given(st.integers(0, 10**6), st.booleans())
def test_a_caption_says_what_hides_what_and_on_which_side_it_comes_out(seed: int, flipped: bool) -> None:
    scene = mirror_scene(sample_scene(seed)) if flipped else sample_scene(seed)
    opposite = {"left": "right", "right": "left"}
    for place, text in enumerate(captions(scene, 6)):
        table, said = WORDINGS[("en", "id")[place % 2]], text.lower()
        coming, going = (f" {table.ways[way]}" for way in (scene.side, opposite[scene.side]))
        assert going in said or f"{('from the', 'dari')[place % 2]}{coming}" in said
        assert coming not in said or re.search(f"(from the|dari){coming}", said)
        for thing in scene.things:
            assert any(word in said for word in table.shapes[thing.shape])
            assert any(word in said for word in table.colours[thing.colour])
        assert not re.search(r"[{}]|  ", text)


def test_the_canonical_sentence() -> None:
    scene = next(s for s in map(sample_scene, range(1000)) if s.things[0].shape == "ball" and s.side == "left")
    colour, hider = scene.things[0].colour, scene.things[1]
    assert re.match(
        rf"an? {colour} ball rolls behind an? {hider.colour} {hider.shape} and comes out again on the right",
        canonical(scene),
    )
    assert "ke belakang" in canonical(scene, "id")


def test_prompts_are_of_unseen_combinations() -> None:
    made = find_world(VERSION).prompts("held-out", 3)
    assert [prompt.scene for prompt in made] == [p.scene for p in prompts("held-out", 3, sample=sample_scene)]
    assert all(is_held_out(p.scene.things[0], p.scene.things[1].shape) for p in made)


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(ValueError, match="seed -1 is negative"):
        sample_scene(-1)
