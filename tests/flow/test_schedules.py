"""Schedules are to the bit those of diffusers' schedulers, and so are the samples that UniPC takes along them."""

from __future__ import annotations

import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, UniPCMultistepScheduler

from langit.flow.schedules import Schedule, euler_schedule, listed_schedule, unipc_schedule
from langit.flow.solvers import SolverState, renoising, unipc

SHIFTS, STEPS = (1, 3.0, 5, 8, 12), (1, 2, 3, 20, 40, 50)


def theirs(shift: float, steps: int) -> UniPCMultistepScheduler:
    scheduler = UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=shift)
    scheduler.set_timesteps(steps)
    return scheduler


@pytest.mark.parametrize("shift", SHIFTS)
@pytest.mark.parametrize("steps", STEPS)
def test_unipc_has_diffusers_levels_and_its_cut_timesteps(shift: float, steps: int) -> None:
    scheduler, found = theirs(shift, steps), unipc_schedule(steps, shift)
    assert list(found.levels) == scheduler.sigmas.tolist()
    assert list(found.told) == [timestep / 1000 for timestep in scheduler.timesteps.tolist()]


def test_the_cut_timesteps_are_those_on_record() -> None:
    assert [round(1000 * told) for told in unipc_schedule(40, 3.0).told[:3]] == [999, 991, 982]


@pytest.mark.parametrize("shift", SHIFTS)
@pytest.mark.parametrize("steps", STEPS)
def test_euler_has_diffusers_levels_and_keeps_fractions(shift: float, steps: int) -> None:
    scheduler = FlowMatchEulerDiscreteScheduler(shift=shift)
    scheduler.set_timesteps(steps)
    found = euler_schedule(steps, shift)
    assert found.levels == pytest.approx(scheduler.sigmas.tolist(), abs=5e-7)
    assert found.told == pytest.approx((scheduler.timesteps / 1000).tolist(), abs=5e-7)


@pytest.mark.parametrize("shift", SHIFTS)
def test_unipc_samples_as_diffusers_does(shift: float) -> None:
    weights = 0.3 * torch.randn(8, 8)
    scheduler, schedule = theirs(shift, 20), unipc_schedule(20, shift)
    start = torch.randn(4, 8)
    state, sample = SolverState(start, schedule.levels[0]), start[None]
    for level, after, timestep in zip(schedule.levels, schedule.levels[1:], scheduler.timesteps, strict=False):
        state = unipc(state, after, lambda x, at, memory: (torch.sin(x @ weights) * (1 + at), memory))
        velocity = torch.sin(sample @ weights) * (1 + level)
        sample = scheduler.step(velocity, timestep, sample, return_dict=False)[0]
    torch.testing.assert_close(state.x, sample[0], atol=5e-6, rtol=0)


def test_a_share_of_a_schedule_is_its_end() -> None:
    whole = unipc_schedule(10, 5.0)
    assert whole.tail(1.0) == whole
    assert whole.tail(0.6) == Schedule(whole.levels[4:], whole.told[4:])
    assert len(whole.tail(0.01).told) == 1


def test_what_the_model_hears_between_the_levels_is_the_level() -> None:
    schedule = unipc_schedule(4, 5.0)
    assert [schedule.level_for_model(level) for level in schedule.levels[:-1]] == list(schedule.told)
    assert schedule.level_for_model(0.123) == 0.123


def test_timesteps_of_distilled_models() -> None:
    assert listed_schedule((1000, 757, 522)).levels == pytest.approx((1, 0.757, 0.522, 0))
    lightx2v = listed_schedule((1000, 750, 500, 250), shift=5.0)
    assert lightx2v.levels == pytest.approx((1, 0.9375, 5 / 6, 0.625, 0))
    assert lightx2v.told == pytest.approx(lightx2v.levels[:-1])


@pytest.mark.parametrize("timesteps", [(), (1000, 1000), (500, 750), (1001,), (1000, 0), (1000, -5)])
def test_timesteps_that_do_not_fall(timesteps: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="do not fall"):
        listed_schedule(timesteps)


def test_renoising_ends_at_the_predicted_data_and_draws_once_for_each_other_step() -> None:
    data, drawn = torch.randn(3, 4), []
    draws = iter(torch.randn(5, 3, 4))
    step = renoising(lambda level: drawn.append(level) or next(draws))
    state = SolverState(torch.randn(3, 4), 1.0)
    for after in (0.757, 0.522, 0.0):
        state = step(state, after, lambda x, level, memory: ((x - data) / level, memory))
    torch.testing.assert_close(state.x, data)
    assert drawn == [0.757, 0.522]
