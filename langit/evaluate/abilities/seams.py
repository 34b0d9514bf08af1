"""Is a cut visible? Distances between neighbouring frames at joins and elsewhere, and what given frames lose.

The distance of two frames is the root mean square of their difference, in grey levels (0 to 255). A join is compared
with the median distance between neighbouring frames of the same video. In a video that hardly moves, that median is
close to zero; the noise floor replaces it then, which is the distance that the autoencoder itself puts between the
frames of a still film. Knows frames, and no model but the autoencoder.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from langit.autoencoder.protocol import VideoAutoencoder
from langit.evaluate.reconstruction import psnr, reconstruct

SEAM, JUMP = 1.2, 2.0  # limits in medians: for the seam of a loop, and for any step of a video
WITHIN = 1.0  # dB that given frames may lose beyond the loss of the autoencoder
MOST_DB = 60.0  # above the PSNR that rounding to whole grey levels allows

Frames = UInt8[Tensor, "T H W 3"]


def distance(one: UInt8[Tensor, "*n H W 3"], other: UInt8[Tensor, "*n H W 3"]) -> Float[Tensor, "*n"]:
    """Return the root mean square difference of frames, in grey levels."""
    return (one.float() - other.float()).square().flatten(-3).mean(dim=-1).sqrt()


def steps(frames: Frames) -> Float[Tensor, " t"]:
    """Return the distance from every frame to the next."""
    return distance(frames[:-1], frames[1:])


def noise_floor(autoencoder: VideoAutoencoder, films: Sequence[Frames]) -> float:
    """Return the 95th percentile of the steps in reconstructions of still films, each a middle frame repeated."""
    still = [film[len(film) // 2][None].expand_as(film) for film in films]
    return float(torch.cat([steps(reconstruct(autoencoder, film[None])[0]) for film in still]).quantile(0.95))


@dataclass(frozen=True)
class FrameStep:
    """The largest of some steps of a video: in grey levels, and as a multiple of the video's median step."""

    distance: float
    ratio: float
    raised: bool  # the median was below the noise floor, which replaced it

    def within(self, limit: float) -> bool:
        return self.ratio <= limit


def _frame_step(distance: float, median: float, floor: float) -> FrameStep:
    unit = max(median, floor)
    ratio = distance / unit if unit else math.inf if distance else 0.0
    return FrameStep(distance, ratio, median < floor)


def seam(frames: Frames, floor: float) -> FrameStep:
    """Measure the step from the last frame to the first, in a video that loops."""
    return _frame_step(float(distance(frames[-1], frames[0])), float(steps(frames).median()), floor)


def jump(frames: Frames, floor: float, among: Iterable[int] | None = None) -> FrameStep:
    """Measure the largest step of a video, or of the steps that start at the frames ``among``."""
    every = steps(frames)
    chosen = every if among is None else every[list(among)]
    return _frame_step(float(chosen.max()), float(every.median()), floor)


def given_frame_loss(film: Frames, made: Frames, reconstruction: Frames) -> float:
    """Return how many dB given frames lose beyond what the autoencoder loses.

    Args:
        film: the frames that were given.
        made: the same frames as sampled and decoded.
        reconstruction: the same frames encoded and decoded.
    """
    sampled, encoded = (min(psnr(film, frames), MOST_DB) for frames in (made, reconstruction))
    return encoded - sampled
