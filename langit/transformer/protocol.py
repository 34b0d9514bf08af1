"""The interface of a denoiser, whichever network implements it.

Sampling and training know a denoiser only by this interface; a bundle names the implementation.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from jaxtyping import Float
from torch import Tensor, nn

from langit.patches import Pack, TextPack
from langit.transformer.kept import KeptText


class Denoiser(nn.Module):
    """Predicts the velocity of every token of a pack."""

    class_name: ClassVar[tuple[str, str]]
    """The library and class that a bundle's ``model_index.json`` names."""
    config: Any
    """The implementation's own sizes, a frozen dataclass."""
    blocks: nn.ModuleList
    """The repeated layers of the main branch; see :attr:`layers` for all."""

    @property
    def layers(self) -> tuple[nn.Module, ...]:
        """All repeated layers, in the order in which they run: what is compiled, sharded or offloaded one by one."""
        return tuple(self.blocks)

    @abstractmethod
    def config_dict(self) -> dict[str, Any]:
        """The config as plain values, for a bundle's ``config.json``."""

    @property
    @abstractmethod
    def patch_size(self) -> tuple[int, int, int]:
        """Frames, rows and columns of a patch."""

    @property
    @abstractmethod
    def channels(self) -> tuple[int, int]:
        """Channels of the latents that go in, and of the velocity that comes out."""

    @abstractmethod
    def forward(self, pack: Pack, text: TextPack | KeptText) -> Float[Tensor, "N Q"]:
        """Predict velocities, in the layout that :func:`langit.patches.unpack` reads."""
