"""The video transformer over a batch of one shape: the numbers of its packs, in static shapes and without waiting.

A pack may hold anything, so its levels are found by looking at them, which waits for the device. Here every video has
one level, and its known tokens have level 0: shapes follow from the batch alone. Training on GPUs reads batches.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from langit.patches import positions, rotary
from langit.shapes import TokenGrid
from langit.transformer.attention import TextContext
from langit.transformer.block import layer_norm
from langit.transformer.model import VideoTransformer


@dataclass(frozen=True)
class BatchModulation:
    """Embedded noise levels, one row for each video and one for known tokens: a `LevelModulation` of static shapes."""

    rows: Float[Tensor, "B parts D"]
    clean: Float[Tensor, "1 parts D"]
    known: Bool[Tensor, "B T 1"]

    def modulate(self, table: Float[Tensor, "1 parts D"]) -> tuple[Float[Tensor, "B T D"], ...]:
        """Add a layer's own table: one tensor per part (shift, scale, gate ...)."""
        noisy = (table.float() + self.rows.float()).split(1, dim=1)
        clean = (table.float() + self.clean.float()).split(1, dim=1)
        return tuple(torch.where(self.known, still, moving) for still, moving in zip(clean, noisy, strict=True))

    def stretch(self, x: Float[Tensor, "N D"]) -> Float[Tensor, "B T D"]:
        """Cut tokens into videos."""
        return x.view(*self.known.shape[:2], -1)


def batched_velocity(
    model: VideoTransformer,
    tokens: Float[Tensor, "B T P"],
    levels: Float[Tensor, " B"],
    known: Bool[Tensor, "B T"],
    grid: TokenGrid,
    words: Float[Tensor, "B S E"],
    real: Bool[Tensor, "B S"],
) -> Float[Tensor, "B T Q"]:
    """What the model's forward gives for a pack of the same videos.

    Args:
        model: without pictures among its conditions.
        tokens: noisy tokens of each video, known ones as they are shown.
        levels: each video's noise level.
        known: tokens that are given, at level 0.
        grid: of every video.
        words: embedded captions.
        real: false at padding.
    """
    embed, count = model.patch_embedding, len(tokens)
    assert embed.bias is not None
    conditions = model.condition_embedder
    embedded, rows = conditions.time(torch.cat([levels, levels.new_zeros(1)]))
    shape = known[..., None]
    modulation = BatchModulation(rows[:-1], rows[-1:], shape)
    both = embedded[:, None].expand(-1, 2, -1)
    last = BatchModulation(both[:-1], both[-1:], shape)
    prompts = TextContext(conditions.embed_words(words.to(conditions.time_proj.weight.dtype)), real)  # B S D
    cos, sin = rotary(positions(grid, tokens.device), model.config.attention_head_dim)  # T width/2
    angles = cos.repeat(count, 1), sin.repeat(count, 1)

    x = functional.linear(tokens.to(embed.weight.dtype), embed.weight.flatten(1), embed.bias)  # B T D
    # The residual stream is in single precision. A copy, as torch.compile makes other graphs for views.
    x = x.to(torch.float32, copy=True) if torch.is_autocast_enabled(x.device.type) else x.clone()
    for block in model.blocks:
        x = block(x, modulation, angles, prompts, ((count, grid.count),))
    shift, scale = last.modulate(model.scale_shift_table)
    x = torch.addcmul(shift, layer_norm(x, model.config.eps), 1 + scale).to(x.dtype)
    out: Tensor = model.proj_out(x)
    return out
