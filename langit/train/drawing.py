"""What the flow tasks draw for a batch: captions as a model reads them, and clips, noisy where they are unknown.

Everything is drawn on the CPU from one generator in one order, so that a step that is done again sees the same on every
device. Knows no loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from langit.device import placement_of
from langit.feed.loader import LatentItems
from langit.flow.path import on_path
from langit.patches import Pack, TextPack, pack
from langit.patches.known import KnownConfig, draw_known
from langit.text.encoder import TextEncoder

UNKNOWN = 2  # the tokenizer's id of an unknown word; padding and the end mark come before it, words after it


def draw_captions(
    captions: Sequence[str], text: TextEncoder, drop_caption: float, drop_word: float, generator: torch.Generator
) -> TextPack:
    """Encode the captions, a share of them emptied and a share of all words made unknown."""
    ids, lengths = draw_ids(captions, text, drop_caption, drop_word, generator)
    return TextPack(text(ids.to(placement_of(text).device), lengths), lengths)


def draw_ids(
    captions: Sequence[str], text: TextEncoder, drop_caption: float, drop_word: float, generator: torch.Generator
) -> tuple[Int[Tensor, "B S"], tuple[int, ...]]:
    """What :func:`draw_captions` encodes: the ids on the CPU, padded with zeros, and each caption's length."""
    drop = torch.rand(len(captions), generator=generator) < drop_caption
    texts = ["" if dropped else caption for caption, dropped in zip(captions, drop.tolist(), strict=True)]
    ids, lengths = text.tokenize(texts)
    ids = ids.cpu()  # where the generator draws, whichever device the encoder prefers
    unknown = (torch.rand(ids.shape, generator=generator) < drop_word) & (ids > UNKNOWN)
    return ids.masked_fill(unknown, UNKNOWN), lengths


@dataclass(frozen=True)
class NoisedPack:
    """A pack of clips, and what a model is shown of it: noisy at each token's level, which is 0 where it is known."""

    clean: Pack
    noise: Float[Tensor, "N P"]
    shown: Pack


def draw_noised(
    items: LatentItems, levels: Float[Tensor, " B"], config: KnownConfig, generator: torch.Generator
) -> NoisedPack:
    """Pack clips and add noise at a level each, but for known tokens, which stay at level zero.

    Known tokens are disturbed a little all the same: one draw for each video says how much. A model then forgives its
    own errors when it continues from them.
    """
    clean = pack(items.latents, levels.to(items.latents[0].device))
    device, counts = clean.tokens.device, torch.tensor(clean.lengths)
    known = torch.cat(
        [
            draw_known(grid, config, generator, begun).flatten()
            for grid, begun in zip(clean.grids, items.starts_later, strict=True)
        ]
    ).to(device)
    noise = torch.randn(clean.tokens.shape, generator=generator).to(device)
    level = clean.noise * ~known
    amount = torch.rand(len(clean.lengths), generator=generator) * config.noise
    blur = amount.repeat_interleave(counts).to(device) * known
    noisy = on_path(clean.tokens, noise, level) + blur[:, None] * noise
    return NoisedPack(clean, noise, replace(clean, tokens=noisy, noise=level))


def weighted_mean(
    errors: Float[Tensor, " N"], levels: Float[Tensor, " N"], shares: Sequence[Tensor], thing_weight: float
) -> Float[Tensor, ""]:
    """The mean of token errors in which a thing's tokens count ``1 + thing_weight x share`` and known ones not at all.

    Args:
        errors: of each token.
        levels: the noise level that each was shown at; 0 where it is known.
        shares: of each token's pixels, how many show a thing; one tensor for each video.
        thing_weight: how much more things count. Otherwise small things would drown in the background's error.
    """
    weights = (1 + thing_weight * torch.cat(list(shares))) * (levels > 0)
    return (errors * (weights / weights.mean())).mean()
