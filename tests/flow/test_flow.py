"""The mathematics of the flow: exact on straight paths, and of the order that the solvers claim."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from langit.flow.guidance import guided
from langit.flow.levels import LevelsConfig, draw_levels, shift_for, shifted, walk
from langit.flow.path import data_from, on_path, velocity
from langit.flow.solvers import SOLVERS, solver


@given(st.floats(0, 1), st.floats(0.2, 12))
def test_a_shift_keeps_the_ends_and_the_order(level: float, shift: float) -> None:
    ends = shifted(torch.tensor([0.0, level, 1.0], dtype=torch.float64), shift)
    assert ends[0] == 0 and ends[2] == pytest.approx(1)
    assert 0 <= ends[1] <= 1
    back = shifted(ends, 1 / shift)
    assert back[1].item() == pytest.approx(level, abs=1e-9)


def test_the_path_leads_from_data_to_noise_and_back() -> None:
    data, noise = torch.randn(5, 7), torch.randn(5, 7)
    level = torch.tensor([0.0, 0.3, 0.5, 0.9, 1.0])
    x = on_path(data, noise, level)
    assert torch.equal(x[0], data[0]) and torch.equal(x[4], noise[4])
    assert torch.allclose(data_from(x, velocity(data, noise), level), data, atol=1e-5)


@pytest.mark.parametrize("name", SOLVERS)
def test_every_solver_is_exact_on_a_straight_path(name: str) -> None:
    data, noise = torch.randn(4, 3), torch.randn(4, 3)
    levels = walk(3, 80, LevelsConfig()).tolist()
    x = noise
    for level, after in zip(levels[:-1], levels[1:], strict=True):
        x = solver(name)(x, level, after, lambda _x, _t: velocity(data, noise))
    assert torch.allclose(x, data, atol=1e-5)


@pytest.mark.parametrize(("name", "order"), [("euler", 1), ("heun", 2)])
def test_the_error_falls_with_the_order_of_the_solver(name: str, order: int) -> None:
    """dx/dt = x from t=1 to t=0.2 has a known answer; halving the step divides the error by 2 ** order."""

    def error(steps: int) -> float:
        levels = torch.linspace(1.0, 0.2, steps + 1, dtype=torch.float64).tolist()
        x = torch.ones(1, 1, dtype=torch.float64)
        for level, after in zip(levels[:-1], levels[1:], strict=True):
            x = solver(name)(x, level, after, lambda x, _t: x)
        return abs(x.item() - math.exp(-0.8))

    assert error(20) / error(40) == pytest.approx(2**order, rel=0.1)


def test_levels_follow_the_shift_and_the_token_count() -> None:
    config = LevelsConfig(shift=3.0, base_tokens=80, uniform_share=0.0)
    assert shift_for(320, config) == pytest.approx(6.0)
    assert shift_for(1, config) == 1.0
    small = draw_levels((80,) * 4000, config, torch.Generator().manual_seed(1))
    large = draw_levels((320,) * 4000, config, torch.Generator().manual_seed(1))
    assert small.median().item() == pytest.approx(0.75, abs=0.02)  # logit-normal median 1/2, shifted by 3
    assert large.median().item() == pytest.approx(6 / 7, abs=0.02)
    assert small.min() > 0 and large.max() < 1
    levels = walk(8, 80, config)
    assert len(levels) == 9 and levels[0] == 1 and levels[-1] == 0 and (levels.diff() < 0).all()


def test_a_share_of_uniform_levels_reaches_the_ends() -> None:
    some = draw_levels((1,) * 4000, LevelsConfig(shift=1.0, uniform_share=1.0), torch.Generator().manual_seed(1))
    assert (some > 0.95).float().mean().item() == pytest.approx(0.05, abs=0.015)


def test_guidance_of_one_is_the_model_itself() -> None:
    a, b = torch.randn(3, 2), torch.randn(3, 2)
    assert torch.allclose(guided(a, b, 1.0), a, atol=1e-6)
    assert torch.allclose(guided(a, b, 0.0), b)
    assert torch.allclose(guided(a, b, 3.0), a + 2 * (a - b), atol=1e-5)


def test_bad_settings_are_named() -> None:
    with pytest.raises(ValueError, match="0 steps"):
        walk(0, 80, LevelsConfig())
    with pytest.raises(ValueError, match="'rk4'.*euler"):
        solver("rk4")
    with pytest.raises(ValueError, match="shift -1"):
        LevelsConfig(shift=-1.0)
