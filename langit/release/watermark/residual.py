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


Pyramid = list[Float[np.ndarray, "_ _"]]
"""A sum of residuals at full size, half, a quarter and so on."""


@dataclass(frozen=True)
class ResidualSums:
    """Sums of a clip's residuals over time, with several weights.

    ``still`` adds all frames. ``made`` follows the mark's sign in a whole clip; ``waves`` holds a cosine and a sine
    for each of :data:`SPEEDS`. These have no weight on average, so that what does not change cancels; both are empty
    for a clip that is too short for the sign to change. ``shrunk`` is by how much frames were scaled down before the
    first sum (1, 2, 4 ...).
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
    levels: list[np.ndarray] = []  # each (sums, height, width)
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
            part = _residual(luma)
            if not count:
                levels.append(np.zeros((len(weight), *part.shape), np.float32))
            for each, share in zip(levels[level], weight, strict=True):
                each += np.float32(share) * part
        count += 1
    if not count:
        raise ValueError("there are no frames to read a watermark from: pass at least one")
    still = [sums[0] for sums in levels]
    if total[1] == count:  # the sign has not changed
        return ResidualSums(still, [], (), float(2**shrunk), count)
    # What does not change over time cancels once the weights add up to nothing.
    changes = [sums[1:] - (total[1:] / count).astype(np.float32)[:, None, None] * sums[0] for sums in levels]
    waves = tuple(
        ([sums[at] for sums in changes], [sums[at + 1] for sums in changes]) for at in range(1, 1 + 2 * len(SPEEDS), 2)
    )
    return ResidualSums(still, [sums[0] for sums in changes], waves, float(2**shrunk), count)


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
