"""The image encoder of Wan 2.1's image-to-video models: transformers' CLIP, whose last layer but one is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor, nn


class PictureEncoder(nn.Module):
    """A ``CLIPVisionModel`` with the processor that resizes and normalises pictures for it."""

    def __init__(self, model: nn.Module, processor: Any) -> None:
        super().__init__()
        self.model, self.processor = model, processor

    @torch.no_grad()
    def encode(self, frames: Sequence[UInt8[Tensor, "H W 3"]]) -> Float[Tensor, "1 I V"]:
        """The states of all pictures, one after the other in one row."""
        pictures = [Image.fromarray(frame.cpu().numpy()) for frame in frames]
        first = next(self.model.parameters())
        pixels = self.processor(images=pictures, return_tensors="pt")["pixel_values"].to(first.device, first.dtype)
        states = self.model(pixel_values=pixels, output_hidden_states=True).hidden_states[-2]  # k 257 V
        row: Tensor = states.reshape(1, -1, states.shape[-1])
        return row
