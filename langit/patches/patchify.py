"""Cut a latent video into spacetime patches, and the inverse.

Wan orders the values of a patch in two ways: its patch embedding (a convolution) reads channels as the outermost axis,
its output projection writes them as the innermost one. Knows nothing of noise, positions or packs.
"""

from __future__ import annotations

import math
from typing import Literal

from jaxtyping import Float
from torch import Tensor

from langit.shapes import LatentShape, TokenGrid, token_grid

Layout = Literal["channels_first", "channels_last"]


def patchify(
    latents: Float[Tensor, "C F h w"], patch: tuple[int, int, int] = (1, 2, 2), layout: Layout = "channels_first"
) -> Float[Tensor, "N P"]:
    """Cut a latent video into tokens, frame by frame and row by row; P = C * the cells of a patch.

    ``channels_first`` is the order that the flattened weight of Wan's ``patch_embedding`` expects; ``channels_last`` is
    the order of its ``proj_out``.

    Raises:
        ValueError: a side is not a multiple of the patch's side.
    """
    channels, frames, height, width = latents.shape
    grid = token_grid(LatentShape(channels, frames, height, width), patch)
    # Axes: C, (frame, frame in patch), (row, row in patch), (column, column in patch); grid axes move to the front.
    cells = latents.reshape(channels, grid.frames, patch[0], grid.height, patch[1], grid.width, patch[2])
    axes = (1, 3, 5, 0, 2, 4, 6) if layout == "channels_first" else (1, 3, 5, 2, 4, 6, 0)
    return cells.permute(axes).reshape(grid.count, channels * math.prod(patch))


def unpatchify(
    tokens: Float[Tensor, "N P"],
    grid: TokenGrid,
    patch: tuple[int, int, int] = (1, 2, 2),
    layout: Layout = "channels_last",
) -> Float[Tensor, "C F h w"]:
    """Join tokens into a latent video: the inverse of :func:`patchify` in the same layout."""
    count, values = tokens.shape
    assert count == grid.count, f"{count} tokens do not fill a grid of {grid.count}"
    assert values % math.prod(patch) == 0, f"{values} values are not whole patches of {patch}"
    channels = values // math.prod(patch)
    sides = (grid.frames, grid.height, grid.width)
    if layout == "channels_first":
        cells = tokens.reshape(*sides, channels, *patch).permute(3, 0, 4, 1, 5, 2, 6)
    else:
        cells = tokens.reshape(*sides, *patch, channels).permute(6, 0, 3, 1, 4, 2, 5)
    return cells.reshape(channels, *(side * step for side, step in zip(sides, patch, strict=True)))


def channels_last(tokens: Float[Tensor, "N P"], patch: tuple[int, int, int] = (1, 2, 2)) -> Float[Tensor, "N P"]:
    """Reorder tokens from ``channels_first`` (what the model reads) to ``channels_last`` (what it writes)."""
    return tokens.reshape(tokens.shape[0], -1, math.prod(patch)).mT.flatten(1)


def channels_first(tokens: Float[Tensor, "N P"], patch: tuple[int, int, int] = (1, 2, 2)) -> Float[Tensor, "N P"]:
    """Reorder tokens from ``channels_last`` to ``channels_first``: the inverse of :func:`channels_last`."""
    return tokens.reshape(tokens.shape[0], math.prod(patch), -1).mT.flatten(1)
