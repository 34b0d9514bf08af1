"""Residuals of frames, summed over time: the content of the pictures is removed, and the mark adds up.

Every frame costs the same, and the sum over a whole film is as large as one frame.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

LARGEST: Final = 720
"""Pictures are halved until their shorter side is below this, as the mark is coarse in large pictures."""
LEAST: Final = 32
"""Shorter side of the coarsest sum, in pixels."""
WEIGHTS: Final = (0.299, 0.587, 0.114)
RADIUS: Final = 2  # of the neighbourhood whose mean is subtracted
NOISE: Final = 16.0
"""Added to the local variance, in squared grey levels: about the noise of coding. Tried: 1, 4 and 16."""


def residuals(frames: Iterable[ArrayLike]) -> tuple[list[Float[np.ndarray, "_ _"]], float, int]:
    """Sum residuals over frames.

    Returns:
        The sums at full size, half, a quarter and so on; by how much frames were scaled down before the first (1, 2,
        4 …); and the number of frames.

    Raises:
        ValueError: no frames, one that is not uint8 (H, W, 3), or one of another size than the first.
    """
    sums: list[np.ndarray] = []
    size: tuple[int, ...] = ()
    count = shrunk = 0
    for frame in frames:
        picture = np.asarray(frame)
        if not count:
            if picture.ndim != 3 or picture.shape[2] != 3:
                raise ValueError(f"a frame is {picture.shape}: pass (height, width, 3)")
            size = picture.shape
            while min(size[:2]) >> shrunk >= LARGEST:
                shrunk += 1
        if picture.shape != size or picture.dtype != np.uint8:
            raise ValueError(
                f"frame {count} is {picture.dtype} {picture.shape}, the first is {size}: pass uint8 of one size"
            )
        luma = picture @ np.array(WEIGHTS, np.float32)
        for _ in range(shrunk):
            luma = _halve(luma)
        for level in range(_levels(min(luma.shape))):
            luma = _halve(luma) if level else luma
            part = _residual(luma)
            if count:
                sums[level] += part
            else:
                sums.append(part)
        count += 1
    if not count:
        raise ValueError("there are no frames to read a watermark from: pass at least one")
    return sums, float(2**shrunk), count


def _levels(side: int) -> int:
    levels = 1
    while side >> levels >= LEAST:
        levels += 1
    return levels


def _residual(luma: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
    """How much each pixel differs from its neighbours, divided by how much these differ among themselves."""
    differs = np.clip(luma - _mean(luma), -40.0, 40.0)  # a strong edge must not outweigh the rest
    weighted: np.ndarray = differs / (_mean(differs * differs) + np.float32(NOISE))
    return weighted


def _mean(values: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
    """The mean of the 5x5 pixels around each; borders are repeated outwards."""
    width = 2 * RADIUS + 1
    padded = np.pad(values, RADIUS, mode="edge")
    # Two sums of shifted arrays: much faster than a convolution of numpy.
    rows = sum((padded[at : at + values.shape[0]] for at in range(1, width)), start=padded[: values.shape[0]])
    both = sum((rows[:, at : at + values.shape[1]] for at in range(1, width)), start=rows[:, : values.shape[1]])
    mean: np.ndarray = both / np.float32(width * width)
    return mean


def _halve(values: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h2 w2"]:
    """Average two by two pixels; an odd last row or column is left out."""
    even = values[: values.shape[0] & ~1, : values.shape[1] & ~1]
    mean: np.ndarray = (even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]) * np.float32(0.25)
    return mean
