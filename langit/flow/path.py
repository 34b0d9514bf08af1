"""The straight path between data and noise (rectified flow, arXiv 2209.03003).

The noise level t goes from 0 (data) to 1 (noise). The training target is the path's constant velocity.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor


def on_path(
    data: Float[Tensor, "n p"], noise: Float[Tensor, "n p"], level: Float[Tensor, " n"]
) -> Float[Tensor, "n p"]:
    """The point x_t = (1 - t) data + t noise."""
    t = level[:, None]
    return (1 - t) * data + t * noise


def velocity(data: Float[Tensor, "n p"], noise: Float[Tensor, "n p"]) -> Float[Tensor, "n p"]:
    """The velocity dx_t / dt = noise - data, the same at every level."""
    return noise - data
