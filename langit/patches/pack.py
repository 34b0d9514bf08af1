"""Packs: videos of any duration, size and aspect concatenated into one sequence of tokens, without padding.

Each token carries its own position and its own noise level; a known patch has level zero. Packing follows NaViT
(arXiv 2307.06304); bins are filled first-fit by decreasing length. Knows nothing of the model.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from langit.patches.patchify import patchify, unpatchify
from langit.patches.positions import positions
from langit.shapes import LatentShape, TokenGrid, token_grid


@dataclass(frozen=True)
class Pack:
    """Concatenated videos. ``lengths`` and ``grids`` say where each one starts and how to unpatchify it.

    ``control`` has the tokens of a control video beside each token, for models that read one (VACE).
    """

    tokens: Float[Tensor, "N P"]  # channels first, the order that Wan's patch embedding reads
    positions: Float[Tensor, "N 3"]
    noise: Float[Tensor, " N"]  # level of each token: 0 known .. 1 pure noise
    lengths: tuple[int, ...]
    grids: tuple[TokenGrid, ...]
    patch: tuple[int, int, int] = (1, 2, 2)
    control: Float[Tensor, "N Y"] | None = None

    def __post_init__(self) -> None:
        count = self.tokens.shape[0]
        assert self.positions.shape == (count, 3) and self.noise.shape == (count,)
        assert self.lengths == tuple(grid.count for grid in self.grids) and sum(self.lengths) == count

    def to(self, device: torch.device | str) -> Pack:
        """The same pack on another device."""
        return dataclasses.replace(
            self,
            tokens=self.tokens.to(device),
            positions=self.positions.to(device),
            noise=self.noise.to(device),
            control=None if self.control is None else self.control.to(device),
        )


@dataclass(frozen=True)
class TextPack:
    """Concatenated encoded prompts: the first one belongs to the first video of a pack, and so on.

    pads: for each text, how many zero vectors follow it that are attended to as well; empty for none. Wan was trained
        with texts that are filled up to 512 tokens and not masked.
    image: encoded pictures for each text, which cross-attention reads beside it (Wan 2.1 image-to-video).
    """

    tokens: Float[Tensor, "M E"]
    lengths: tuple[int, ...]
    pads: tuple[int, ...] = ()
    image: Float[Tensor, "B I V"] | None = None

    def __post_init__(self) -> None:
        assert sum(self.lengths) == self.tokens.shape[0] and min(self.lengths, default=1) >= 1
        assert len(self.pads) in (0, len(self.lengths)) and min(self.pads, default=0) >= 0
        assert self.image is None or len(self.image) == len(self.lengths)

    def to(self, device: torch.device | str) -> TextPack:
        """The same texts on another device."""
        image = None if self.image is None else self.image.to(device)
        return dataclasses.replace(self, tokens=self.tokens.to(device), image=image)


def pack(
    latents: Sequence[Float[Tensor, "C _ _ _"]],
    noise: Sequence[float | Tensor] | Float[Tensor, " B"],
    patch: tuple[int, int, int] = (1, 2, 2),
    places: Sequence[Float[Tensor, "_ 3"]] | None = None,
) -> Pack:
    """Concatenate latent videos into a pack, on the device of the first one.

    Args:
        latents: one tensor per video, of any size.
        noise: one level in [0, 1] per video, or a tensor with one per token.
        patch: frames, rows and columns of a patch.
        places: coordinates of each video's tokens; default the integer grid.

    Raises:
        ValueError: a side is not a multiple of the patch's side.
    """
    assert len(latents) == len(noise) > 0
    grids = tuple(token_grid(LatentShape(*video.shape), patch) for video in latents)
    device = latents[0].device
    by_grid = {grid: positions(grid, device) for grid in set(grids)}
    levels = [
        torch.as_tensor(level, dtype=torch.float32, device=device).expand(grid.count)
        for level, grid in zip(noise, grids, strict=True)
    ]
    return Pack(
        tokens=torch.cat([patchify(video, patch) for video in latents]),
        positions=torch.cat(list(places) if places is not None else [by_grid[grid] for grid in grids]).to(device),
        noise=torch.cat(levels),
        lengths=tuple(grid.count for grid in grids),
        grids=grids,
        patch=patch,
    )


def unpack(pack: Pack, tokens: Float[Tensor, "N Q"]) -> list[Float[Tensor, "_ _ _ _"]]:
    """Split a model's output for a pack into latent videos (channels last, as Wan's ``proj_out`` writes)."""
    pieces = tokens.split(pack.lengths)
    return [unpatchify(piece, grid, pack.patch) for piece, grid in zip(pieces, pack.grids, strict=True)]


def pack_texts(texts: Sequence[Float[Tensor, "_ E"]]) -> TextPack:
    """Concatenate encoded prompts."""
    return TextPack(torch.cat(list(texts)), tuple(text.shape[0] for text in texts))


def join_texts(first: TextPack, second: TextPack) -> TextPack:
    """The texts of one pack, then those of another. Both have pictures, or none has."""
    images = [each.image for each in (first, second) if each.image is not None]
    pads = [each.pads or (0,) * len(each.lengths) for each in (first, second)]
    return TextPack(
        torch.cat([first.tokens, second.tokens]),
        first.lengths + second.lengths,
        pads[0] + pads[1] if first.pads or second.pads else (),
        torch.cat(images) if images else None,
    )


def pack_by_tokens(lengths: Sequence[int], budget: int) -> list[tuple[int, ...]]:
    """Distribute sequences over bins of at most ``budget`` tokens, first-fit by decreasing length.

    Returns the indices in each bin, longest first, so that equal lengths are neighbours (attention batches those).
    Sequences are neither cut nor padded.

    Raises:
        ValueError: a sequence is longer than the budget, or empty.
    """
    bins: list[list[int]] = []
    free: list[int] = []
    # Ties are broken by index, so that the same sequences give the same bins.
    for index in sorted(range(len(lengths)), key=lambda index: (-lengths[index], index)):
        length = lengths[index]
        if length < 1:
            raise ValueError(f"sequence {index} has {length} tokens: leave empty ones out")
        if length > budget:
            raise ValueError(
                f"sequence {index} has {length} tokens, more than the budget of {budget}: raise the budget"
            )
        place = next((place for place, left in enumerate(free) if left >= length), None)
        if place is None:
            bins.append([])
            free.append(budget)
            place = len(bins) - 1
        bins[place].append(index)
        free[place] -= length
    return [tuple(members) for members in bins]
