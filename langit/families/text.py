"""Wan's text encoder: transformers' ``UMT5EncoderModel`` with its tokenizer, behind the interface of text encoders.

Prompts are cleaned as the makers clean them and otherwise read as they were written, in any of UMT5's languages.
Knows nothing of how texts are filled up: it encodes words alone.
"""

from __future__ import annotations

import html
import re
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Float, Int
from tokenizers import Tokenizer
from torch import Tensor, nn

from langit.families.table import TEXT_TOKENS
from langit.text.encoder import TextConfig, TextEncoder
from langit.text.prompt import check_form
from langit.text.vocabulary import Vocabulary


def clean_prompt(text: str) -> str:
    """Repair a text's encoding, resolve HTML entities twice, and reduce white space, as the makers do."""
    import ftfy

    repaired = html.unescape(html.unescape(ftfy.fix_text(text))).strip()
    return re.sub(r"\s+", " ", repaired).strip()


class OpenTextEncoder(TextEncoder):
    """A UMT5 encoder of transformers: embeddings of each text's words and end mark, without padding.

    encoder: the transformers model.
    words: its tokenizer in transformers' form.
    """

    def __init__(self, encoder: nn.Module, words: Any, tokenizer: Tokenizer, config: TextConfig) -> None:
        nn.Module.__init__(self)  # the base builds a network of its own
        self.model = encoder  # type: ignore[assignment]  # transformers is not typed
        self.words = words
        self.tokenizer = tokenizer
        self.config = config

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """What the tokenizer can write: any text, for a vocabulary of subwords."""
        return Vocabulary(self.tokenizer)

    def read(self, prompt: str) -> str:
        """The prompt as the model reads it.

        Raises:
            ValueError: it is not valid Unicode, has control characters or no words, or has too many of them.
        """
        check_form(prompt, longest=None)
        cleaned = clean_prompt(prompt)
        check_form(cleaned, longest=None)  # entities may stand for anything
        self.tokenize([cleaned])
        return cleaned

    def pads(self, lengths: tuple[int, ...]) -> tuple[int, ...]:
        """How many zero vectors follow each text."""
        return tuple(TEXT_TOKENS - length for length in lengths)

    def tokenize(self, texts: list[str]) -> tuple[Int[Tensor, "B S"], tuple[int, ...]]:
        """Token ids on the CPU, padded to the longest text, and each text's length including its end mark.

        Raises:
            ValueError: a text has more than ``TEXT_TOKENS`` tokens.
        """
        encoded = [self.words(text, add_special_tokens=True)["input_ids"] for text in texts]
        for text, ids in zip(texts, encoded, strict=True):
            if len(ids) > TEXT_TOKENS:
                raise ValueError(
                    f"the prompt has {len(ids)} tokens, the model reads {TEXT_TOKENS}: shorten {text[:40]!r}…"
                )
        longest = max(map(len, encoded))
        padded = torch.tensor([ids + [0] * (longest - len(ids)) for ids in encoded], device="cpu")
        return padded, tuple(map(len, encoded))

    def forward(self, ids: Int[Tensor, "B S"], lengths: tuple[int, ...]) -> Float[Tensor, "M d"]:
        """Embeddings of all texts, concatenated without padding."""
        mask = torch.arange(ids.shape[1], device=ids.device)[None] < torch.tensor(lengths, device=ids.device)[:, None]
        states = self.model(input_ids=ids, attention_mask=mask.long()).last_hidden_state  # B S d
        packed: Tensor = states[mask]
        return packed

    def encode(self, texts: list[str]) -> tuple[Float[Tensor, "M d"], tuple[int, ...]]:
        """Encode texts on the encoder's device. An empty text is encoded as its end mark alone."""
        ids, lengths = self.tokenize(texts)
        return self(ids.to(next(self.model.parameters()).device), lengths), lengths
