"""What is left of frames when what they show is taken away, summed over time: the mark adds up, the pictures do not.

A frame costs the same whatever came before it, and the sum of a whole film is as large as one frame.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

LARGEST: Final = 720
"""The shorter side is halved until it is below this: the mark is coarse in large pictures."""
LEAST: Final = 32
"""The shorter side of the coarsest sum."""
WEIGHTS: Final = (0.299, 0.587, 0.114)
REACH: Final = 2
NOISE: Final = 16.0
"""What is added to a place's own variance, in squared grey levels: about what coding does. Tried: 1, 4 and 16."""


def residuals(frames: Iterable[ArrayLike]) -> tuple[list[Float[np.ndarray, "_ _"]], float, int]:
    """Sums of the residuals at full size, half, a quarter and so on; the pixels of a frame to one of the first sum's
    (1, 2, 4 …); and how many frames there were.

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
                raise ValueError(f"a frame is {picture.shape}: give (height, width, 3)")
            size = picture.shape
            while min(size[:2]) >> shrunk >= LARGEST:
                shrunk += 1
        if picture.shape != size or picture.dtype != np.uint8:
            raise ValueError(f"frame {count} is {picture.dtype} {picture.shape}, the first is {size}: give uint8 alike")
        luma = picture @ np.array(WEIGHTS, np.float32)
        for _ in range(shrunk):
            luma = _halved(luma)
        for level in range(_levels(min(luma.shape))):
            luma = _halved(luma) if level else luma
            part = _residual(luma)
            if count:
                sums[level] += part
            else:
                sums.append(part)
        count += 1
    if not count:
        raise ValueError("there are no frames to read a watermark from: give at least one")
    return sums, float(2**shrunk), count


def _levels(side: int) -> int:
    levels = 1
    while side >> levels >= LEAST:
        levels += 1
    return levels


def _residual(luma: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
    """How much each pixel differs from those around it, the less counted the more they all differ."""
    differs = np.clip(luma - _mean(luma), -40.0, 40.0)
    weighted: np.ndarray = differs / (_mean(differs * differs) + np.float32(NOISE))
    return weighted


def _mean(values: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
    """The mean of the 5x5 pixels around each; the border is repeated outwards."""
    width = 2 * REACH + 1
    padded = np.pad(values, REACH, mode="edge")
    rows = sum((padded[at : at + values.shape[0]] for at in range(1, width)), start=padded[: values.shape[0]])
    both = sum((rows[:, at : at + values.shape[1]] for at in range(1, width)), start=rows[:, : values.shape[1]])
    mean: np.ndarray = both / np.float32(width * width)
    return mean


def _halved(values: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h2 w2"]:
    """Two by two pixels as one; an odd last row or column is left out."""
    even = values[: values.shape[0] & ~1, : values.shape[1] & ~1]
    mean: np.ndarray = (even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]) * np.float32(0.25)
    return mean
