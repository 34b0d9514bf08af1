"""A prompt and what was made of it, as a value, and what whoever expands prompts has to be.

Knows no language. `expand.py` holds the embedded expander and the choice among all, `chat.py` and `local_chat.py` those
that ask a chat model.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from tokenizers import Tokenizer

from langit.text.prompt import check_prompt
from langit.text.tokenizer import UNKNOWN, words

_ALIKE = 0.6  # of difflib's ratio: below it a word is not offered as the nearest


@dataclass(frozen=True)
class Expansion:
    """What a person wrote and what the model reads.

    original: as written, white space made plain.
    text: the sentence for the model.
    understood: attributes and values found in the original ("shape", "ball").
    filled: attributes and values that the original leaves open, and what was chosen.
    unknown: words of the original, or of the text, that mean nothing to the expander or the model, each with the known
        word spelt most like it ("" if none is alike).
    ignored: pieces of the original that the text leaves out although they were understood.
    kept: why an incomplete original was left as it is, or "".
    by: the name of the expander.
    """

    original: str
    text: str
    understood: tuple[tuple[str, str], ...] = ()
    filled: tuple[tuple[str, str], ...] = ()
    unknown: tuple[tuple[str, str], ...] = ()
    ignored: tuple[str, ...] = ()
    kept: str = ""
    by: str = "embedded"

    @property
    def changed(self) -> bool:
        return self.text != self.original

    def lines(self) -> tuple[str, ...]:
        """What a person is told, a line each; nothing where nothing was changed and everything is known."""
        told = []
        if self.changed:
            filled = ", ".join(f"{name} {value}" for name, value in self.filled)
            told.append(f'expanded by {self.by}: "{self.text}"' + (f" (filled in: {filled})" if filled else ""))
        if self.changed and self.by == "embedded" and not self.understood:
            told.append(f'nothing of "{self.original}" was understood: everything was filled in')
        if self.kept:
            told.append(f"not expanded: {self.kept}")
        if self.unknown:
            named = ", ".join(f"'{word}'" + (f" (nearest: '{near}')" if near else "") for word, near in self.unknown)
            told.append(f"unknown words: {named}")
        if self.ignored:
            told.append("left out, because no caption says such things: " + ", ".join(f"'{it}'" for it in self.ignored))
        return tuple(told)


@runtime_checkable
class Expander(Protocol):
    """Turns what a person wrote into a sentence for the model.

    Raises:
        ValueError: a prompt without words, or too long; an answer that is no sentence.
        OSError: whoever was asked could not be reached.
    """

    def __call__(self, prompt: str, seed: int) -> Expansion: ...


@dataclass(frozen=True)
class Vocabulary:
    """The words that a model knows: those of its tokenizer."""

    tokenizer: Tokenizer

    @property
    def words(self) -> tuple[str, ...]:
        """Whole words, in alphabetical order; meaningful for tokenizers that do not cut words into pieces."""
        found = (word for word in self.tokenizer.get_vocab() if word[0] != "<" and any(map(str.isalnum, word)))
        return tuple(sorted(found))

    @property
    def closed(self) -> bool:
        """Whether there are words that the tokenizer cannot write."""
        return self.tokenizer.token_to_id(UNKNOWN) is not None and self.missing("xqjzkvw")

    def missing(self, word: str) -> bool:
        """Whether some of the word becomes the unknown token."""
        return self.tokenizer.token_to_id(UNKNOWN) in self.tokenizer.encode(word, add_special_tokens=False).ids

    def unknown(self, text: str) -> tuple[str, ...]:
        """Words of a text that the model does not know, once each."""
        if self.tokenizer.pre_tokenizer is None or self.tokenizer.normalizer is None:
            pieces = text.split()
        else:
            pieces = words(self.tokenizer, text)
        return tuple(dict.fromkeys(piece for piece in pieces if self.missing(piece)))


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that is spelt most like a word, or "" where none is alike."""
    return next(iter(difflib.get_close_matches(word.lower(), sorted(known), n=1, cutoff=_ALIKE)), "")


@dataclass(frozen=True)
class Off:
    """Leaves a prompt as it is, and names the words that the model does not know."""

    vocabulary: Vocabulary

    def __call__(self, prompt: str, seed: int) -> Expansion:  # noqa: ARG002  (an Expander's signature)
        plain = check_prompt(prompt)
        known = self.vocabulary.words
        missing = tuple((word, nearest(word, known)) for word in self.vocabulary.unknown(plain))
        return Expansion(plain, plain, unknown=missing, by="off")
