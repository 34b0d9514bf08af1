"""Features of videos and of single frames, from the latents of the autoencoder that Langit ships.

The network is stated by its hash and stays the same whichever model is judged. Each latent channel gives its mean, its
spread and its edges over the picture and, of videos, how much it changes from one latent frame to the next. Features do
not depend on the size of the picture, so that videos of several sizes make one set. Knows videos, no distances.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from langit.autoencoder.model import to_float
from langit.autoencoder.protocol import VideoAutoencoder
from langit.bundle import load_bundle
from langit.device import CPU, Placement, placement_of
from langit.feed.latents import encoder_hash
from langit.shapes import whole_frames

NETWORK: Final = "pocket"  # the model whose autoencoder gives the features
BATCH: Final = 16
FLOOR: Final = 0.02  # added before logarithms: a frozen picture changes by nothing
FRAMES_OF_A_VIDEO: Final = 2  # single frames are taken from its beginning and its middle
Frames = UInt8[Tensor, "T H W 3"]


@dataclass(frozen=True)
class FeatureSet:
    """Features of N videos, and of ``FRAMES_OF_A_VIDEO`` of the frames of each."""

    videos: Float[np.ndarray, "N D"]
    frames: Float[np.ndarray, "M E"]


@dataclass(frozen=True)
class FeatureNetwork:
    """The encoder, and the name and hash by which reports state it."""

    autoencoder: VideoAutoencoder
    name: str
    digest: str

    @classmethod
    def open(cls, placement: Placement = CPU) -> FeatureNetwork:
        """The shipped network, in single precision on the placement's device."""
        autoencoder = load_bundle(NETWORK, Placement(placement.device)).autoencoder
        return cls(autoencoder, f"encoder of {NETWORK}", encoder_hash(autoencoder))

    @torch.no_grad()
    def features(self, videos: Iterable[Frames], progress: Callable[[int], None] = lambda _: None) -> FeatureSet:
        """Features of videos of any sizes, in their order. Frames beyond 1 + 4k of a video are left out.

        Raises:
            ValueError: there is no video.
        """
        moving, still = [], []
        for batch in _batches(videos):
            frames = torch.stack(list(batch))
            frames = frames[:, : whole_frames(frames.shape[1], self.autoencoder.compression)]
            moving += list(video_features(self._encode(frames)).numpy())
            for at in _moments(frames.shape[1]):
                still += list(frame_features(self._encode(frames[:, at : at + 1])).numpy())
            progress(len(moving))
        if not moving:
            raise ValueError("there is no video to compare: give at least two")
        return FeatureSet(np.stack(moving), np.stack(still))

    def _encode(self, frames: UInt8[Tensor, "B T H W 3"]) -> Float[Tensor, "B C F h w"]:
        return self.autoencoder.encode(placement_of(self.autoencoder).put(to_float(frames))).float().cpu()


def _moments(frames: int) -> tuple[int, ...]:
    return tuple(number * frames // FRAMES_OF_A_VIDEO for number in range(FRAMES_OF_A_VIDEO))


def _batches(videos: Iterable[Frames]) -> Iterator[Sequence[Frames]]:
    """Neighbours of one shape, `BATCH` at most."""
    rest = iter(videos)
    batch: list[Frames] = []
    while part := list(islice(rest, 1)):
        if batch and (part[0].shape != batch[0].shape or len(batch) == BATCH):
            yield batch
            batch = []
        batch += part
    if batch:
        yield batch


def frame_features(latents: Float[Tensor, "B C F h w"]) -> Float[Tensor, "B D"]:
    """Mean, log spread and log edges of each channel over the picture."""
    spread = latents.std(dim=(2, 3, 4))
    edges = (latents.diff(dim=3).abs().mean(dim=(2, 3, 4)) + latents.diff(dim=4).abs().mean(dim=(2, 3, 4))) / 2
    return torch.cat([latents.mean(dim=(2, 3, 4)), (spread + FLOOR).log(), (edges + FLOOR).log()], dim=1)


def video_features(latents: Float[Tensor, "B C F h w"]) -> Float[Tensor, "B D"]:
    """Those of frames, and how much each channel changes from one latent frame to the next.

    A video of one latent frame changes by nothing.
    """
    # The first latent frame is of one picture and the others of four: compared with the rest it would always change.
    later = latents[:, :, 1:] if latents.shape[2] > 2 else latents
    change = later.diff(dim=2).abs().mean(dim=(2, 3, 4)) if later.shape[2] > 1 else latents.new_zeros(latents.shape[:2])
    return torch.cat([frame_features(latents), (change + FLOOR).log()], dim=1)


def standardise(rows: Float[np.ndarray, "N D"], reference: Float[np.ndarray, "M D"]) -> Float[np.ndarray, "N D"]:
    """Features in units of the reference's standard deviations, around its means."""
    scale = reference.std(0)
    found: np.ndarray = (rows - reference.mean(0)) / np.where(scale > 1e-6, scale, 1.0)
    return found
