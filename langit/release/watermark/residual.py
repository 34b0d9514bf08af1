"""Residuals of frames, summed over time: the content of the pictures is removed, and the mark adds up.

Every frame costs the same, and the sums over a whole film are as large as a few frames.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from langit.release.watermark.alternation import RATE, SPEEDS, combine, weights

LARGEST: Final = 720
"""Pictures are halved until their shorter side is below this, as the mark is coarse in large pictures."""
LEAST: Final = 32
"""Shorter side of the coarsest sum, in pixels."""
WEIGHTS: Final = (0.299, 0.587, 0.114)
RADIUS: Final = 2  # of the neighbourhood whose mean is subtracted
NOISE: Final = 16.0
"""Added to the local variance, in squared grey levels: about the noise of coding. Tried: 1, 4 and 16."""
UNREST: Final = 8.0
"""The same, added to the variance over time. Tried: 1 to 16; half of the variance in space beside it found fewer."""


Pyramid = list[Float[np.ndarray, "_ _"]]
"""A sum of residuals at full size, half, a quarter and so on."""


@dataclass(frozen=True)
class ResidualSums:
    """Sums of a clip's residuals over time, with several weights.

    ``still`` adds all frames. ``made`` follows the mark's sign in a whole clip; ``waves`` holds a cosine and a sine
    for each of :data:`SPEEDS`. These have no weight on average, so that what does not change cancels, however rough it
    is: what disturbs them is change, and they are divided by it. Both are empty for a clip that is too short for the
    sign to change. ``shrunk`` is by how much frames were scaled down before the first sum (1, 2, 4 ...).
    """

    still: Pyramid
    made: Pyramid
    waves: tuple[tuple[Pyramid, Pyramid], ...]
    shrunk: float
    frames: int

    def at(self, speed: int, phase: int) -> Pyramid:
        """The sum that follows the mark's sign at one of the speeds and phases."""
        cosine, sine = combine(phase)
        return [cosine * one + sine * other for one, other in zip(*self.waves[speed], strict=True)]


def residuals(frames: Iterable[ArrayLike], rate: float = RATE) -> ResidualSums:
    """Sum residuals over frames, ``rate`` of them a second.

    Raises:
        ValueError: no frames, one that is not uint8 (H, W, 3), or one of another size than the first; a rate that is
            not positive.
    """
    if not rate > 0:
        raise ValueError(f"{rate} frames a second: pass a positive rate")
    levels: list[np.ndarray] = []  # each (sums, height, width): still; weighted differences; their sum and of squares
    size: tuple[int, ...] = ()
    count = shrunk = 0
    total = np.zeros(2 + 2 * len(SPEEDS))
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
        weight = weights(count / rate)
        total += weight
        luma = picture @ np.array(WEIGHTS, np.float32)
        for _ in range(shrunk):
            luma = _halve(luma)
        for level in range(_levels(min(luma.shape))):
            luma = _halve(luma) if level else luma
            differs = np.clip(luma - local_mean(luma), -40.0, 40.0)  # a strong edge must not outweigh the rest
            square = differs * differs
            if not count:
                levels.append(np.zeros((len(weight) + 2, *luma.shape), np.float32))
            levels[level][0] += differs / (local_mean(square) + np.float32(NOISE))
            for each, share in zip(levels[level][1:-2], weight[1:], strict=True):
                each += np.float32(share) * differs
            levels[level][-2] += differs
            levels[level][-1] += square
        count += 1
    if not count:
        raise ValueError("there are no frames to read a watermark from: pass at least one")
    still = [sums[0] for sums in levels]
    if total[1] == count:  # the sign has not changed
        return ResidualSums(still, [], (), float(2**shrunk), count)
    changes = [_changes(sums, total[1:] / count, count) for sums in levels]
    waves = tuple(
        ([sums[at] for sums in changes], [sums[at + 1] for sums in changes]) for at in range(1, 1 + 2 * len(SPEEDS), 2)
    )
    return ResidualSums(still, [sums[0] for sums in changes], waves, float(2**shrunk), count)


def _levels(side: int) -> int:
    levels = 1
    while side >> levels >= LEAST:
        levels += 1
    return levels


def _changes(
    sums: Float[np.ndarray, "sums h w"], mean: Float[np.ndarray, " changing"], count: int
) -> Float[np.ndarray, "changing h w"]:
    """The weighted sums without what does not change, divided by how much each pixel changes around it."""
    plain, squares = sums[-2], sums[-1]
    unrest = local_mean(np.maximum(squares / count - (plain / count) ** 2, 0.0))
    # What does not change over time cancels once the weights add up to nothing.
    changing: np.ndarray = (sums[1:-2] - mean.astype(np.float32)[:, None, None] * plain) / (unrest + np.float32(UNREST))
    return changing


def local_mean(values: Float[np.ndarray, "h w"], radius: int = RADIUS) -> Float[np.ndarray, "h w"]:
    """The mean of the pixels around each, 5x5 unless another radius is given; borders are repeated outwards."""
    width = 2 * radius + 1
    padded = np.pad(values, radius, mode="edge")
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
