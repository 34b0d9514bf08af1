"""Classifier-free guidance (arXiv 2207.12598): extrapolate from the unconditional velocity past the conditional one."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor


def guided_velocity(
    with_text: Float[Tensor, "n p"], without: Float[Tensor, "n p"], scale: float
) -> Float[Tensor, "n p"]:
    """without + scale (with_text - without). Scale 1 is the conditional velocity, without guidance."""
    return without + scale * (with_text - without)
