"""Read pictures and masks from files."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from langit.files import sha256
from langit.generate.fitting import Fit, describe_fit, fit_picture, fitted_size
from langit.generate.footage import Footage, Parent
from langit.generate.model import Model
from langit.shapes import PixelShape

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
"""Formats that Pillow may try: for some of its others it starts external programs, whatever the file's name says."""


def read_image(path: Path | str, model: Model, *, fit: Fit | None = None, size: PixelShape | None = None) -> Footage:
    """Read a picture as footage of one frame, turned as its EXIF data says.

    ``fit`` and ``size`` are those of :func:`langit.generate.footage.read_video`.

    Raises:
        FileNotFoundError: the file does not exist.
        ValueError: the file is not a picture, is damaged or animated, or has a size that the model does not support
            and ``fit`` is None.
    """
    path = Path(path)
    picture = open_picture(path)
    target = fitted_size(str(path), picture.size, model, fit, size)
    done = describe_fit(picture.size, target, fit)
    frames = fit_picture(picture.convert("RGB"), target, fit)[None]
    return Footage(frames, model.fps, (Parent(path.name, sha256(path), done, path),))


def read_mask(path: Path | str, pixels: PixelShape) -> tuple[Bool[Tensor, "H W"], tuple[Parent, ...]]:
    """Read a picture as a mask for all frames: white is generated anew, black is kept.

    Raises:
        FileNotFoundError: the file does not exist.
        ValueError: the file is not a picture, or not of the video's size.
    """
    path = Path(path)
    picture = open_picture(path).convert("L")
    if picture.size != (pixels.width, pixels.height):
        raise ValueError(
            f"mask {path} is {picture.width}x{picture.height}, the video {pixels.width}x{pixels.height}:"
            f" make the mask {pixels.width}x{pixels.height}"
        )
    return torch.from_numpy(np.array(picture) >= 128), (Parent(path.name, sha256(path), ("used as a mask",), path),)


def open_picture(path: Path) -> Image.Image:
    """A still picture of 8 bits a channel, upright and fully decoded.

    Raises:
        FileNotFoundError: the file does not exist.
        ValueError: the file is not such a picture.
    """
    if path.is_dir():
        raise ValueError(f"{path} is a folder: give a picture")
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist: check the name")
    if not path.is_file():
        raise ValueError(f"{path} is a pipe or a device: save what comes from it, and give the file")
    try:
        with (
            warnings.catch_warnings(action="error", category=Image.DecompressionBombWarning),
            Image.open(path, formats=FORMATS) as file,
        ):
            count = getattr(file, "n_frames", 1)
            if count > 1:
                raise ValueError(f"{path} holds {count} pictures: give one, or give it as a video")
            if file.mode[0] in "IF":  # Pillow's modes of 16 and 32 bits
                raise ValueError(f"{path} has more than 8 bits a channel ({file.mode}): save it with 8")
            if "transparency" in file.info or file.mode in ("RGBA", "LA", "PA", "RGBa", "La"):
                if _is_opaque(file):
                    return ImageOps.exif_transpose(file.convert("RGB"))
                raise ValueError(f"{path} is transparent in places: save it without an alpha channel")
            return ImageOps.exif_transpose(file)
    except PermissionError as error:
        raise ValueError(f"{path} may not be read: change its permissions") from error
    except UnidentifiedImageError as error:
        raise ValueError(f"{path} is not a picture that can be read: give a PNG or JPEG") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ValueError(f"{path} claims more pixels than are safe to read: give a smaller picture") from error
    except (OSError, SyntaxError) as error:  # what Pillow raises for damaged files
        raise ValueError(f"{path} is damaged ({error}): give a picture that opens") from error


def _is_opaque(picture: Image.Image) -> bool:
    """Whether an alpha channel is there but hides nothing, as in most PNG files from screenshots."""
    return picture.convert("RGBA").getchannel("A").getextrema() == (255, 255)
