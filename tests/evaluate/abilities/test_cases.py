"""Test cases of abilities: changes of one attribute, regions of objects, and their centres."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from evaluate.tried import quiet

from langit.evaluate.abilities import sizes
from langit.evaluate.abilities.cases import (
    CHANGED,
    FIRST_SEED,
    cases,
    change_attribute,
    film_frames,
    mean_displacement,
    object_centres,
    object_region,
    recolour,
    spread_frames,
)
from langit.evaluate.judges.probe import load_probe
from langit.evaluate.judges.truth import truth_of
from langit.shapes import PixelShape
from langit.worlds.caption import canonical
from langit.worlds.film import render
from langit.worlds.scene import sample_scene, split

SCENES = [sample_scene(FIRST_SEED + 10 * number) for number in range(60)]


def test_films_were_never_trained_on() -> None:
    assert all(split(scene.seed) == "held-out" for scene in SCENES)


def test_a_change_changes_one_attribute_in_truth_and_caption() -> None:
    for number, scene in enumerate(SCENES):
        truth, asked = truth_of(scene), change_attribute(scene, number)
        assert asked.attribute == CHANGED[number % 3]
        assert asked.name != truth.named[asked.attribute]
        assert asked.change_truth(truth).named == truth.named | {asked.attribute: asked.name}
        assert asked.prompt != canonical(scene)
    assert len({change_attribute(scene, number).name for number, scene in enumerate(SCENES)}) > 8


def test_a_new_colour_differs_from_that_of_the_other_object() -> None:
    for number, scene in enumerate(SCENES):
        assert recolour(scene, number).name not in [thing.colour for thing in scene.things]


@pytest.mark.draws
def test_a_region_contains_the_object_in_every_frame_and_never_the_whole_picture() -> None:
    for scene in SCENES[:3]:
        film = render(scene, PixelShape(frames=5, height=32, width=48))
        where = object_region(film).numpy()
        colour = truth_of(scene).named["colour"]
        thing = film.masks == 1 + [each.colour for each in scene.things].index(colour)
        assert not (thing & ~where)[:, 2:-2, 2:-2].any()
        assert not where.all()


def test_spread_frames_include_the_first_and_the_last() -> None:
    frames = torch.arange(33, dtype=torch.uint8).view(33, 1, 1, 1).expand(33, 2, 2, 3)
    assert spread_frames(frames, 17)[:, 0, 0, 0].tolist() == list(range(0, 33, 2))
    assert spread_frames(frames[:1], 5)[:, 0, 0, 0].tolist() == [0] * 5
    assert spread_frames(frames[:17], 17).equal(frames[:17])


@pytest.mark.draws
def test_object_centres_match_the_film() -> None:
    probe = load_probe()
    number = next(at for at, scene in enumerate(SCENES) if len(scene.things) == 1 and scene.action == "right")
    film = render(SCENES[number], PixelShape(frames=17, height=64, width=64))
    found = object_centres(probe, film_frames(film))
    assert len(found) == 8
    for moment, place in enumerate(found):
        rows, columns = np.nonzero(film.masks[2 * moment + 1])
        assert place is not None
        assert place == pytest.approx(((columns.mean() + 0.5) / 64, (rows.mean() + 0.5) / 64), abs=0.06)
    frames = film_frames(film)
    assert mean_displacement(probe, frames, frames) == 0.0
    mirrored = mean_displacement(probe, frames, frames.flip(2))
    assert mirrored is not None and mirrored > 0.15


@pytest.mark.draws
def test_a_case_has_both_films_of_a_scene() -> None:
    [one] = cases(1, render, PixelShape(5, 32, 32), quiet)
    assert (one.short.pixels.frames, one.long.pixels.frames) == (5, 9)
    assert one.caption == canonical(SCENES[0])
    assert (one.short.frames[0] == one.long.frames[0]).mean() > 0.9


def test_a_duration_is_judged_by_the_probe_of_its_length(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def judge(probe: SimpleNamespace, videos: list[torch.Tensor]) -> list[None]:
        asked.append((probe.config.frames, len(videos[0])))
        raise InterruptedError

    monkeypatch.setattr(sizes, "judge", judge)
    probes = [SimpleNamespace(config=SimpleNamespace(frames=frames)) for frames in (17, 33)]
    for frames in (17, 33, 9, 1):
        with pytest.raises(InterruptedError):
            sizes._rates([], [torch.zeros(frames, 8, 8, 3, dtype=torch.uint8)], probes, frames)
    assert asked == [(17, 17), (33, 33), (17, 17), (17, 17)]
