"""What the flow tasks draw for a batch: captions as a model reads them, and clips, noisy where they are unknown.

Everything is drawn from one generator in one order, so a step that is done again sees the same. Knows no loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from langit.feed.loader import LatentItems
from langit.flow.path import on_path
from langit.patches import Pack, TextPack, pack
from langit.patches.known import KnownConfig, draw_known
from langit.text.encoder import TextEncoder

UNKNOWN = 2  # the id of an unknown word; those above it are words


def draw_captions(
    captions: Sequence[str], text: TextEncoder, drop_caption: float, drop_word: float, generator: torch.Generator
) -> TextPack:
    """The captions encoded, a share of them emptied and a share of all words made unknown."""
    drop = torch.rand(len(captions), generator=generator) < drop_caption
    kept = ["" if out else caption for caption, out in zip(captions, drop.tolist(), strict=True)]
    ids, lengths = text.tokenize(kept)
    unknown = (torch.rand(ids.shape, generator=generator) < drop_word) & (ids > UNKNOWN)
    return TextPack(text(ids.masked_fill(unknown, UNKNOWN), lengths), lengths)


@dataclass(frozen=True)
class Noised:
    """A pack of clips and what a model is shown of it: noisy at each token's level, which is zero where it is known."""

    clean: Pack
    noise: Float[Tensor, "N P"]
    shown: Pack


def draw_noised(
    items: LatentItems, levels: Float[Tensor, " B"], config: KnownConfig, generator: torch.Generator
) -> Noised:
    """Clips at a level each. Known tokens are disturbed a little: one draw for each video says how much."""
    clean = pack(items.latents, levels)
    known = torch.cat(
        [
            draw_known(grid, config, generator, begun).flatten()
            for grid, begun in zip(clean.grids, items.begun, strict=True)
        ]
    )
    noise = torch.randn(clean.tokens.shape, generator=generator)
    level = clean.noise * ~known
    amount = torch.rand(len(clean.lengths), generator=generator) * config.noise
    blur = amount.repeat_interleave(torch.tensor(clean.lengths)) * known
    noisy = on_path(clean.tokens, noise, level) + blur[:, None] * noise
    return Noised(clean, noise, replace(clean, tokens=noisy, noise=level))


def weighed(
    wrong: Float[Tensor, " N"], shown: Float[Tensor, " N"], shares: Sequence[Tensor], thing_weight: float
) -> Float[Tensor, ""]:
    """The mean of errors, a thing's tokens counting ``1 + thing_weight x share`` and known ones (level 0) not at all.

    Args:
        wrong: each token's error.
        shown: the level that each was shown at.
        shares: of each token's pixels that show a thing, by video.
        thing_weight: how much more they count.
    """
    weights = (1 + thing_weight * torch.cat(list(shares))) * (shown > 0)
    return (wrong * (weights / weights.mean())).mean()
