"""The interface of a video autoencoder, whichever network implements it.

Generation, training and evaluation know an autoencoder only by this interface; a bundle names the implementation.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from jaxtyping import Float
from torch import Tensor, nn

from langit.shapes import Compression

Video = Float[Tensor, "B 3 T H W"]
Latents = Float[Tensor, "B C F h w"]
State = tuple[Any, ...]
"""What a streaming call hands to the next one; its content belongs to the implementation."""


class VideoAutoencoder(nn.Module):
    """Pixels to normalised latents and back, causal in time, whole or piece by piece."""

    class_name: ClassVar[tuple[str, str]]
    """The library and class that a bundle's ``model_index.json`` names."""
    config: Any
    """The implementation's own sizes, a frozen dataclass."""
    encoder: nn.Module
    decoder: nn.Module
    outer_layers: ClassVar[tuple[str, ...]] = ()
    """The first and last layers of encoder and decoder, whose rounding errors reach pixels or latents directly."""

    @abstractmethod
    def config_dict(self) -> dict[str, Any]:
        """The config as plain values, for a bundle's ``config.json``."""

    @property
    @abstractmethod
    def compression(self) -> Compression:
        """How pixels are compressed to latents."""

    @abstractmethod
    def encode_stream(self, video: Video, state: State | None) -> tuple[Latents, State]:
        """Encode the next piece of a video; ``state`` is None for the first piece.

        Raises:
            ValueError: the size cannot be compressed; the message names the nearest sizes that can.
        """

    @abstractmethod
    def decode_stream(self, latents: Latents, state: State | None) -> tuple[Video, State]:
        """Decode the next latent frames; ``state`` is None for the first piece."""

    def encode(self, video: Video) -> Latents:
        """Encode a whole video in [-1, 1] as normalised latents.

        Raises:
            ValueError: the size cannot be compressed; the message names the nearest sizes that can.
        """
        return self.encode_stream(video, None)[0]

    def decode(self, latents: Latents) -> Video:
        """Decode normalised latents to a whole video. Values may lie slightly outside [-1, 1]."""
        return self.decode_stream(latents, None)[0]
