"""A model as generation needs it: its parts, how it is sampled, and the sizes that it was made for."""

from __future__ import annotations

import os
from collections.abc import Sequence
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


def calm_threads(model: Model) -> None:
    """Use one thread for a small model on a CPU, unless OMP_NUM_THREADS says otherwise.

    The threads of one operation wait for each other: on a busy machine two took five times as long (docs/LOG.md).
    """
    parameters = sum(parameter.numel() for parameter in model.transformer.parameters())
    if "OMP_NUM_THREADS" not in os.environ and parameters < SMALL:
        torch.set_num_threads(1)


def check_size(pixels: PixelShape, sizes: Sequence[PixelShape]) -> None:
    """Refuse sizes that the model was not made for.

    Raises:
        ValueError: names the size and those that the model can do.
    """
    if pixels not in sizes:
        known = ", ".join(str(size) for size in sizes)
        raise ValueError(f"this model cannot make {pixels} (width x height x frames): use {known}")
