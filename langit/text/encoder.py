"""Texts to embeddings with UMT5's encoder, small enough to be trained together with the video model.

Wan's text encoder is the same network at a larger size, so only :class:`TextConfig` differs. Knows nothing of videos.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import torch
from jaxtyping import Float, Int
from tokenizers import Tokenizer
from torch import Tensor, nn

from langit.device import placement_of
from langit.text.prompt import check_prompt
from langit.text.umt5 import Umt5Encoder
from langit.text.vocabulary import Vocabulary


@dataclass(frozen=True)
class TextConfig:
    """Sizes of the encoder, with UMT5's names. ``vocab_size`` is the tokenizer's; ``max_tokens`` limits a prompt."""

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
                raise ValueError(f"text {name} {value} is too small: use a whole number of at least 1")

    @property
    def sizes(self) -> dict[str, int]:
        """The sizes of the network, without ``max_tokens``, which only the tokenizer uses."""
        return {name: value for name, value in asdict(self).items() if name != "max_tokens"}


class TextEncoder(nn.Module):
    """Encode a batch of texts as packed token embeddings."""

    class_name: ClassVar[tuple[str, str]] = ("transformers", "UMT5EncoderModel")

    def __init__(self, config: TextConfig, tokenizer: Tokenizer) -> None:
        super().__init__()
        assert config.vocab_size == tokenizer.get_vocab_size(), "vocab_size is the tokenizer's"
        self.config = config
        self.tokenizer = tokenizer
        self.model = Umt5Encoder(**config.sizes)

    @property
    def layers(self) -> tuple[nn.Module, ...]:
        """The repeated layers, which are cut over devices one by one."""
        return tuple(self.model.encoder.block)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The words and scripts that the tokenizer can write."""
        return Vocabulary(self.tokenizer)

    def read(self, prompt: str) -> str:
        """The prompt as the model reads it.

        Raises:
            ValueError: it is empty, too long, or in letters that the model cannot read.
        """
        return check_prompt(prompt, self.vocabulary.scripts)

    def pads(self, lengths: tuple[int, ...]) -> tuple[int, ...]:  # noqa: ARG002  (for encoders that fill texts up)
        """How many zero vectors follow each text and are attended to; empty for none."""
        return ()

    def tokenize(self, texts: list[str]) -> tuple[Int[Tensor, "B S"], tuple[int, ...]]:
        """Token ids on the CPU, padded to the longest text, and each text's length including its end mark.

        Raises:
            ValueError: a text has more than ``max_tokens`` tokens.
        """
        encoded = [self.tokenizer.encode(text).ids for text in texts]
        for text, ids in zip(texts, encoded, strict=True):
            if len(ids) > self.config.max_tokens:
                raise ValueError(
                    f"the prompt has {len(ids)} words and marks, the model reads {self.config.max_tokens}:"
                    f" shorten {text[:40]!r}…"
                )
        longest = max(len(ids) for ids in encoded)
        padded = torch.tensor([ids + [0] * (longest - len(ids)) for ids in encoded], device="cpu")
        return padded, tuple(len(ids) for ids in encoded)

    def forward(self, ids: Int[Tensor, "B S"], lengths: tuple[int, ...]) -> Float[Tensor, "M d"]:
        """Embeddings of all texts, concatenated without padding; M is the sum of the lengths."""
        mask = torch.arange(ids.shape[1], device=ids.device)[None] < torch.tensor(lengths, device=ids.device)[:, None]
        packed: Tensor = self.model(ids, mask)[mask]  # of (B, S, d)
        return packed

    def encode(self, texts: list[str]) -> tuple[Float[Tensor, "M d"], tuple[int, ...]]:
        """Encode texts on the encoder's device. An empty text is encoded as its end mark alone."""
        ids, lengths = self.tokenize(texts)
        return self(ids.to(self.model.shared.weight.device), lengths), lengths

    def extend_vocabulary(self, tokenizer: Tokenizer) -> TextEncoder:
        """The same encoder for a larger vocabulary. Embeddings of the new words are initialised at random.

        Raises:
            ValueError: the new vocabulary does not begin with the words of this encoder's tokenizer.
        """
        known = self.tokenizer.get_vocab()
        if not known.items() <= tokenizer.get_vocab().items():
            raise ValueError("the tokenizer's vocabulary does not begin with this encoder's words: extend its own")
        extended = TextEncoder(replace(self.config, vocab_size=tokenizer.get_vocab_size()), tokenizer)
        placement_of(self).put(extended)
        old = self.model.state_dict()
        for name, value in extended.model.state_dict().items():
            value[: len(old[name])].copy_(old[name])  # the vocabulary is the first axis of the embedding
        return extended.train(self.training)

    def config_dict(self) -> dict[str, Any]:
        return asdict(self.config)
