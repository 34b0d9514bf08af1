"""Exact flow agrees with rendered films, and estimated flow with exact flow."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from langit.evaluate.abilities.motion import end_point_error, flow, flow_error, frozen_error, true_flow
from langit.shapes import PixelShape
from langit.worlds.film import Film, render
from langit.worlds.scene import Scene, Thing, sample_scene

FIRSTS = (0, 3, 6)
PIXELS = PixelShape(frames=9, height=48, width=64)


def scene(**changes: object) -> Scene:
    plain = {
        **vars(sample_scene(0)),
        "things": (Thing("cube", "red"),),
        "ground": "checkers",
        "sky": "day",
        "action": "right",
        "camera": "static",
        "side": "",
        "start": -0.3,
        "end": 0.3,
        "sweep": 0.0,
        "yaw": (0.0,),
        "vigour": 0.0,
    }
    return Scene(**{**plain, **changes})


@pytest.fixture(scope="module")
def moving() -> Film:
    return render(scene(), PIXELS, depth=True)


@pytest.mark.draws
def test_exact_flow_follows_an_object_and_leaves_the_ground(moving: Film) -> None:
    truth = true_flow(moving, FIRSTS)
    for number, frame in enumerate(FIRSTS):
        columns = [np.nonzero(moving.masks[at])[1].mean() for at in (frame, frame + 1)]
        across = float(truth.flow[number, 0][truth.things[number]].mean())
        assert across == pytest.approx(columns[1] - columns[0], rel=0.15)
        assert across > 2
        assert float(truth.flow[number].norm(dim=0)[truth.ground[number]].max()) < 1e-3
    assert not (truth.things & truth.ground).any()
    assert not (truth.things | truth.ground)[:, 0].any()  # the sky


@pytest.mark.draws
def test_exact_flow_of_the_ground_follows_the_camera() -> None:
    film = render(scene(camera="pan right", sweep=26.0, action="still"), PIXELS, depth=True)
    truth = true_flow(film, FIRSTS)
    assert float(truth.flow[:, 0][truth.ground].max()) < -1
    seen = flow(*(torch.from_numpy(film.frames[[at + step for at in FIRSTS]]) for step in (0, 1)))
    assert float(end_point_error(seen, truth).ground or 9) < 0.6 * float(frozen_error(truth).ground or 0)


@pytest.mark.draws
def test_real_frames_beat_frozen_ones_which_beat_reversed_ones(moving: Film) -> None:
    truth = true_flow(moving, FIRSTS)
    frames = torch.from_numpy(moving.frames)
    real, frozen = flow_error(frames, FIRSTS, truth), frozen_error(truth)
    backwards = flow_error(frames.flip(0), [len(frames) - 2 - at for at in FIRSTS], truth)
    mirrored = flow_error(frames.flip(2), FIRSTS, truth)
    assert real.things is not None and frozen.things is not None and backwards.things is not None
    assert mirrored.things is not None
    assert real.things < 0.5 * frozen.things
    assert frozen.things < 0.9 * backwards.things
    assert frozen.things <= mirrored.things + 0.1  # where the thing is not, the mirror image stands still
    assert flow_error(frames[:1].expand_as(frames), FIRSTS, truth).things == pytest.approx(frozen.things, abs=1e-3)


@pytest.mark.draws
def test_the_true_flow_itself_has_no_error(moving: Film) -> None:
    truth = true_flow(moving, FIRSTS)
    exact = end_point_error(truth.flow, truth)
    assert (exact.things, exact.ground) == (0.0, 0.0)


def test_flow_finds_a_shift_of_a_texture() -> None:
    texture = torch.nn.functional.interpolate(torch.rand(1, 3, 12, 14), size=(48, 56), mode="bicubic")
    texture = (texture.clamp(0, 1) * 255).to(torch.uint8).permute(0, 2, 3, 1)
    found = flow(texture[:, 4:40, 4:48], texture[:, 2:38, 1:45])
    middle = found[0, :, 8:-8, 8:-8].flatten(1).mean(dim=1)
    assert middle.tolist() == pytest.approx([3.0, 2.0], abs=0.2)


def test_absent_objects_have_no_error() -> None:
    from langit.evaluate.abilities.motion import TrueFlow

    nothing = torch.zeros(1, 8, 8, dtype=torch.bool)
    truth = TrueFlow(torch.zeros(1, 2, 8, 8), nothing, ~nothing)
    assert end_point_error(torch.ones(1, 2, 8, 8), truth).things is None
    assert end_point_error(torch.ones(1, 2, 8, 8), truth).ground == pytest.approx(2**0.5)
