"""The spacetime coordinates of tokens, and the 3-D rotary embedding of these coordinates.

Coordinates are counted in patches and may be fractions (a lower frame rate, a finer grid). Knows nothing of attention.
Rotary embedding: RoFormer, Su et al. 2021 (arXiv 2104.09864), eq. 15; split over (time, row, column) as Wan does.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from langit.device import CPU
from langit.shapes import TokenGrid

THETA = 10000.0


def positions(grid: TokenGrid, device: torch.device = CPU.device) -> Float[Tensor, "N 3"]:
    """(frame, row, column) of every token of a grid, in the order of :func:`~langit.patches.patchify`."""
    frames, rows, columns = (
        torch.arange(side, dtype=torch.float32, device=device) for side in (grid.frames, grid.height, grid.width)
    )
    return torch.cartesian_prod(frames, rows, columns).reshape(grid.count, 3)


def rotary(
    places: Float[Tensor, "N 3"], head_dim: int, theta: float = THETA
) -> tuple[Float[Tensor, "N half"], Float[Tensor, "N half"]]:
    """Cosines and sines of the angles that rotate the ``head_dim / 2`` pairs of a head, time first.

    Rows and columns get ``head_dim // 6`` pairs each, time the rest, as in Wan. Angles are computed in double
    precision, where the device has it.
    """
    assert head_dim % 2 == 0, f"head_dim {head_dim} is odd"
    space = 2 * (head_dim // 6)
    exact = torch.float32 if places.device.type == "mps" else torch.float64  # MPS has no double precision
    cosines, sines = [], []
    for axis, width in enumerate((head_dim - 2 * space, space, space)):
        # Tokens share few distinct coordinates, so cosines are computed once for each of them and then looked up.
        values, place = places[:, axis].to(exact).unique(return_inverse=True)
        exponents = torch.arange(0, width, 2, dtype=exact, device=places.device) / width
        angles = values[:, None] / theta**exponents
        cosines.append(angles.cos().float()[place])
        sines.append(angles.sin().float()[place])
    return torch.cat(cosines, dim=1), torch.cat(sines, dim=1)
