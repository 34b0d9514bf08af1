"""Videos made again: the whole with another prompt, or a region of every frame while the rest is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from langit.generate.canvas import Canvas
from langit.generate.footage import read_mask
from langit.generate.made import Video, checked_strength, footage_of, made
from langit.generate.model import Model
from langit.generate.sampler import OnStep
from langit.generate.settings import SamplingConfig
from langit.generate.video import Generated
from langit.text.prompt import check_prompt


def edit(
    video: Video,
    prompt: str,
    model: Model,
    *,
    strength: float = 0.6,
    seed: int = 0,
    sampling: SamplingConfig | None = None,
    on_step: OnStep | None = None,
) -> Generated:
    """Make a video again with another prompt: nothing is known, and the walk begins with the video.

    This is SDEdit (arXiv 2108.01073).

    Args:
        video: see :func:`extend`.
        prompt: what it is to show.
        model: see :class:`Model`.
        strength: above 0, at most 1: how far towards noise the walk begins, so how little of the video is kept.
        seed: see :func:`generate`, as for ``sampling`` and ``on_step``.
        sampling: see there.
        on_step: see there.

    Raises:
        ValueError, FileNotFoundError: see :func:`extend`.
    """
    given = footage_of(video, model)
    canvas = Canvas(given.frames, torch.zeros(given.frames.shape[:3], dtype=torch.bool), checked_strength(strength))
    return made("edit", check_prompt(prompt), model, canvas, [given], seed, sampling, on_step)


def inpaint(
    video: Video,
    mask: Path | str | Bool[Tensor, "H W"],
    prompt: str,
    model: Model,
    *,
    strength: float = 1.0,
    feather: int = 0,
    seed: int = 0,
    sampling: SamplingConfig | None = None,
    on_step: OnStep | None = None,
) -> Generated:
    """Make a region of every frame anew: all patches are known but those that the mask touches.

    Args:
        video: see :func:`extend`; what lies outside of the mask comes back as it was, to the pixel.
        mask: white (true) where the video is made anew; of the video's size.
        prompt: what the whole video is to show.
        model: see :class:`Model`.
        strength: below 1 the region begins with what is there, as in :func:`edit`.
        feather: pixels inside of the mask's edge over which old and new are mixed.
        seed: see :func:`generate`, as for ``sampling`` and ``on_step``.
        sampling: see there.
        on_step: see there.

    Raises:
        ValueError, FileNotFoundError: see :func:`extend`; a mask of another size, empty or full.
    """
    given = footage_of(video, model)
    if isinstance(mask, Tensor):
        region, parents, name = mask, given.parents, "the mask"
    else:
        region, masks = read_mask(mask, given.pixels)
        parents, name = (*given.parents, *masks), f"mask {mask}"
    if region.dtype != torch.bool or region.shape != given.frames.shape[1:3]:
        raise ValueError(
            f"{name} is {region.dtype} {tuple(region.shape)}, the video's frames are {tuple(given.frames.shape[1:3])}:"
            " give one bool for each pixel"
        )
    if not region.any():
        raise ValueError(f"{name} has no white pixel, so that nothing is to be made anew: paint the region white")
    if region.all():
        raise ValueError(f"{name} is white all over, so that nothing is kept: edit the video instead")
    if feather < 0:
        raise ValueError(f"feather {feather} is not a number of pixels: give 0 or more")
    canvas = Canvas(given.frames, ~region.expand(given.frames.shape[:3]), checked_strength(strength))
    whole = made("inpaint", check_prompt(prompt), model, canvas, [given], seed, sampling, on_step)
    share = _feathered(region, feather)[None, ..., None]
    frames = (given.frames * (1 - share) + whole.frames * share).round().to(torch.uint8)
    return replace(whole, frames=frames, parents=parents)


def _feathered(region: Bool[Tensor, "H W"], feather: int) -> Float[Tensor, "H W"]:
    """How much of the new is seen: none outside of the region, more with each pixel inside, all after ``feather``."""
    layer = region.float()
    share = layer.clone()
    for _ in range(feather):
        layer = -functional.max_pool2d(functional.pad(-layer[None, None], (1, 1, 1, 1), value=-1.0), 3, stride=1)[0, 0]
        share += layer
    return share / (feather + 1)
