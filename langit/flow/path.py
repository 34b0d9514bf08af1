"""The straight path between data and noise (rectified flow, arXiv 2209.03003).

Noise level t runs from 0 (data) to 1 (noise); the target is the path's constant velocity.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor


def on_path(
    data: Float[Tensor, "n p"], noise: Float[Tensor, "n p"], level: Float[Tensor, " n"]
) -> Float[Tensor, "n p"]:
    """x_t = (1 - t) data + t noise."""
    t = level[:, None]
    return (1 - t) * data + t * noise


def velocity(data: Float[Tensor, "n p"], noise: Float[Tensor, "n p"]) -> Float[Tensor, "n p"]:
    """dx_t / dt = noise - data."""
    return noise - data


def data_from(x: Float[Tensor, "n p"], v: Float[Tensor, "n p"], level: Float[Tensor, " n"]) -> Float[Tensor, "n p"]:
    """The data that the velocity points at from x_t: x_t - t v."""
    return x - level[:, None] * v
