"""Prompts whose embedding, keys and values are computed once and kept while a video is sampled.

They depend on the prompt and the weights and not on noise, so that every step would compute the same again. Knows
nothing of sampling.
"""

from __future__ import annotations

from dataclasses import dataclass

from langit.patches import TextPack
from langit.transformer.attention import TextContext


@dataclass(eq=False)
class KeptText:
    """Prompts, and what one transformer has computed of them.

    The first forward pass fills ``context``, whose ``kept`` each cross-attention fills with its own keys and values.
    For one transformer whose weights do not change; never for training.
    """

    text: TextPack
    context: TextContext | None = None

    @property
    def lengths(self) -> tuple[int, ...]:
        """Words of each prompt."""
        return self.text.lengths
