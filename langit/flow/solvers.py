"""Solvers of dx/dt = v(x, t) from noise to data: plain functions of one step, from one state to the next.

A solver takes a state, the level to go to and the field. All that it remembers is in the state. It does not know what
the field is, how many steps there are or where the walk began: without a past, a multistep solver takes a first step of
lower order, so a walk may begin at any level.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from langit.flow.reuse import Field, Memory

SOME_SIGNAL = 1e-6  # that UniPC adds, because the signal to noise of level 1 has no logarithm


@dataclass(frozen=True)
class Past:
    """What a step leaves to the next ones: where it began, and what the solver keeps of the field's answer there."""

    level: float
    x: Float[Tensor, "n p"]
    kept: Float[Tensor, "n p"]


@dataclass(frozen=True)
class State:
    """Where a walk is. ``past`` has the latest step last."""

    x: Float[Tensor, "n p"]
    level: float
    past: tuple[Past, ...] = ()
    memory: Memory | None = None  # the field's


Solver = Callable[[State, float, Field], State]


def euler(state: State, after: float, field: Field) -> State:
    """One evaluation a step, first order."""
    slope, memory = field(state.x, state.level, state.memory)
    return State(state.x + (after - state.level) * slope, after, memory=memory)


def heun(state: State, after: float, field: Field) -> State:
    """Two evaluations a step, second order: the mean of the slopes at both ends; the last step is Euler's."""
    step = after - state.level
    first, memory = field(state.x, state.level, state.memory)
    guess = state.x + step * first
    if after <= 0:
        return State(guess, after, memory=memory)
    second, memory = field(guess, after, memory)
    return State(state.x + step * 0.5 * (first + second), after, memory=memory)


def midpoint(state: State, after: float, field: Field) -> State:
    """Two evaluations a step, second order: the slope in the middle. Level 0 is never asked about."""
    step = after - state.level
    first, memory = field(state.x, state.level, state.memory)
    slope, memory = field(state.x + 0.5 * step * first, state.level + 0.5 * step, memory)
    return State(state.x + step * slope, after, memory=memory)


def ab2(state: State, after: float, field: Field) -> State:
    """One evaluation a step, second order: Adams and Bashforth's, with steps of any length (Hairer, Norsett, Wanner,
    Solving Ordinary Differential Equations I, III.5). The first step is Euler's."""
    slope, memory = field(state.x, state.level, state.memory)
    step, along = after - state.level, slope
    if state.past:
        before = state.past[-1]
        along = slope + step / (2 * (state.level - before.level)) * (slope - before.kept)
    return State(state.x + step * along, after, (Past(state.level, state.x, slope),), memory)


def unipc(state: State, after: float, field: Field) -> State:
    """One evaluation a step: UniPC of order 2, variant B2, on the data that the field points at (arXiv 2302.04867).

    The evaluation at the end of a step corrects that step (UniC) before the next one begins (UniP). The first step and
    the one to level 0 are Euler's.
    """
    slope, memory = field(state.x, state.level, state.memory)
    data = state.x - state.level * slope
    x = _corrected(state, data) if state.past else state.x
    if state.past and after > 0:
        before = state.past[-1]
        gap, ratio = _gap(state.level, after), _gap(state.level, before.level) / _gap(state.level, after)
        bend = -math.expm1(-gap) * 0.5 / ratio * (before.kept - data)
    else:
        bend = 0.0 * data
    ahead = after / state.level * x + (1 - after / state.level) * data + (1 - after) * bend
    return State(ahead, after, (*state.past[-1:], Past(state.level, x, data)), memory)


def _corrected(state: State, data: Tensor) -> Tensor:
    """UniC: the end of the last step again, now that the field's answer there is known (eq. 9 with B2(h) = e^h - 1)."""
    last = state.past[-1]
    gap = _gap(last.level, state.level)
    scale = -math.expm1(-gap)
    if len(state.past) == 1:
        bend = 0.5 * (data - last.kept)
    else:
        earlier = state.past[-2]
        ratio = _gap(last.level, earlier.level) / gap
        first = _phi(gap, 1)
        second = _phi(gap, 2)
        weight = (first - second) / (1 - ratio)
        bend = weight * (earlier.kept - last.kept) / ratio + (first - weight) * (data - last.kept)
    euler_step = state.level / last.level * last.x + (1 - state.level / last.level) * last.kept
    return euler_step + (1 - state.level) * scale * bend


def _gap(level: float, after: float) -> float:
    """How much the logarithm of signal to noise, log((1 - t) / t), grows from a level to another."""
    here, there = ((1 - t + SOME_SIGNAL) / t for t in (level, after))
    return math.log(there / here)


def _phi(gap: float, order: int) -> float:
    """Right-hand side 1 or 2 of UniPC's equations on data with B2, by the recursion of its phi functions."""
    scale = math.expm1(-gap)
    value = scale / -gap - 1
    first = value / scale
    return first if order == 1 else (value / -gap - 0.5) * 2 / scale


SOLVERS: dict[str, Solver] = {"euler": euler, "heun": heun, "midpoint": midpoint, "ab2": ab2, "unipc": unipc}


def solver(name: str) -> Solver:
    """The solver of that name.

    Raises:
        ValueError: there is none.
    """
    if name not in SOLVERS:
        raise ValueError(f"no solver is named {name!r}: use one of {', '.join(SOLVERS)}")
    return SOLVERS[name]
