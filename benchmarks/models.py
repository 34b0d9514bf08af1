"""Our transformer and that of diffusers with the same random weights, and inputs for both."""

from __future__ import annotations

from dataclasses import asdict

import torch
from diffusers import WanTransformer3DModel
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from langit.patches import Pack, TextPack, pack
from langit.transformer import TransformerConfig, VideoTransformer


def twin_models(sizes: TransformerConfig) -> tuple[VideoTransformer, WanTransformer3DModel]:
    """Build both with the same weights; the output layer, zero by default, is random so that there are outputs."""
    torch.manual_seed(0)
    ours = VideoTransformer(sizes)
    torch.nn.init.normal_(ours.proj_out.weight, std=0.02)
    theirs = WanTransformer3DModel(**asdict(sizes))
    theirs.load_state_dict(ours.state_dict(), strict=True)
    return ours, theirs


def random_batch(
    sizes: TransformerConfig, shape: tuple[int, int, int, int], words: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Return latents (B, C, F, h, w), timesteps (B,) and text (B, S, E), as diffusers expects them."""
    count, *sides = shape
    latents = torch.randn(count, sizes.in_channels, *sides)
    return latents, torch.rand(count) * 1000, torch.randn(count, words, sizes.text_dim)


def pack_batch(latents: Tensor, timesteps: Tensor, text: Tensor) -> tuple[Pack, TextPack]:
    """Convert a batch to packs."""
    prompts = TextPack(text.flatten(0, 1), (text.shape[1],) * text.shape[0])
    return pack(list(latents), list(timesteps / 1000)), prompts


def forward_flops(model: VideoTransformer, inputs: tuple[Pack, TextPack]) -> int:
    """Count the floating-point operations of one forward pass without padding."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(*inputs)
    return counter.get_total_flops()
