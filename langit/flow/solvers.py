"""Solvers of dx/dt = v(x, t) from noise to data: functions that take one step, from one state to the next.

A solver takes a state, the next noise level and the velocity field. Everything that it remembers is in the state. It
does not know what the field is, how many steps there are, or the starting level: without a past, a multistep solver
takes a first step of lower order, so sampling can start at any level.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from langit.flow.reuse import ReuseMemory, VelocityField

SNR_FLOOR = 1e-6  # the least signal that UniPC counts with: the signal-to-noise ratio of level 1 has no logarithm


@dataclass(frozen=True)
class PastStep:
    """What a multistep solver remembers of one step."""

    level: float  # where the step started
    x: Float[Tensor, "n p"]
    value: Float[Tensor, "n p"]  # of the field there: the velocity (ab2) or the data prediction (unipc)


@dataclass(frozen=True)
class SolverState:
    """The state of one sampling run. ``past`` has the latest step last."""

    x: Float[Tensor, "n p"]
    level: float
    past: tuple[PastStep, ...] = ()
    memory: ReuseMemory | None = None  # of the velocity field


Solver = Callable[[SolverState, float, VelocityField], SolverState]


def euler(state: SolverState, after: float, field: VelocityField) -> SolverState:
    """Euler's method: one evaluation per step, first order."""
    slope, memory = field(state.x, state.level, state.memory)
    return SolverState(state.x + (after - state.level) * slope, after, memory=memory)


def heun(state: SolverState, after: float, field: VelocityField) -> SolverState:
    """Heun's method: two evaluations per step, second order. It averages the slopes at both ends.

    The last step is Euler's, because the model is not trained at level 0.
    """
    step = after - state.level
    first, memory = field(state.x, state.level, state.memory)
    guess = state.x + step * first
    if after <= 0:
        return SolverState(guess, after, memory=memory)
    second, memory = field(guess, after, memory)
    return SolverState(state.x + step * 0.5 * (first + second), after, memory=memory)


def midpoint(state: SolverState, after: float, field: VelocityField) -> SolverState:
    """The midpoint method: two evaluations per step, second order. It never evaluates level 0."""
    step = after - state.level
    first, memory = field(state.x, state.level, state.memory)
    slope, memory = field(state.x + 0.5 * step * first, state.level + 0.5 * step, memory)
    return SolverState(state.x + step * slope, after, memory=memory)


def ab2(state: SolverState, after: float, field: VelocityField) -> SolverState:
    """Adams-Bashforth of order 2 with variable steps: one evaluation per step. The first step is Euler's.

    Hairer, Norsett, Wanner: Solving Ordinary Differential Equations I, section III.5.
    """
    slope, memory = field(state.x, state.level, state.memory)
    step, along = after - state.level, slope
    if state.past:
        before = state.past[-1]
        along = slope + step / (2 * (state.level - before.level)) * (slope - before.value)
    return SolverState(state.x + step * along, after, (PastStep(state.level, state.x, slope),), memory)


def unipc(state: SolverState, after: float, field: VelocityField) -> SolverState:
    """UniPC of order 2, variant B2, on data predictions (arXiv 2302.04867): one evaluation per step.

    The evaluation at the end of a step corrects that step (UniC) before the next one is predicted (UniP). The first
    step and the step to level 0 are Euler's.
    """
    slope, memory = field(state.x, state.level, state.memory)
    data = state.x - state.level * slope  # x_t = (1 - t) data + t noise, so data = x_t - t v
    x = _correct(state, data) if state.past else state.x
    if state.past and after > 0:
        before = state.past[-1]
        gap, ratio = _gap(state.level, after), _gap(state.level, before.level) / _gap(state.level, after)
        bend = -math.expm1(-gap) * 0.5 / ratio * (before.value - data)
    else:
        bend = 0.0 * data
    ahead = after / state.level * x + (1 - after / state.level) * data + (1 - after) * bend
    return SolverState(ahead, after, (*state.past[-1:], PastStep(state.level, x, data)), memory)


def renoising(draw: Callable[[float], Tensor]) -> Solver:
    """The sampler of models that were distilled by distribution matching (DMD2, arXiv 2405.14867).

    Each step predicts the data and noises it again to the next level, with fresh noise from ``draw``, which is
    given the level.
    """

    def step(state: SolverState, after: float, field: VelocityField) -> SolverState:
        slope, memory = field(state.x, state.level, state.memory)
        data = state.x - state.level * slope
        return SolverState(data if after <= 0 else (1 - after) * data + after * draw(after), after, memory=memory)

    return step


def _correct(state: SolverState, data: Tensor) -> Tensor:
    """UniC: repeat the last step, now that the data prediction at its end is known (eq. 9 with B2(h) = e^h - 1)."""
    last = state.past[-1]
    gap = _gap(last.level, state.level)
    scale = -math.expm1(-gap)
    if len(state.past) == 1:
        bend = 0.5 * (data - last.value)
    else:
        earlier = state.past[-2]
        ratio = _gap(last.level, earlier.level) / gap
        first = _phi(gap, 1)
        second = _phi(gap, 2)
        weight = (first - second) / (1 - ratio)
        bend = weight * (earlier.value - last.value) / ratio + (first - weight) * (data - last.value)
    euler_step = state.level / last.level * last.x + (1 - state.level / last.level) * last.value
    return euler_step + (1 - state.level) * scale * bend


def _gap(level: float, after: float) -> float:
    """The step h in half log-SNR, log((1 - t) / t), from one level to another."""
    here, there = (max(1 - t, SNR_FLOOR) / t for t in (level, after))
    return math.log(there / here)


def _phi(gap: float, order: int) -> float:
    """Right-hand side 1 or 2 of UniPC's linear system for data prediction with B2, by the phi functions' recursion."""
    scale = math.expm1(-gap)
    value = scale / -gap - 1
    first = value / scale
    return first if order == 1 else (value / -gap - 0.5) * 2 / scale


SOLVERS: dict[str, Solver] = {"euler": euler, "heun": heun, "midpoint": midpoint, "ab2": ab2, "unipc": unipc}


def solver(name: str) -> Solver:
    """Look up a solver by name.

    Raises:
        ValueError: the name is unknown.
    """
    if name not in SOLVERS:
        raise ValueError(f"no solver is named {name!r}: use one of {', '.join(SOLVERS)}")
    return SOLVERS[name]
