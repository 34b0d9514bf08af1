"""Where the eye finds a faint pattern, and where the picture hides it.

Two measures of a picture's squares of 4x4 pixels. Pictures that are shown at their size are shaded by
:func:`roughness`. Small videos are shown enlarged, where the waves are 0.6 to 3 cycles per degree, which the eye sees
best: :func:`calm_detail` counts only detail on all sides of a square, so that a sky is calm up to the horizon.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from jaxtyping import Float, Real, UInt8

from langit.release.watermark.residual import local_mean

CELL: Final = 4
"""Side, in pixels, of the squares."""
AROUND: Final = 3
"""Radius, in pixels, of the neighbourhood whose mean is taken away before detail is measured."""


def cell_means(values: Real[np.ndarray, "H W"]) -> Float[np.ndarray, "rows columns"]:
    """Means of squares of 4x4 pixels; what is left at the right and lower border belongs to none."""
    rows, columns = values.shape[0] // CELL, values.shape[1] // CELL
    cells = values[: rows * CELL, : columns * CELL].reshape(rows, CELL, columns, CELL)
    means: np.ndarray = np.einsum("abcd->ac", cells, dtype=np.float32) / np.float32(CELL**2)
    return means


def roughness(green: UInt8[np.ndarray, "H W"]) -> Float[np.ndarray, "rows columns"]:
    """How much each square differs from its neighbours, in grey levels, averaged over 3x3 squares."""
    light = cell_means(green)
    rows, columns = light.shape
    padded = np.pad(light, 1, mode="edge")
    differs = np.abs(4 * light - padded[2:, 1:-1] - padded[:-2, 1:-1] - padded[1:-1, 2:] - padded[1:-1, :-2]) / 4
    around = np.pad(differs, 1, mode="edge")
    mean = sum(around[row : row + rows, column : column + columns] for row in range(3) for column in range(3))
    return np.asarray(mean / 9)


def calm_detail(luma: Float[np.ndarray, "H W"]) -> Float[np.ndarray, "rows columns"]:
    """Root mean square of the detail around each square, in grey levels, on its calmest side.

    The least of the four means over 2x2 squares that contain the square: an edge hides nothing in the smooth area
    beside it.
    """
    differs = luma - local_mean(luma, AROUND)
    power = np.pad(cell_means(differs * differs), 1, mode="edge")
    sides = (power[:-1, :-1] + power[1:, :-1] + power[:-1, 1:] + power[1:, 1:]) / 4
    least: np.ndarray = np.sqrt(
        np.minimum(np.minimum(sides[:-1, :-1], sides[1:, :-1]), np.minimum(sides[:-1, 1:], sides[1:, 1:]))
    )
    return least


def spread_cells(length: int) -> Float[np.ndarray, "{length} cells"]:
    """The matrix that interpolates values of squares linearly to ``length`` pixels."""
    count = length // CELL
    places = np.clip((np.arange(length) + 0.5) / CELL - 0.5, 0, count - 1)
    spread: np.ndarray = np.maximum(0.0, 1.0 - np.abs(places[:, None] - np.arange(count))).astype(np.float32)
    return spread
