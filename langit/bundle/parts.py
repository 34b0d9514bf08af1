"""The parts of a model as values: what a bundle stores, and a bundle that was opened. Knows nothing of files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer

from langit.autoencoder.protocol import VideoAutoencoder
from langit.bundle.adapters import TunedAdapter
from langit.bundle.films import FilmTable
from langit.bundle.provenance import Provenance
from langit.device import Placement, placement_of
from langit.shapes import PixelShape
from langit.text.encoder import TextEncoder
from langit.transformer.protocol import Denoiser


@dataclass(frozen=True, eq=False)
class Parts:
    """Everything that generating needs.

    ``sampling`` is plain JSON with at least ``levels.shift``. The first of ``sizes`` is the default. ``dtypes`` has the
    dtype on disk of each weight by part ("transformer", "vae", "text_encoder"); other weights are stored in half
    precision.
    """

    transformer: Denoiser
    autoencoder: VideoAutoencoder
    text: TextEncoder
    sampling: Mapping[str, Any]
    sizes: tuple[PixelShape, ...]
    fps: float = 8.0
    adapters: Mapping[str, TunedAdapter] = field(default_factory=dict)
    dtypes: Mapping[str, Mapping[str, torch.dtype]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Bundle(Parts):
    """An opened model: its parts, its provenance and its folder."""

    provenance: Provenance = field(kw_only=True)
    path: Path = field(kw_only=True)

    @property
    def placement(self) -> Placement:
        """The device and dtype of the parts."""
        return placement_of(self.transformer)

    @property
    def tokenizer(self) -> Tokenizer:
        """The text encoder's tokenizer."""
        return self.text.tokenizer

    def films(self) -> FilmTable | None:
        """The table of training films, if the model has one.

        Raises:
            ValueError: the table is damaged.
        """
        return FilmTable.load(self.path / self.provenance.films.file) if self.provenance.films else None
