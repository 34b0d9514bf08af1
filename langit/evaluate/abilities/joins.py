"""Can a cut be seen? Distances between neighbouring frames, at joins and elsewhere, and what is lost of given frames.

The distance of two frames is the root mean square of their difference, in grey levels (0 to 255). A join is judged by
the median distance between the neighbours of the same video. Where next to nothing moves, that median is next to
nothing: then the least that counts is a floor, the distance that the autoencoder itself puts between the frames of a
film that stands still. It knows frames, no models but the autoencoder.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from langit.autoencoder.model import Autoencoder
from langit.evaluate.reconstruction import psnr, reconstruct

SEAM, JUMP = 1.2, 2.0  # times the median that a loop's seam, and any step of a video, may be
WITHIN = 1.0  # dB that given frames may lose beyond what the autoencoder loses
MOST_DB = 60.0  # more than rounding to whole grey levels leaves

Frames = UInt8[Tensor, "T H W 3"]


def distance(one: UInt8[Tensor, "*n H W 3"], other: UInt8[Tensor, "*n H W 3"]) -> Float[Tensor, "*n"]:
    """Root mean square difference of frames, in grey levels."""
    return (one.float() - other.float()).square().flatten(-3).mean(dim=-1).sqrt()


def steps(frames: Frames) -> Float[Tensor, " t"]:
    """The distance from every frame to the next."""
    return distance(frames[:-1], frames[1:])


def floor(autoencoder: Autoencoder, films: Sequence[Frames]) -> float:
    """The 95th percentile of the steps of films that stand still, as the autoencoder gives them back: its own noise.

    Each film is held at a frame from its middle, for as long as it lasts.
    """
    still = [film[len(film) // 2][None].expand_as(film) for film in films]
    return float(torch.cat([steps(reconstruct(autoencoder, film[None])[0]) for film in still]).quantile(0.95))


@dataclass(frozen=True)
class Step:
    """The largest step among some of a video: in grey levels, and in medians of the video's steps."""

    distance: float
    ratio: float
    raised: bool  # the median was below the floor, which took its place

    def within(self, limit: float) -> bool:
        return self.ratio <= limit


def _step(distance: float, median: float, least: float) -> Step:
    yardstick = max(median, least)
    ratio = distance / yardstick if yardstick else math.inf if distance else 0.0
    return Step(distance, ratio, median < least)


def seam(frames: Frames, least: float) -> Step:
    """From the last frame back to the first, when a video is played for ever."""
    return _step(float(distance(frames[-1], frames[0])), float(steps(frames).median()), least)


def jump(frames: Frames, least: float, among: Iterable[int] | None = None) -> Step:
    """The largest step of a video, or of those that begin at the frames ``among``."""
    found = steps(frames)
    chosen = found if among is None else found[list(among)]
    return _step(float(chosen.max()), float(found.median()), least)


def loss(film: Frames, made: Frames, again: Frames) -> float:
    """How many dB given frames lose beyond what the autoencoder loses.

    Args:
        film: what was given.
        made: the same frames as they come out of the walk, decoded.
        again: the same frames as the autoencoder gives them back.
    """
    ours, theirs = (min(psnr(film, each), MOST_DB) for each in (made, again))
    return theirs - ours
