"""A glimpse of a video that is still being made: a few of its frames, each decoded as a still, for little."""

from __future__ import annotations

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from langit.autoencoder.model import to_frames
from langit.generate.model import Model

FRAMES = 3  # the first, the middle one and the last


@torch.no_grad()
def glimpse(latents: Float[Tensor, "C F h w"], model: Model, frames: int = FRAMES) -> UInt8[Tensor, "n H W 3"]:
    """Evenly spread frames of latents, at most ``frames``, without what lies between them in time.

    Decoding costs what as many latent frames cost, however long the video is.
    """
    count = latents.shape[1]
    chosen = torch.linspace(0, count - 1, min(frames, count)).round().long()
    stills = latents[:, chosen].transpose(0, 1)[:, :, None]  # (n, C, 1, h, w)
    return to_frames(model.autoencoder.decode(stills))[:, 0]
