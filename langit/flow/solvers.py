"""Solvers of dx/dt = v(x, t) from noise to data: plain functions of one step.

A solver takes the state, two levels and the field; it does not know what the field is or how many steps there are.
"""

from __future__ import annotations

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor

Field = Callable[[Tensor, float], Tensor]
Solver = Callable[[Tensor, float, float, Field], Tensor]


def euler(x: Float[Tensor, "n p"], level: float, after: float, field: Field) -> Float[Tensor, "n p"]:
    """One evaluation a step, first order."""
    return x + (after - level) * field(x, level)


def heun(x: Float[Tensor, "n p"], level: float, after: float, field: Field) -> Float[Tensor, "n p"]:
    """Two evaluations a step, second order: the mean of the slopes at both ends; the last step is Euler's."""
    first = field(x, level)
    guess = x + (after - level) * first
    if after <= 0:
        return guess
    return x + (after - level) * 0.5 * (first + field(guess, after))


SOLVERS: dict[str, Solver] = {"euler": euler, "heun": heun}


def solver(name: str) -> Solver:
    """The solver of that name.

    Raises:
        ValueError: there is none.
    """
    if name not in SOLVERS:
        raise ValueError(f"no solver is named {name!r}: use one of {', '.join(SOLVERS)}")
    return SOLVERS[name]
