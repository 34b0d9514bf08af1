"""Known patches: which tokens of a video are given, and their values. Every ability is one of these values.

A known token keeps its value at noise level zero while the others are generated. This module knows neither the sampler
nor the names of abilities. It builds masks over token grids and draws the random masks that training uses.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from langit.device import CPU
from langit.shapes import LatentShape, TokenGrid, token_grid


@dataclass(frozen=True, eq=False)
class Known:
    """The given part of a video: latents, of which the patches count where ``mask`` is true. Both on one device."""

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


def frame_mask(grid: TokenGrid, frames: Iterable[int], device: torch.device = CPU.device) -> Bool[Tensor, "F r s"]:
    """A mask that is true at whole latent frames; negative numbers count from the end."""
    mask = torch.zeros(grid.frames, grid.height, grid.width, dtype=torch.bool, device=device)
    for frame in frames:
        assert -grid.frames <= frame < grid.frames, f"frame {frame} of {grid.frames}"
        mask[frame] = True
    return mask


def first_frames_mask(grid: TokenGrid, count: int, device: torch.device = CPU.device) -> Bool[Tensor, "F r s"]:
    """A mask of the first ``count`` latent frames: extension, or with one frame image to video."""
    return frame_mask(grid, range(count), device)


def last_frames_mask(grid: TokenGrid, count: int, device: torch.device = CPU.device) -> Bool[Tensor, "F r s"]:
    """A mask of the last ``count`` latent frames: extension backwards."""
    return frame_mask(grid, range(grid.frames - count, grid.frames), device)


def outside_mask(grid: TokenGrid, region: Bool[Tensor, "r s"]) -> Bool[Tensor, "F r s"]:
    """A mask of everything but ``region``, the same in every frame: inpainting."""
    assert tuple(region.shape) == (grid.height, grid.width), "the region is over patches"
    return ~region[None].expand(grid.frames, -1, -1)


@dataclass(frozen=True)
class KnownConfig:
    """Relative weights of the kinds of masks that training draws; ``none`` is plain text to video."""

    none: float = 1.0
    first_frame: float = 0.0
    first_frames: float = 0.0
    last_frames: float = 0.0
    both_ends: float = 0.0
    scattered: float = 0.0
    region: float = 0.0
    # The most noise added to known latents in training, so that at inference a model tolerates its own errors in them.
    noise: float = 0.0

    def __post_init__(self) -> None:
        for name, weight in vars(self).items():
            if not weight >= 0:
                raise ValueError(f"known.{name} {weight} is below 0: use 0 or more")
        if not self.weights().sum() > 0:
            raise ValueError("known: every weight is 0, so no mask can be drawn: set one of them above 0")

    def weights(self) -> Float[Tensor, " k"]:
        """The weights in the order of ``KINDS``, on the CPU, where random numbers are drawn."""
        return torch.tensor([getattr(self, name) for name in KINDS], dtype=torch.float64, device="cpu")


KINDS = ("none", "first_frame", "first_frames", "last_frames", "both_ends", "scattered", "region")


def draw_known(grid: TokenGrid, config: KnownConfig, generator: torch.Generator, begun: bool) -> Bool[Tensor, "F r s"]:
    """Draw a random mask of known patches, on the CPU. It never covers the whole video.

    Args:
        grid: the video's token grid.
        config: the weights of the kinds.
        generator: a CPU generator. For each kind the number of draws depends on the grid alone.
        begun: whether the video starts in the middle of what its caption describes, so that a start must be given.
    """
    kind = KINDS[int(torch.multinomial(config.weights(), 1, generator=generator))]
    if grid.frames == 1:  # an image has no frames to give some of
        kind = "region" if kind == "region" else "none"
    elif begun and kind in ("none", "region"):
        kind = "first_frames"
    if kind == "none":
        return frame_mask(grid, ())
    if kind == "region":
        return outside_mask(grid, _draw_rectangle(grid, generator))
    if kind == "first_frame":
        return first_frames_mask(grid, 1)
    most = grid.frames - 1  # at least one frame is left to generate
    if kind == "scattered":
        mask = torch.rand(grid.frames, generator=generator, device="cpu") < torch.rand(
            (), generator=generator, device="cpu"
        )
        mask[_draw_below(grid.frames, generator)] = False
        if begun:
            mask[0] = True
        return frame_mask(grid, mask.nonzero().flatten().tolist()[:most])
    count = 1 + _draw_below(most, generator)
    if kind == "last_frames":
        return last_frames_mask(grid, count)
    if kind == "both_ends" and most > 1:
        head = 1 + _draw_below(most - 1, generator)
        tail = 1 + _draw_below(most - head, generator)
        return first_frames_mask(grid, head) | last_frames_mask(grid, tail)
    return first_frames_mask(grid, count)


def _draw_rectangle(grid: TokenGrid, generator: torch.Generator) -> Bool[Tensor, "r s"]:
    """Draw a rectangle of at least one patch."""
    region = torch.zeros(grid.height, grid.width, dtype=torch.bool, device="cpu")
    spans = []
    for side in (grid.height, grid.width):
        length = 1 + _draw_below(side, generator)
        begin = _draw_below(side - length + 1, generator)
        spans.append(slice(begin, begin + length))
    region[spans[0], spans[1]] = True
    return region


def _draw_below(bound: int, generator: torch.Generator) -> int:
    """A uniform whole number from 0 to ``bound - 1``."""
    return int(torch.randint(bound, (), generator=generator, device="cpu"))
