"""The physics prompts: unseen combinations, simple views, both languages."""

from __future__ import annotations

import pytest

from langit.evaluate.physics.cases import DIRECTIONS, direction_cases, falling_cases, hiding_cases, hiding_scene
from langit.worlds import scene as first_world
from langit.worlds.behind import scene as hiding_world


def test_falling_cases_have_one_unseen_object_and_a_static_camera() -> None:
    cases = falling_cases(4)
    assert [case.seed for case in cases] == [0, 1, 2, 3]
    for case in cases:
        (thing,) = case.scene.things
        assert (case.scene.action, case.scene.camera) == ("falls", "static")
        assert first_world.is_held_out(thing.shape, thing.colour, "falls")
    assert "falls and bounces" in cases[0].text
    assert "jatuh dan memantul" in cases[1].text


@pytest.mark.parametrize("way", DIRECTIONS)
def test_the_mirrored_case_has_the_other_direction(way: str) -> None:
    for case in direction_cases(way, 2):
        there, back = (one.text for one in (case, case.mirrored))
        swap = {"left": "right", "right": "left", "kiri": "kanan", "kanan": "kiri"}
        assert there != back
        assert [swap.get(word.strip(","), word.strip(",")) for word in there.split()] == [
            word.strip(",") for word in back.split()
        ]
        assert case.mirrored.seed == case.seed


def test_hiding_cases_come_from_the_hiding_world() -> None:
    for case in hiding_cases(3):
        scene = hiding_scene(case)
        assert scene.camera == "static"
        assert hiding_world.is_held_out(scene.things[0], scene.things[1].shape)


def test_hiding_cases_shown_in_training_and_balls_behind_cubes() -> None:
    for case in hiding_cases(4, "shown there"):
        scene = hiding_scene(case)
        assert scene.camera == "static"
        assert not hiding_world.is_held_out(scene.things[0], scene.things[1].shape)
        assert scene.seed >= 1_000_000_000
    for case in hiding_cases(2, "a ball behind a cube"):
        assert [thing.shape for thing in case.scene.things] == ["ball", "cube"]
