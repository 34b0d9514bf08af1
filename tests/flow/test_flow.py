"""Rectified flow: solvers are exact on straight paths and have the order of accuracy that they claim."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from langit.flow.guidance import guided_velocity
from langit.flow.levels import LevelsConfig, draw_levels, sampling_levels, shift_for, shift_levels
from langit.flow.path import on_path, velocity
from langit.flow.reuse import ReuseMemory, Velocity, reuse_velocity
from langit.flow.solvers import SOLVERS, SolverState, solver


@given(st.floats(0, 1), st.floats(0.2, 12))
def test_a_shift_keeps_the_ends_and_has_an_inverse(level: float, shift: float) -> None:
    ends = shift_levels(torch.tensor([0.0, level, 1.0], dtype=torch.float64), shift)
    assert ends[0] == 0 and ends[2] == pytest.approx(1)
    assert 0 <= ends[1] <= 1
    back = shift_levels(ends, 1 / shift)
    assert back[1].item() == pytest.approx(level, abs=1e-9)


def test_the_path_leads_from_data_to_noise_and_back() -> None:
    data, noise = torch.randn(5, 7), torch.randn(5, 7)
    level = torch.tensor([0.0, 0.3, 0.5, 0.9, 1.0])
    x = on_path(data, noise, level)
    assert torch.equal(x[0], data[0]) and torch.equal(x[4], noise[4])
    assert torch.allclose(x - level[:, None] * velocity(data, noise), data, atol=1e-5)


def integrate(name: str, x: Tensor, levels: list[float], velocity: Velocity, reuse: float = 0.0) -> SolverState:
    """Integrate over a whole schedule."""
    state = SolverState(x, levels[0])
    for after in levels[1:]:
        state = solver(name)(state, after, reuse_velocity(velocity, reuse))
        assert state.level == after
    return state


@pytest.mark.parametrize("begin", [1.0, 0.6])
@pytest.mark.parametrize("name", SOLVERS)
def test_every_solver_is_exact_on_a_straight_path(name: str, begin: float) -> None:
    data, noise = torch.randn(4, 3), torch.randn(4, 3)
    levels = [level for level in sampling_levels(7, 80, LevelsConfig()).tolist() if level < begin]
    start = on_path(data, noise, torch.full((4,), begin))
    found = integrate(name, start, [begin, *levels], lambda _x, _t: velocity(data, noise)).x
    assert torch.allclose(found, data, atol=1e-5)


@pytest.mark.parametrize("shift", [1.0, 5.0])
@pytest.mark.parametrize(("begin", "end"), [(1.0, 0.2), (0.6, 0.1)])
@pytest.mark.parametrize(("name", "order"), [("euler", 1), ("heun", 2), ("midpoint", 2), ("ab2", 2), ("unipc", 2)])
def test_the_error_falls_with_the_order_of_the_solver(
    name: str, order: int, begin: float, end: float, shift: float
) -> None:
    """dx/dt = -x has a known solution; halving the step divides the error by at least 2 ** order."""

    def error(steps: int) -> float:
        levels = shift_levels(torch.linspace(1.0, 0.0, steps + 1, dtype=torch.float64), shift)
        levels = (end + (begin - end) * levels).tolist()
        x = integrate(name, torch.ones(1, 1, dtype=torch.float64), levels, lambda x, _t: -x).x
        return abs(x.item() - math.exp(begin - end))

    falls = error(40) / error(80)
    assert falls > (0.75 if name == "unipc" and begin == 1 else 0.85) * 2**order  # its first steps are near infinity
    if name != "unipc":  # whose corrector gains more than one order at some step lengths
        assert falls < 1.15 * 2**order


@pytest.mark.parametrize("name", ["ab2", "unipc"])
def test_a_multistep_solver_beats_euler_at_the_same_evaluations(name: str) -> None:
    """A field as a model of two data points learns it: the mean of the two as seen from x, on shifted levels."""
    data = torch.tensor([[-1.0], [1.5]], dtype=torch.float64)

    def velocity(x: Tensor, level: float) -> Tensor:
        weights = torch.softmax(-((x - (1 - level) * data.T) ** 2) / (2 * level**2 + 1e-12), dim=1)
        return (x - weights @ data) / max(level, 1e-9)

    noise = torch.linspace(-2, 2, 41, dtype=torch.float64)[:, None]
    truth = integrate("heun", noise, sampling_levels(300, 80, LevelsConfig()).tolist()[:-30], velocity)
    levels = [level for level in sampling_levels(14, 80, LevelsConfig()).tolist() if level > truth.level]
    errors = {
        one: (integrate(one, noise, [*levels, truth.level], velocity).x - truth.x).abs().mean()
        for one in (name, "euler")
    }
    assert errors[name] < 0.5 * errors["euler"]


def test_unipc_agrees_with_diffusers() -> None:
    """Take the same steps as diffusers' scheduler on a curved field."""
    diffusers = pytest.importorskip("diffusers")
    levels = [0.98, 0.9, 0.77, 0.6, 0.41, 0.2, 0.0]
    peer = diffusers.UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=1.0)
    peer.set_timesteps(len(levels) - 1)
    peer.sigmas = torch.tensor(levels)
    x = start = torch.randn(1, 5, generator=torch.Generator().manual_seed(0))

    def velocity(x: Tensor, level: float) -> Tensor:
        return torch.sin(3 * x) - level * x

    for level, time in zip(levels, peer.timesteps, strict=False):
        x = peer.step(velocity(x, level), time, x).prev_sample
    assert torch.allclose(integrate("unipc", start, levels, velocity).x, x, atol=1e-4)


