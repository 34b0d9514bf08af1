"""Scenes: pure functions of a seed, with combinations that training never sees, and true mirror images."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langit.worlds import scene as scenes
from langit.worlds.scene import (
    ACTIONS,
    CAMERAS,
    COLOURS,
    GROUNDS,
    SHAPES,
    SKIES,
    is_held_out,
    mirror_scene,
    sample_scene,
)

SEEDS = range(1500)
KNOWN = {0: "48666ba8f973a936", 9: "63d0cb58a86f6ee1", 12345: "17b9b5f6ff5cfbb1"}


def test_a_seed_is_the_same_scene_on_every_machine() -> None:
    # of the world's first version: these may change only together with VERSION
    assert scenes.VERSION == "worlds-1"
    known = {seed: sample_scene(seed).sha256[:16] for seed in (0, 9, 12345)}
    assert known == KNOWN


def test_training_never_shows_a_held_out_combination() -> None:
    for seed in SEEDS:
        scene = sample_scene(seed)
        first = scene.things[0]
        held = is_held_out(first.shape, first.colour, scene.action)
        assert held == (seed % 10 == 9) == (scenes.split(seed) == "held-out")


def test_about_a_tenth_of_the_combinations_is_held_out_and_every_action_has_some() -> None:
    kinds = [action for action in ACTIONS if action != "right"]
    held = {action: len(scenes.combinations(action, "held-out")) for action in kinds}
    assert all(held.values())
    assert 0.05 < sum(held.values()) / (len(SHAPES) * len(COLOURS) * len(kinds)) < 0.15


def test_left_and_right_are_held_out_together() -> None:
    assert scenes.combinations("left", "held-out") == scenes.combinations("right", "held-out")


def test_everything_occurs_and_the_shares_are_as_meant() -> None:
    drawn = [sample_scene(seed) for seed in SEEDS]
    for attribute, names in (("ground", GROUNDS), ("sky", SKIES), ("action", ACTIONS), ("camera", CAMERAS)):
        assert {getattr(scene, attribute) for scene in drawn} == set(names)
    assert {thing.shape for scene in drawn for thing in scene.things} == set(SHAPES)
    assert {thing.colour for scene in drawn for thing in scene.things} == set(COLOURS)
    assert sum(len(scene.things) == 2 for scene in drawn) / len(drawn) == pytest.approx(0.25, abs=0.04)
    assert sum(scene.camera == "static" for scene in drawn) / len(drawn) == pytest.approx(0.30, abs=0.04)
    assert all(scene.things[0].colour != scene.things[1].colour for scene in drawn if len(scene.things) == 2)


@given(st.integers(0, 10**9))
def test_a_mirror_of_a_mirror_is_the_scene(seed: int) -> None:
    scene = sample_scene(seed)
    image = mirror_scene(scene)
    assert mirror_scene(image) == scene
    assert image.sha256 != scene.sha256
    swap = {"left": "right", "right": "left"}
    assert image.action == swap.get(scene.action, scene.action)
    assert image.camera.split()[-1] == swap.get(scene.camera.split()[-1], scene.camera.split()[-1])


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(ValueError, match="seed -1 is negative"):
        sample_scene(-1)
