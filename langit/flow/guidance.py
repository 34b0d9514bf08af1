"""Classifier-free guidance (arXiv 2207.12598), as a sum: what the text adds is added again."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor


def guided(with_text: Float[Tensor, "n p"], without: Float[Tensor, "n p"], scale: float) -> Float[Tensor, "n p"]:
    """without + scale (with_text - without); scale 1 is the model's own answer."""
    return without + scale * (with_text - without)
