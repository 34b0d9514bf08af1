"""Where a token stands in spacetime, and the 3-D rotary angles of that place.

Knows nothing of attention. Coordinates are counted in patches and may be fractions (a lower frame rate, a finer grid).
Rotary embedding: RoFormer, Su et al. 2021 (arXiv 2104.09864), eq. 15; split over (time, row, column) as Wan does.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from langit.shapes import TokenGrid

THETA = 10000.0


def positions(grid: TokenGrid) -> Float[Tensor, "N 3"]:
    """(frame, row, column) of every token of a grid, in the order in which patchify cuts it."""
    frames, rows, columns = (torch.arange(side, dtype=torch.float32) for side in (grid.frames, grid.height, grid.width))
    return torch.cartesian_prod(frames, rows, columns).reshape(grid.count, 3)


def rotary(
    places: Float[Tensor, "N 3"], head_dim: int, theta: float = THETA
) -> tuple[Float[Tensor, "N half"], Float[Tensor, "N half"]]:
    """Cosines and sines of the angles by which the ``head_dim / 2`` pairs of a head are turned, time first.

    Rows and columns get ``head_dim // 6`` pairs each, time the rest. Angles are computed in double precision.
    """
    assert head_dim % 2 == 0, f"a head of {head_dim} has no pairs"
    space = 2 * (head_dim // 6)
    cosines, sines = [], []
    for axis, width in enumerate((head_dim - 2 * space, space, space)):
        values, place = places[:, axis].double().unique(return_inverse=True)  # few: most tokens share a row or frame
        exponents = torch.arange(0, width, 2, dtype=torch.float64, device=places.device) / width
        angles = values[:, None] / theta**exponents
        cosines.append(angles.cos().float()[place])
        sines.append(angles.sin().float()[place])
    return torch.cat(cosines, dim=1), torch.cat(sines, dim=1)
