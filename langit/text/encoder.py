"""Texts -> embeddings with UMT5's encoder, small enough to be trained with the video model.

Knows nothing of videos. Wan's encoder is the same at a larger size, so `TextConfig` is all that changes.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Float, Int
from tokenizers import Tokenizer
from torch import Tensor, nn

from langit.text.umt5 import Umt5Encoder
from langit.text.vocabulary import Vocabulary


@dataclass(frozen=True)
class TextConfig:
    """Sizes of the encoder, by UMT5's names. ``vocab_size`` is the tokenizer's; ``max_tokens`` bounds a prompt."""

    vocab_size: int = 0
    d_model: int = 192
    d_kv: int = 64
    num_heads: int = 3
    d_ff: int = 384
    num_layers: int = 2
    max_tokens: int = 96

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if value < 0 or (value == 0 and name != "vocab_size"):
                raise ValueError(f"text {name}={value}: give a whole number of at least 1")

    @property
    def sizes(self) -> dict[str, int]:
        """The network's own; ``max_tokens`` is the tokenizer's affair."""
        return {name: value for name, value in asdict(self).items() if name != "max_tokens"}


class TextEncoder(nn.Module):
    """A batch of texts in, packed token embeddings out."""

    def __init__(self, config: TextConfig, tokenizer: Tokenizer) -> None:
        super().__init__()
        assert config.vocab_size == tokenizer.get_vocab_size(), "the vocabulary is the tokenizer's"
        self.config = config
        self.tokenizer = tokenizer
        self.model = Umt5Encoder(**config.sizes)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The words and scripts that the tokenizer can write."""
        return Vocabulary(self.tokenizer)

    def tokenize(self, texts: list[str]) -> tuple[Int[Tensor, "B S"], tuple[int, ...]]:
        """Ids padded to the longest text, and each text's length with its end mark.

        Raises:
            ValueError: a text is longer than ``max_tokens``.
        """
        encoded = [self.tokenizer.encode(text).ids for text in texts]
        for text, ids in zip(texts, encoded, strict=True):
            if len(ids) > self.config.max_tokens:
                raise ValueError(
                    f"the prompt has {len(ids)} words and marks, the model reads {self.config.max_tokens}:"
                    f" shorten {text[:40]!r}…"
                )
        longest = max(len(ids) for ids in encoded)
        padded = torch.tensor([ids + [0] * (longest - len(ids)) for ids in encoded])
        return padded, tuple(len(ids) for ids in encoded)

    def forward(self, ids: Int[Tensor, "B S"], lengths: tuple[int, ...]) -> Float[Tensor, "M d"]:
        """Embeddings of all texts one after another, M = sum of lengths, padding left out."""
        mask = torch.arange(ids.shape[1], device=ids.device)[None] < torch.tensor(lengths, device=ids.device)[:, None]
        packed: Tensor = self.model(ids, mask)[mask]  # of (B, S, d)
        return packed

    def encode(self, texts: list[str]) -> tuple[Float[Tensor, "M d"], tuple[int, ...]]:
        """Texts to packed embeddings and their lengths; an empty text is its end mark alone."""
        ids, lengths = self.tokenize(texts)
        return self(ids.to(self.model.shared.weight.device), lengths), lengths

    def extended(self, tokenizer: Tokenizer) -> TextEncoder:
        """The same encoder with a tokenizer that knows more words after its own; theirs are drawn at random.

        Raises:
            ValueError: words of this encoder's tokenizer have other ids there, or none.
        """
        known = self.tokenizer.get_vocab()
        if not known.items() <= tokenizer.get_vocab().items():
            raise ValueError("the tokenizer does not begin with the words that this encoder knows: extend its own")
        made = TextEncoder(replace(self.config, vocab_size=tokenizer.get_vocab_size()), tokenizer)
        old = self.model.state_dict()
        for name, value in made.model.state_dict().items():
            value[: len(old[name])].copy_(old[name])
        return made.train(self.training)

    def config_dict(self) -> dict[str, Any]:
        return asdict(self.config)
