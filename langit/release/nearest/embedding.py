"""What a window shows and how it moves, as one vector: the autoencoder's latents, pooled and projected.

Content is the mean of the latents over time, motion their differences in time, both on a grid of 4x4 places. Each is
projected to the directions in which clips differ most relative to what encoding, cropping, brightness and noise do to
a clip (linear discriminant analysis, Fisher 1936; a clip and its altered copies are a class). The cosine of two vectors
is the mean of the similarities in content and in motion. Left and right are told apart: the mirror image of a window
has a vector of its own, which follows from the same latents.

This module does not know clips or files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch.nn import functional

from langit.autoencoder.model import to_float
from langit.autoencoder.protocol import VideoAutoencoder
from langit.device import placement_of

GRID: Final = 4
WIDTH: Final = 48
"""Components of each half of a vector, content and motion."""
RIDGE: Final = 0.05  # regularises the within-class covariance, relative to its mean variance
TINY: Final = 1e-12  # of a spread: clips without motion have none
FLOOR: Final = 1e-3  # least spread of a direction, relative to the largest
MIRROR_RIDGE: Final = 1e-3  # for each pair of the least squares that learns mirroring
Features = Float32[np.ndarray, "_ F C 4 4"]
Values = Float32[np.ndarray, "_ V"]
Vectors = Float32[np.ndarray, "_ d"]


@torch.inference_mode()
def features(autoencoder: VideoAutoencoder, windows: UInt8[np.ndarray, "n T H W 3"]) -> Features:
    """Pooled latents of windows of one size, on the autoencoder's device: about 9 ms each on one CPU core."""
    frames = to_float(torch.from_numpy(np.ascontiguousarray(windows)))
    latents = autoencoder.encode(placement_of(autoencoder).put(frames))  # (n, C, F, h, w)
    pooled = functional.adaptive_avg_pool2d(latents.transpose(1, 2).flatten(0, 1), (GRID, GRID))
    return np.asarray(pooled.unflatten(0, (len(windows), -1)).float().cpu().numpy(), np.float32)


def content(pooled: Features, time: int = 4) -> Values:
    """The mean over time. The first latent stands for one frame, the others for ``time`` frames."""
    weights = np.array([1.0] + [float(time)] * (pooled.shape[1] - 1), np.float32)
    mean = np.tensordot(weights / weights.sum(), pooled, (0, 1))
    return np.asarray(mean.reshape(len(pooled), -1), np.float32)


def motion(pooled: Features) -> Values:
    """The differences from each latent to the next."""
    return np.ascontiguousarray(np.diff(pooled, axis=1).reshape(len(pooled), -1))


@dataclass(frozen=True, eq=False)
class HalfProjection:
    """A linear map to one half of a vector, normalised softly: lengths below ``quiet`` shrink towards zero."""

    mean: Float32[np.ndarray, " V"]
    matrix: Float32[np.ndarray, "V d"]
    quiet: float

    def __call__(self, values: Values) -> Vectors:
        projected = (values - self.mean) @ self.matrix
        return np.asarray(projected / np.sqrt((projected**2).sum(axis=1, keepdims=True) + self.quiet**2), np.float32)


@dataclass(frozen=True, eq=False)
class Projection:
    """Features -> vectors. ``mirror`` maps channels as mirroring does; ``time`` is the autoencoder's compression."""

    content: HalfProjection
    motion: HalfProjection
    mirror: Float32[np.ndarray, "C C"]
    time: int

    def __call__(self, pooled: Features) -> Vectors:
        """Vectors of length one, content in the first half."""
        both = np.concatenate([self.content(content(pooled, self.time)), self.motion(motion(pooled))], axis=1)
        return np.asarray(both / np.linalg.norm(both, axis=1, keepdims=True), np.float32)

    def mirror_features(self, pooled: Features) -> Features:
        """Features of the mirror images."""
        return np.ascontiguousarray(np.einsum("nfchw,cd->nfdhw", pooled[..., ::-1], self.mirror))


def learn_projection(
    clips: Features, copies: Features, originals: Sequence[int], pairs: tuple[Features, Features], time: int
) -> Projection:
    """Learn the projection that tells clips apart, and not a clip from its copies.

    Args:
        clips: windows of many clips.
        copies: altered copies of some of them.
        originals: for each copy, the number of its clip.
        pairs: windows, and their mirror images.
        time: frames per latent, see :class:`~langit.autoencoder.model.AutoencoderConfig`.
    """
    index = np.asarray(originals, int)
    halves = (
        _learn_half(content(clips, time), content(copies, time), index, always_present=True),
        _learn_half(motion(clips), motion(copies), index, always_present=False),
    )
    flipped, mirrored = (
        np.moveaxis(pooled, 2, -1).reshape(-1, pooled.shape[2]) for pooled in (pairs[0][..., ::-1], pairs[1])
    )
    ridge = MIRROR_RIDGE * len(flipped) * np.eye(flipped.shape[1])
    mirror = np.linalg.solve(flipped.T.astype(float) @ flipped + ridge, flipped.T.astype(float) @ mirrored)
    return Projection(*halves, mirror.astype(np.float32), time)


def _learn_half(values: Values, copies: Values, originals: np.ndarray, always_present: bool) -> HalfProjection:
    mean = values.mean(axis=0)
    if np.allclose(values, mean):
        mean = np.zeros_like(mean)  # one clip, or the same one again: around its own mean nothing would be left of it
    centred, changes = (values - mean).astype(float), (copies - values[originals]).astype(float)
    between, within = centred.T @ centred / len(centred), changes.T @ changes / len(changes)
    size = len(within)
    within += (RIDGE * np.trace(within) / size + 1e-9) * np.eye(size)
    # within = R R^T, so that alterations have the same spread in all directions of R^-1 x.
    root = np.linalg.inv(np.linalg.cholesky(within))
    shares, directions = np.linalg.eigh(root @ between @ root.T)
    first = slice(None, -min(WIDTH, size) - 1, -1)  # eigenvalues ascend
    spread = np.maximum(shares[first], max(FLOOR * shares[-1], TINY))
    matrix = (root.T @ directions[:, first]) / spread**0.25
    # Every clip has content, but it may have no motion, and the direction of a vector near zero is chance.
    quiet = 0.0 if always_present else float(np.sqrt(((centred @ matrix) ** 2).sum(axis=1).mean()))
    return HalfProjection(mean, matrix.astype(np.float32), max(quiet, 1e-6))