class CountingField:
    """A slowly curving field that counts its evaluations."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, x: Tensor, level: float) -> Tensor:
        self.calls += 1
        return torch.sin(3 * level + x)


@pytest.mark.parametrize("name", SOLVERS)
def test_reuse_evaluates_less_often_and_ends_nearby(name: str) -> None:
    levels = sampling_levels(30, 80, LevelsConfig()).tolist()
    x = torch.randn(6, 2)
    every, few, fewer = CountingField(), CountingField(), CountingField()
    exact = integrate(name, x, levels, every)
    near = integrate(name, x, levels, few, 0.05)
    integrate(name, x, levels, fewer, 0.2)
    assert every.calls == {"heun": 59, "midpoint": 60}.get(name, 30)
    assert fewer.calls < few.calls < every.calls
    assert near.memory is not None and near.memory.evaluations == few.calls
    assert (near.x - exact.x).abs().max() < 0.05


def test_reuse_returns_the_last_velocity_until_the_predicted_change_adds_up() -> None:
    """Velocities of size 1 that change by 0.5 per unit of input: four steps of 0.1 add up to a change of 0.2."""
    evaluated: list[float] = []

    def velocity(x: Tensor, _level: float) -> Tensor:
        evaluated.append(round(x[0, 0].item(), 3))
        return 1 + 0.5 * x

    field = reuse_velocity(velocity, 0.2)
    memory: ReuseMemory | None = None
    for place in (-0.2, 0.0, 0.1, 0.2, 0.3, 0.45, 0.5):
        answer, memory = field(torch.full((2, 2), place), 0.5, memory)
        assert torch.equal(answer, torch.full((2, 2), 1 + 0.5 * evaluated[-1]))
    assert evaluated == [-0.2, 0.0, 0.45]


def test_reuse_measures_only_the_rows_that_count() -> None:
    def evaluations(counts: Tensor | None) -> int:
        count, memory = CountingField(), None
        for step in range(10):
            x = torch.tensor([[step / 200], [float(step**2)]])
            _, memory = reuse_velocity(count, 0.2, counts)(x, 0.5, memory)
        return count.calls

    assert evaluations(torch.tensor([True, False])) < evaluations(None)


def test_levels_follow_the_shift_and_the_token_count() -> None:
    config = LevelsConfig(shift=3.0, base_tokens=80, uniform_share=0.0)
    assert shift_for(320, config) == pytest.approx(6.0)
    assert shift_for(1, config) == 1.0
    small = draw_levels((80,) * 4000, config, torch.Generator().manual_seed(1))
    large = draw_levels((320,) * 4000, config, torch.Generator().manual_seed(1))
    assert small.median().item() == pytest.approx(0.75, abs=0.02)  # logit-normal median 1/2, shifted by 3
    assert large.median().item() == pytest.approx(6 / 7, abs=0.02)
    assert small.min() > 0 and large.max() < 1
    levels = sampling_levels(8, 80, config)
    assert len(levels) == 9 and levels[0] == 1 and levels[-1] == 0 and (levels.diff() < 0).all()


def test_uniform_levels_reach_the_ends() -> None:
    some = draw_levels((1,) * 4000, LevelsConfig(shift=1.0, uniform_share=1.0), torch.Generator().manual_seed(1))
    assert (some > 0.95).float().mean().item() == pytest.approx(0.05, abs=0.015)


def test_guidance_scale_one_is_the_conditional_velocity() -> None:
    a, b = torch.randn(3, 2), torch.randn(3, 2)
    assert torch.allclose(guided_velocity(a, b, 1.0), a, atol=1e-6)
    assert torch.allclose(guided_velocity(a, b, 0.0), b)
    assert torch.allclose(guided_velocity(a, b, 3.0), a + 2 * (a - b), atol=1e-5)


def test_errors_name_the_bad_setting() -> None:
    with pytest.raises(ValueError, match="0 steps"):
        sampling_levels(0, 80, LevelsConfig())
    with pytest.raises(AssertionError, match="not in"):
        sampling_levels(6, 80, LevelsConfig(), 0.0)
    with pytest.raises(ValueError, match="'rk4'.*euler"):
        solver("rk4")
    with pytest.raises(ValueError, match="shift -1"):
        LevelsConfig(shift=-1.0)


@given(st.integers(1, 60), st.floats(0.01, 1.0), st.integers(1, 2000))
def test_a_partial_schedule_starts_at_the_given_level(steps, start, tokens):
    config = LevelsConfig()
    whole, part = sampling_levels(steps, tokens, config), sampling_levels(steps, tokens, config, start)
    flat = shift_levels(part, 1 / shift_for(tokens, config))
    assert flat[0].item() == pytest.approx(start, abs=1e-5) and flat[-1] == 0
    assert torch.all(part.diff() < 0) and 2 <= len(part) <= len(whole)
    long = -flat.double().diff()  # all but the last are as long as the full schedule's
    assert torch.allclose(long[:-1], torch.full_like(long[:-1], 1 / steps), atol=1e-4)
    assert long[-1] <= 1 / steps + 2e-3


def test_a_start_of_one_is_the_full_schedule():
    assert torch.equal(sampling_levels(6, 80, LevelsConfig()), sampling_levels(6, 80, LevelsConfig(), 1.0))
    assert (
        len(sampling_levels(12, 80, LevelsConfig(), 5 / 12)) == 6
        and len(sampling_levels(6, 80, LevelsConfig(), 0.4)) == 4
    )
