"""Fit pictures to a size that the model supports, in the way that a person chose; without a choice refuse them."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal, cast, get_args

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image, ImageOps
from torch import Tensor

from langit.generate.model import Model
from langit.shapes import PixelShape

Fit = Literal["crop", "pad", "stretch"]


def check_fit(fit: str | None) -> Fit | None:
    """The argument, if it is a way to fit pictures.

    Raises:
        ValueError: it is not.
    """
    if fit is not None and fit not in get_args(Fit):
        raise ValueError(f"fit {fit!r} is not known: use {', '.join(get_args(Fit))}")
    return cast("Fit | None", fit)


def fitted_size(
    name: str, given: tuple[int, int], model: Model, fit: Fit | None, size: PixelShape | None
) -> tuple[int, int]:
    """Width and height that a picture is fitted to.

    Args:
        name: of the picture, for error messages.
        given: its width and height.
        model: says which sizes are supported.
        fit: how to change it; None refuses every change.
        size: the size that was asked for, if any.

    Raises:
        ValueError: it would have to be changed and ``fit`` is None; or ``size`` is not supported.
    """
    check_fit(fit)
    if size is not None:
        model.check(replace(size, frames=model.max_frames))
        wanted, why = (size.width, size.height), f"the video is to be {size.width}x{size.height}"
    elif model.takes_size(*given):
        wanted, why = given, ""
    else:
        wanted, why = nearest_size(*given, model), f"this model does not support that ({model.supported_sizes})"
    if fit is None and wanted != given:
        raise ValueError(
            f"{name} is {given[0]}x{given[1]}; {why}: choose how to resize it, fit crop, pad or stretch (--fit crop)"
        )
    return wanted


def nearest_size(width: int, height: int, model: Model) -> tuple[int, int]:
    """The supported width and height with the nearest aspect ratio, and of these the one with the nearest area."""

    def distance(size: tuple[int, int]) -> tuple[float, float]:
        aspect = math.log(size[0] * height / (size[1] * width))
        # rounded, so that aspect ratios which are equal but for rounding errors are compared by area
        return round(abs(aspect), 6), abs(math.log(size[0] * size[1] / (width * height)))

    return min(model.frame_sizes, key=distance)


def fit_picture(picture: Image.Image, target: tuple[int, int], fit: Fit | None) -> UInt8[Tensor, "H W 3"]:
    """Resize an RGB picture to ``target`` (width, height): crop what is too much, pad with black, or stretch."""
    if picture.size != target:
        resampling = Image.Resampling.LANCZOS
        if fit == "crop":
            picture = ImageOps.fit(picture, target, resampling)
        elif fit == "pad":
            picture = ImageOps.pad(picture, target, resampling)
        else:
            assert fit == "stretch"
            picture = picture.resize(target, resampling)
    return torch.from_numpy(np.array(picture))


def describe_fit(given: tuple[int, int], target: tuple[int, int], fit: Fit | None) -> tuple[str, ...]:
    """What :func:`fit_picture` changes, in words that are signed with the video; empty if nothing."""
    if given == target:
        return ()
    verb = {"crop": "cropped", "pad": "padded", "stretch": "stretched", None: ""}[fit]
    return (f"{verb} from {given[0]}x{given[1]} to {target[0]}x{target[1]}",)
