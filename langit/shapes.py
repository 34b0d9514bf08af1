"""Shapes as values: pixels, latents and tokens, and all compression arithmetic between them.

Other modules do not compute these sizes themselves. Knows nothing of tensors, files or models.

Axis letters, the same in every module:
    B  batch            T  pixel frames      H, W  pixel rows, columns
    C  channels         F  latent frames     h, w  latent rows, columns
    N  tokens in a pack D  model width       S     text tokens           P  values in a patch
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class PixelShape:
    """A video's size: T frames of H x W pixels. Written ``64x64x17`` (width x height x frames)."""

    frames: int
    height: int
    width: int

    def __post_init__(self) -> None:
        for name, value in (("frames", self.frames), ("height", self.height), ("width", self.width)):
            if value < 1:
                raise ValueError(f"{name} {value} is too small: use a whole number of at least 1")

    def __str__(self) -> str:
        return f"{self.width}x{self.height}x{self.frames}"

    @classmethod
    def parse(cls, text: str) -> PixelShape:
        """Read ``WIDTHxHEIGHTxFRAMES`` or ``WIDTHxHEIGHT`` (one frame: an image).

        Raises:
            ValueError: the text has another form.
        """
        found = re.fullmatch(r"(\d+)x(\d+)(?:x(\d+))?", text.strip().lower())
        if found is None:
            raise ValueError(f"size {text!r} is not WIDTHxHEIGHT or WIDTHxHEIGHTxFRAMES, for example 128x128x33")
        width, height, frames = (int(part) if part else 1 for part in found.groups())
        return cls(frames=frames, height=height, width=width)


@dataclass(frozen=True)
class Compression:
    """The autoencoder's compression: ``space`` pixels per side of a latent cell, ``time`` frames to a latent frame."""

    time: int = 4
    space: int = 8
    channels: int = 16


@dataclass(frozen=True, order=True)
class LatentShape:
    """A latent video: F frames of h x w cells with C channels."""

    channels: int
    frames: int
    height: int
    width: int

    @property
    def cells(self) -> int:
        """The number of cells, each of ``channels`` values."""
        return self.frames * self.height * self.width


@dataclass(frozen=True, order=True)
class TokenGrid:
    """The spacetime grid of patches of a latent video."""

    frames: int
    height: int
    width: int

    @property
    def count(self) -> int:
        """The number of tokens in the grid."""
        return self.frames * self.height * self.width


def latent_shape(pixels: PixelShape, compression: Compression) -> LatentShape:
    """The latent shape of a video: one latent frame for the first frame, then one for every ``time`` frames.

    Raises:
        ValueError: the size is not divisible; the message names the nearest sizes that are.
    """
    for name, value in (("width", pixels.width), ("height", pixels.height)):
        if value % compression.space:
            low = max(value // compression.space, 1) * compression.space
            raise ValueError(
                f"{name} {value} is not a multiple of {compression.space}: use {low} or {low + compression.space}"
            )
    if (pixels.frames - 1) % compression.time:
        low = (pixels.frames - 1) // compression.time * compression.time + 1
        raise ValueError(
            f"{pixels.frames} frames cannot be compressed {compression.time} to 1 after the first:"
            f" use {low} or {low + compression.time}"
        )
    return LatentShape(
        channels=compression.channels,
        frames=(pixels.frames - 1) // compression.time + 1,
        height=pixels.height // compression.space,
        width=pixels.width // compression.space,
    )


def whole_frames(frames: int, compression: Compression, up: bool = False) -> int:
    """Round a number of frames down (with ``up``: up) to one that can be compressed."""
    rest = (frames - 1) % compression.time
    return frames - rest + (compression.time if up and rest else 0)


def frames_of(latent_frames: int, compression: Compression) -> int:
    """The pixel frames that latent frames from a video's beginning hold."""
    return (latent_frames - 1) * compression.time + 1


def pixels_of(latent: LatentShape, compression: Compression) -> PixelShape:
    """The video that a latent video holds."""
    space = compression.space
    return PixelShape(frames_of(latent.frames, compression), latent.height * space, latent.width * space)


def cell_size(compression: Compression, patch: tuple[int, int, int] = (1, 2, 2)) -> int:
    """Pixels to a side of a patch, of which width and height are multiples."""
    return compression.space * patch[1]


def token_grid(latent: LatentShape, patch: tuple[int, int, int] = (1, 2, 2)) -> TokenGrid:
    """The grid of patches of a latent video.

    Raises:
        ValueError: a side is not a multiple of the patch's side.
    """
    sides = (latent.frames, latent.height, latent.width)
    for name, side, step in zip(("frames", "height", "width"), sides, patch, strict=True):
        if side % step:
            raise ValueError(f"latent {name} {side} is not a multiple of the patch's {step}: choose another size")
    return TokenGrid(*(side // step for side, step in zip(sides, patch, strict=True)))
