"""A preview of a video that is still being sampled: a few of its frames, each decoded as a still image."""

from __future__ import annotations

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from langit.autoencoder.model import to_frames
from langit.generate.model import Model

FRAMES = 3  # the first, the middle and the last


@torch.no_grad()
def decode_preview(latents: Float[Tensor, "C F h w"], model: Model, frames: int = FRAMES) -> UInt8[Tensor, "n H W 3"]:
    """At most ``frames`` evenly spread frames of latents.

    Each is decoded without its neighbours in time, so that the cost does not grow with the video's length.
    """
    count = latents.shape[1]
    chosen = torch.linspace(0, count - 1, min(frames, count)).round().long().to(latents.device)
    stills = latents[:, chosen].transpose(0, 1)[:, :, None]  # n C 1 h w
    return to_frames(model.autoencoder.decode(model.placement.put(stills)).float())[:, 0].cpu()
