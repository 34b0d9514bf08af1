"""Object permanence: tracks for each possible failure."""

from __future__ import annotations

import torch

from langit.evaluate.judges.tracker import Detection, Segmentation
from langit.evaluate.physics.behind import judge_hiding, judge_tracks
from langit.worlds.behind.film import render
from langit.worlds.behind.scene import sample_scene
from langit.worlds.scene import COLOURS, SHAPES

BALL, CUBE = (1.0, 0.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0, 0.0)
HIDER = [Detection(0.5, 0.5, 0.4, 0.4, 0.16, CUBE)] * 17


def passing(places: list[float | None], after: tuple[float, ...] = BALL) -> list[Detection | None]:
    return [
        None if x is None else Detection(x, 0.5, 0.1, 0.1, 0.01, BALL if at < 8 else after)
        for at, x in enumerate(places)
    ]


def through(hidden: int = 4) -> list[float | None]:
    places: list[float | None] = [0.1 + 0.05 * at for at in range(17)]
    for at in range(8 - hidden // 2, 8 - hidden // 2 + hidden):
        places[at] = None
    return places


def test_a_complete_pass_is_whole_and_so_is_its_mirror_image() -> None:
    assert judge_tracks(passing(through()), HIDER, "right", "ball").whole
    back = [None if x is None else 1 - x for x in through()]
    assert judge_tracks(passing(back), HIDER, "left", "ball").whole
    assert not judge_tracks(passing(back), HIDER, "right", "ball").comes


def test_an_object_that_stays_hidden_or_turns_back_does_not_reappear() -> None:
    lost = [x if at < 8 else None for at, x in enumerate(through())]
    found = judge_tracks(passing(lost), HIDER, "right", "ball")
    assert found.comes
    assert not found.out
    back = [x if at < 8 else through()[16 - at] for at, x in enumerate(through())]
    assert not judge_tracks(passing(back), HIDER, "right", "ball").out


def test_an_object_that_passes_in_front_is_not_hidden() -> None:
    found = judge_tracks(passing(through(hidden=0)), HIDER, "right", "ball")
    assert found.out
    assert not found.hidden
    assert not found.whole


def test_another_shape_that_reappears_is_not_the_same() -> None:
    found = judge_tracks(passing(through(), after=CUBE), HIDER, "right", "ball")
    assert found.out
    assert not found.same
    assert not found.asked


def test_without_a_hider_nothing_is_hidden() -> None:
    assert not judge_tracks(passing(through()), [None] * 17, "right", "ball").whole
    gone = [spot if at < 9 else None for at, spot in enumerate(HIDER)]
    assert not judge_tracks(passing(through()), gone, "right", "ball").hider


def test_real_films_are_whole_by_their_masks() -> None:
    for seed in range(3):
        scene = sample_scene(seed)
        masks = torch.from_numpy(render(scene).masks.copy())
        colours, shapes = torch.zeros(17, 7, 64, 64), torch.zeros(17, 5, 64, 64)
        for index, thing in enumerate(scene.things, start=1):
            colours[:, COLOURS.index(thing.colour)] = (masks == index).float()
            shapes[:, SHAPES.index(thing.shape)] += (masks == index).float()
        sight = Segmentation(colours, shapes)
        assert judge_hiding([sight.track(thing.colour) for thing in scene.things], scene).whole
