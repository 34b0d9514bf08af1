"""What a window looks like and how it moves, as one vector: our autoencoder's latents, pooled and projected.

Content is the mean of the latents over time, motion their steps in time, both on a grid of 4x4 places. Each is
projected to the directions in which clips differ most, measured in what encoding again, cropping, brightness and noise
do to a clip (linear discriminant analysis, Fisher 1936; every clip with its altered copies is a class). The cosine of
two vectors is the mean of the likeness in content and in motion. Left and right are not the same: the mirror image of
a window has a vector of its own, which follows from the same latents.

Knows nothing of clips or files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch.nn import functional

from langit.autoencoder.model import Autoencoder, to_float

GRID: Final = 4
WIDTH: Final = 48
"""Numbers of each half of a vector, content and motion."""
REGULAR: Final = 0.05
FLOOR: Final = 1e-3
Features = Float32[np.ndarray, "_ F C 4 4"]
Values = Float32[np.ndarray, "_ V"]
Vectors = Float32[np.ndarray, "_ d"]


@torch.inference_mode()
def features(autoencoder: Autoencoder, windows: UInt8[np.ndarray, "n T H W 3"]) -> Features:
    """Pooled latents of windows of one size: about 9 ms each on one core."""
    latents = autoencoder.encode(to_float(torch.from_numpy(np.ascontiguousarray(windows))))  # (n, C, F, h, w)
    pooled = functional.adaptive_avg_pool2d(latents.transpose(1, 2).flatten(0, 1), (GRID, GRID))
    return np.asarray(pooled.unflatten(0, (len(windows), -1)).numpy(), np.float32)


def content(found: Features, time: int = 4) -> Values:
    """The mean over time; the first latent stands for one frame, the others for ``time``."""
    weights = np.array([1.0] + [float(time)] * (found.shape[1] - 1), np.float32)
    mean = np.tensordot(weights / weights.sum(), found, (0, 1))
    return np.asarray(mean.reshape(len(found), -1), np.float32)


def motion(found: Features) -> Values:
    """The steps from each latent to the next."""
    return np.ascontiguousarray(np.diff(found, axis=1).reshape(len(found), -1))


@dataclass(frozen=True, eq=False)
class Half:
    """A linear map from features to one half of a vector; what is shorter than ``quiet`` becomes shorter still."""

    mean: Float32[np.ndarray, " V"]
    matrix: Float32[np.ndarray, "V d"]
    quiet: float

    def __call__(self, values: Values) -> Vectors:
        turned = (values - self.mean) @ self.matrix
        return np.asarray(turned / np.sqrt((turned**2).sum(axis=1, keepdims=True) + self.quiet**2), np.float32)


@dataclass(frozen=True, eq=False)
class Projection:
    """Features -> vectors. ``mirror`` mixes the channels as a mirror image does; ``time`` is the autoencoder's."""

    content: Half
    motion: Half
    mirror: Float32[np.ndarray, "C C"]
    time: int

    def __call__(self, found: Features) -> Vectors:
        """Vectors of length one, content in the first half."""
        both = np.concatenate([self.content(content(found, self.time)), self.motion(motion(found))], axis=1)
        return np.asarray(both / np.linalg.norm(both, axis=1, keepdims=True), np.float32)

    def mirrored(self, found: Features) -> Features:
        """Features of the mirror images."""
        return np.ascontiguousarray(np.einsum("nfchw,cd->nfdhw", found[..., ::-1], self.mirror))


def learn(
    clips: Features, copies: Features, originals: Sequence[int], pairs: tuple[Features, Features], time: int
) -> Projection:
    """The projection that tells clips apart and not their copies.

    Args:
        clips: windows of many clips.
        copies: altered copies of some of them.
        originals: for each copy, which clip it is of.
        pairs: windows, and their mirror images.
        time: frames to a latent, see :class:`~langit.autoencoder.model.AutoencoderConfig`.
    """
    index = np.asarray(originals, int)
    halves = (
        _half(content(clips, time), content(copies, time), index, steady=True),
        _half(motion(clips), motion(copies), index, steady=False),
    )
    flipped, seen = (np.moveaxis(each, 2, -1).reshape(-1, each.shape[2]) for each in (pairs[0][..., ::-1], pairs[1]))
    ridge = 1e-3 * len(flipped) * np.eye(flipped.shape[1])
    mirror = np.linalg.solve(flipped.T.astype(float) @ flipped + ridge, flipped.T.astype(float) @ seen)
    return Projection(*halves, mirror.astype(np.float32), time)


def _half(values: Values, copies: Values, originals: np.ndarray, steady: bool) -> Half:
    mean = values.mean(axis=0)
    centred, changes = (values - mean).astype(float), (copies - values[originals]).astype(float)
    between, within = centred.T @ centred / len(centred), changes.T @ changes / len(changes)
    size = len(within)
    within += (REGULAR * np.trace(within) / size + 1e-9) * np.eye(size)
    # within = R R^T, so that what alters a copy has the same spread in all directions of R^-1 x.
    root = np.linalg.inv(np.linalg.cholesky(within))
    shares, turned = np.linalg.eigh(root @ between @ root.T)
    first = slice(None, -min(WIDTH, size) - 1, -1)
    spread = np.maximum(shares[first], FLOOR * shares[-1])
    matrix = (root.T @ turned[:, first]) / spread**0.25
    # Every clip has content; motion may be none, and the direction of next to nothing is chance.
    quiet = 0.0 if steady else float(np.sqrt(((centred @ matrix) ** 2).sum(axis=1).mean()))
    return Half(mean, matrix.astype(np.float32), max(quiet, 1e-6))
