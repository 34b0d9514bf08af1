"""A model as generation needs it: its parts, how it is sampled, and the sizes that it was made for."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch

from langit import config
from langit.autoencoder.model import Autoencoder
from langit.bundle import Parts
from langit.generate.settings import SamplingConfig
from langit.shapes import PixelShape
from langit.text.encoder import TextEncoder
from langit.transformer.model import VideoTransformer

SMALL = 50_000_000  # parameters
NAMED = 12  # sizes that a message lists


@dataclass(frozen=True)
class Model:
    """The parts that generation needs, and the sizes they were trained on."""

    transformer: VideoTransformer
    autoencoder: Autoencoder
    text: TextEncoder
    sampling: SamplingConfig
    sizes: tuple[PixelShape, ...]
    fps: float = 8.0

    @classmethod
    def of(cls, parts: Parts) -> Model:
        """The parts of a bundle, its sampling settings read and checked."""
        sampling = config.load(SamplingConfig, dict(parts.sampling))
        return cls(parts.transformer, parts.autoencoder, parts.text, sampling, parts.sizes, parts.fps)

    @property
    def cell(self) -> int:
        """Pixels to a side of a patch: width and height are multiples of it."""
        return self.autoencoder.config.space * self.transformer.config.patch_size[1]

    @property
    def most_frames(self) -> int:
        """The longest video that one walk can make."""
        return max(size.frames for size in self.sizes)

    def check(self, pixels: PixelShape) -> None:
        """Refuse sizes that the model was not made for. Those between the sizes that it was trained on it can do.

        Raises:
            ValueError: names the size and those that the model can do.
        """
        least, most = min(size.frames for size in self.sizes), self.most_frames
        if (pixels.width, pixels.height) not in self.pictures or not least <= pixels.frames <= most:
            raise ValueError(f"this model cannot make {pixels} (width x height x frames): {self.can_do}")

    @property
    def pictures(self) -> tuple[tuple[int, int], ...]:
        """Widths and heights that the model can do: those it was trained on, then those between them.

        Between: in whole patches, no side, area or proportion beyond those that it has seen.
        """
        learnt = tuple(dict.fromkeys((size.width, size.height) for size in self.sizes))
        sides = [range(min(side), max(side) + 1, self.cell) for side in zip(*learnt, strict=True)]
        most = max(width * height for width, height in learnt)
        shapes = [width / height for width, height in learnt]
        between = (
            (width, height)
            for width in sides[0]
            for height in sides[1]
            if width * height <= most and min(shapes) <= width / height <= max(shapes)
        )
        return tuple(dict.fromkeys((*learnt, *between)))

    @property
    def can_do(self) -> str:
        """The sizes that the model can do, in words."""
        named = [f"{width}x{height}" for width, height in self.pictures[:NAMED]]
        rest = len(self.pictures) - len(named)
        frames = sorted({size.frames for size in self.sizes})
        lengths = f"{frames[0]} to {frames[-1]} frames" if len(frames) > 1 else f"{frames[0]} frames"
        return (
            f"use {', '.join(named)}{f' or one of {rest} more between them' if rest else ''}"
            f" with {lengths} ({frames[-1] / self.fps:.3g} s{' at most' if len(frames) > 1 else ''})"
        )


def calm_threads(model: Model) -> None:
    """Use one thread for a small model on a CPU, unless OMP_NUM_THREADS says otherwise.

    The threads of one operation wait for each other: on a busy machine two took five times as long (docs/LOG.md).
    """
    parameters = sum(parameter.numel() for parameter in model.transformer.parameters())
    if "OMP_NUM_THREADS" not in os.environ and parameters < SMALL:
        torch.set_num_threads(1)
