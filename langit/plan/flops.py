"""Floating-point operations of a diffusion transformer of the Wan family, and its number of parameters, by formula.

A multiplication and an addition are two operations. Elementwise work is left out: it is under 1%. Checked against a
counter over the real model, and against the published figures of Wan's sizes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from langit.transformer.model import TransformerConfig


@dataclass(frozen=True)
class ForwardWork:
    """Operations of one forward pass of one video, by part."""

    linear: int  # projections and feed-forward layers of all blocks
    attention: int  # scores and weighted sums of self-attention
    cross: int  # cross-attention with its projections of the prompt
    ends: int  # embeddings and the output layer

    @property
    def total(self) -> int:
        return self.linear + self.attention + self.cross + self.ends


def forward_work(sizes: TransformerConfig, tokens: int, words: int = 512, levels: int = 1) -> ForwardWork:
    """The operations of one forward pass.

    Args:
        sizes: the transformer's.
        tokens: of the video.
        words: tokens of the prompt that are attended to.
        levels: different noise levels among the tokens, each of which is embedded once.
    """
    width, hidden, layers = sizes.width, sizes.ffn_dim, sizes.num_layers
    linear = layers * tokens * (8 * width * width + 4 * width * hidden)
    attention = layers * 4 * tokens * tokens * width
    cross = layers * (4 * tokens * width * width + 4 * words * width * width + 4 * tokens * words * width)
    patch = math.prod(sizes.patch_size)
    ends = 2 * tokens * width * patch * (sizes.in_channels + sizes.out_channels)
    ends += 2 * words * width * (sizes.text_dim + width)
    ends += 2 * levels * width * (sizes.freq_dim + width + 6 * width)
    return ForwardWork(linear, attention, cross, ends)


def parameter_count(sizes: TransformerConfig) -> int:
    """Parameters of a transformer without an image encoder's projections."""
    width, hidden = sizes.width, sizes.ffn_dim
    layer = 8 * width * (width + 1) + 4 * width  # two attentions: four projections and two norms each
    layer += (hidden + width) + 2 * width * hidden  # feed-forward
    layer += 6 * width + (2 * width if sizes.cross_attn_norm else 0)
    patch = math.prod(sizes.patch_size)
    ends = width * (sizes.in_channels * patch + 1) + sizes.out_channels * patch * (width + 1) + 2 * width
    ends += width * (sizes.freq_dim + 1) + width * (width + 1) + 6 * width * (width + 1)
    ends += width * (sizes.text_dim + 1) + width * (width + 1)
    return sizes.num_layers * layer + ends
