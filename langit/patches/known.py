"""Known patches: which tokens of a video are given, and what they hold. Every ability is one of these values.

A known token keeps its value at noise level zero while the others are generated. This module knows neither the sampler
nor what an ability is called; it knows grids, and draws the sets of known tokens that training shows a model.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from langit.shapes import LatentShape, TokenGrid, token_grid


@dataclass(frozen=True, eq=False)
class Known:
    """What is given of a video: latents, which count where the mask over patches (F, r, s) is true."""

    latents: Float[Tensor, "C F h w"]
    mask: Bool[Tensor, "F r s"]
    patch: tuple[int, int, int] = (1, 2, 2)

    def __post_init__(self) -> None:
        grid = token_grid(LatentShape(*self.latents.shape), self.patch)
        assert tuple(self.mask.shape) == (grid.frames, grid.height, grid.width), "the mask is over patches"

    @property
    def tokens(self) -> Bool[Tensor, " n"]:
        """The mask in the order of a pack's tokens."""
        return self.mask.flatten()


def at_frames(grid: TokenGrid, frames: Iterable[int]) -> Bool[Tensor, "F r s"]:
    """Whole latent frames are known; negative numbers count from the end, as in a list."""
    mask = torch.zeros(grid.frames, grid.height, grid.width, dtype=torch.bool)
    for frame in frames:
        assert -grid.frames <= frame < grid.frames, f"frame {frame} of {grid.frames}"
        mask[frame] = True
    return mask


def first(grid: TokenGrid, count: int) -> Bool[Tensor, "F r s"]:
    """The first ``count`` latent frames are known: extension, and (one frame) an image that begins to move."""
    return at_frames(grid, range(count))


def last(grid: TokenGrid, count: int) -> Bool[Tensor, "F r s"]:
    """The last ``count`` latent frames are known: extension backwards."""
    return at_frames(grid, range(grid.frames - count, grid.frames))


def outside(grid: TokenGrid, region: Bool[Tensor, "r s"]) -> Bool[Tensor, "F r s"]:
    """All but a region of every frame is known: inpainting."""
    assert tuple(region.shape) == (grid.height, grid.width), "the region is over patches"
    return ~region[None].expand(grid.frames, -1, -1)


@dataclass(frozen=True)
class KnownConfig:
    """Which sets of known patches training draws, as relative weights; ``none`` is plain text to video."""

    none: float = 1.0
    first_frame: float = 0.0
    first_frames: float = 0.0
    last_frames: float = 0.0
    both_ends: float = 0.0
    scattered: float = 0.0
    region: float = 0.0
    noise: float = 0.0  # known latents are disturbed by up to this much, so that a model forgives its own errors

    def __post_init__(self) -> None:
        for name, weight in vars(self).items():
            if not weight >= 0:
                raise ValueError(f"known.{name} {weight} is below 0: give 0 or more")
        if not self.weights().sum() > 0:
            raise ValueError("known: every weight is 0, so that nothing can be drawn: give one above 0")

    def weights(self) -> Float[Tensor, " k"]:
        return torch.tensor([getattr(self, name) for name in KINDS], dtype=torch.float64)


KINDS = ("none", "first_frame", "first_frames", "last_frames", "both_ends", "scattered", "region")


def draw_known(grid: TokenGrid, config: KnownConfig, generator: torch.Generator, begun: bool) -> Bool[Tensor, "F r s"]:
    """A random set of known patches, never all of them.

    Args:
        grid: of the video.
        config: how often each kind of set is drawn.
        generator: the only source of chance; the number of draws from it depends on the grid alone for each kind.
        begun: the video begins in the middle of what its caption tells, so that a start has to be given.
    """
    kind = KINDS[int(torch.multinomial(config.weights(), 1, generator=generator))]
    if grid.frames == 1:
        kind = "region" if kind == "region" else "none"
    elif begun and kind in ("none", "region"):
        kind = "first_frames"
    if kind == "none":
        return at_frames(grid, ())
    if kind == "region":
        return outside(grid, _rectangle(grid, generator))
    if kind == "first_frame":
        return first(grid, 1)
    most = grid.frames - 1
    if kind == "scattered":
        mask = torch.rand(grid.frames, generator=generator) < torch.rand((), generator=generator)
        mask[int(torch.randint(grid.frames, (), generator=generator))] = False
        if begun:
            mask[0] = True
        return at_frames(grid, mask.nonzero().flatten().tolist()[:most])
    count = 1 + int(torch.randint(most, (), generator=generator))
    if kind == "last_frames":
        return last(grid, count)
    if kind == "both_ends" and most > 1:
        head = 1 + int(torch.randint(most - 1, (), generator=generator))
        tail = 1 + int(torch.randint(most - head, (), generator=generator))
        return first(grid, head) | last(grid, tail)
    return first(grid, count)


def _rectangle(grid: TokenGrid, generator: torch.Generator) -> Bool[Tensor, "r s"]:
    """A rectangle of at least one patch."""
    region = torch.zeros(grid.height, grid.width, dtype=torch.bool)
    spans = []
    for side in (grid.height, grid.width):
        length = 1 + int(torch.randint(side, (), generator=generator))
        begin = int(torch.randint(side - length + 1, (), generator=generator))
        spans.append(slice(begin, begin + length))
    region[spans[0], spans[1]] = True
    return region
