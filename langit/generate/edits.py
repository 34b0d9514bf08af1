"""Edits of given videos: generate the whole again with another prompt, or a region of every frame."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from langit.generate.canvas import Canvas
from langit.generate.completion import complete_video
from langit.generate.inputs import Video, as_footage, check_strength
from langit.generate.model import Model
from langit.generate.sampler import OnStep
from langit.generate.settings import SamplingConfig
from langit.generate.stills import read_mask
from langit.generate.video import Generated


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
    """Generate a video again with another prompt, beginning from the noised video: SDEdit (arXiv 2108.01073).

    Args:
        video: see :func:`langit.generate.extend`.
        prompt: what the result shows.
        model: see :class:`Model`.
        strength: above 0 up to 1: how noisy the start is. The higher, the less of the video is kept.
        seed: see :func:`generate`, as for ``sampling`` and ``on_step``.
        sampling: see there.
        on_step: see there.

    Raises:
        ValueError, FileNotFoundError: see :func:`extend`.
    """
    text, given = model.check_prompt(prompt), as_footage(video, model)
    nothing = torch.zeros(given.frames.shape[:3], dtype=torch.bool, device=given.frames.device)
    canvas = Canvas(given.frames, nothing, check_strength(strength))
    return complete_video("edit", text, model, canvas, [given], seed, sampling, on_step)


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
    """Generate a region of every frame anew: all patches are known except those that the mask touches.

    Args:
        video: see :func:`langit.generate.extend`; pixels outside of the mask come back unchanged.
        mask: white (true) where the video is generated anew; of the video's size.
        prompt: what the whole video shows.
        model: see :class:`Model`.
        strength: below 1 the region begins from what is there, as in :func:`edit`.
        feather: pixels inside the mask's edge over which old and new are mixed.
        seed: see :func:`generate`, as for ``sampling`` and ``on_step``.
        sampling: see there.
        on_step: see there.

    Raises:
        ValueError, FileNotFoundError: see :func:`langit.generate.extend`; a mask of another size, empty or full.
    """
    text, given = model.check_prompt(prompt), as_footage(video, model)
    if isinstance(mask, Tensor):
        region, parents, name = mask, given.parents, "the mask"
    else:
        region, masks = read_mask(mask, given.pixels)
        parents, name = (*given.parents, *masks), f"mask {mask}"
    if region.dtype != torch.bool or region.shape != given.frames.shape[1:3]:
        raise ValueError(
            f"{name} is {region.dtype} {tuple(region.shape)}, the video's frames are {tuple(given.frames.shape[1:3])}:"
            " give one boolean for each pixel"
        )
    if not region.any():
        raise ValueError(f"{name} has no white pixel: paint the region white that is to be generated anew")
    if region.all():
        raise ValueError(f"{name} is white everywhere and keeps nothing: edit the video instead")
    if feather < 0:
        raise ValueError(f"feather {feather} is not a number of pixels: use 0 or more")
    canvas = Canvas(given.frames, ~region.expand(given.frames.shape[:3]), check_strength(strength))
    result = complete_video("inpaint", text, model, canvas, [given], seed, sampling, on_step)
    share = _feather(region, feather)[None, ..., None]  # 1 H W 1
    frames = (given.frames * (1 - share) + result.frames * share).round().to(torch.uint8)
    return replace(result, frames=frames, parents=parents)


def _feather(region: Bool[Tensor, "H W"], feather: int) -> Float[Tensor, "H W"]:
    """The opacity of new pixels: 0 outside of the region, rising with each pixel inside, 1 after ``feather``."""
    layer = region.float()
    share = layer.clone()
    for _ in range(feather):
        # A minimum over 3x3 neighbours erodes the region by one pixel. Outside of the frame counts as region.
        layer = -functional.max_pool2d(functional.pad(-layer[None, None], (1, 1, 1, 1), value=-1.0), 3, stride=1)[0, 0]
        share += layer
    return share / (feather + 1)
