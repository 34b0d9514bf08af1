"""The words and scripts that a model reads, as its tokenizer says. Knows no language and no model."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from tokenizers import Tokenizer

from langit.text.tokenizer import UNKNOWN, words

_SIMILARITY = 0.6  # of difflib's ratio: a less similar word is not worth suggesting


@dataclass(frozen=True)
class Vocabulary:
    """What a tokenizer can write without its unknown token.

    A word-level vocabulary is *closed*: it lists whole words, and other words are lost. A vocabulary of subwords or
    bytes is open: it writes any text.
    """

    tokenizer: Tokenizer

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Whole words in alphabetical order; meaningful for a closed vocabulary only."""
        entries = (entry for entry in self.tokenizer.get_vocab() if entry[0] != "<" and any(map(str.isalnum, entry)))
        return tuple(sorted(entries))

    @cached_property
    def closed(self) -> bool:
        """Whether there are words that the tokenizer cannot write."""
        # a string that no word list holds; subword and byte vocabularies spell it out
        return self.tokenizer.token_to_id(UNKNOWN) is not None and self.has_unknown_token("xqjzkvw")

    @cached_property
    def scripts(self) -> frozenset[str] | None:
        """The scripts of a closed vocabulary's letters by their Unicode names ("LATIN"); None if any can be written."""
        if not self.closed:
            return None
        return frozenset(script_of(letter) for word in self.words for letter in word if letter.isalpha())

    def has_unknown_token(self, word: str) -> bool:
        """Whether any part of the word is encoded as the unknown token."""
        return self.tokenizer.token_to_id(UNKNOWN) in self.tokenizer.encode(word, add_special_tokens=False).ids

    def unknown(self, text: str) -> tuple[str, ...]:
        """Words of a text that the model does not know, once each."""
        # tokenizers of other libraries may have no normalizer or pre-tokenizer to ask for words
        if self.tokenizer.pre_tokenizer is None or self.tokenizer.normalizer is None:
            pieces = text.split()
        else:
            pieces = words(self.tokenizer, text)
        return tuple(dict.fromkeys(piece for piece in pieces if self.has_unknown_token(piece)))

    def suggestions(self, text: str) -> tuple[tuple[str, str], ...]:
        """Unknown words of a text, each with the known word that is spelt most like it ("" if none is similar)."""
        return tuple((word, nearest(word, self.words)) for word in self.unknown(text))


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that is spelt most like a word, or "" where none is similar."""
    return next(iter(difflib.get_close_matches(word.lower(), sorted(known), n=1, cutoff=_SIMILARITY)), "")


def script_of(letter: str) -> str:
    """The script of a letter: the first word of its Unicode name ("LATIN", "CYRILLIC", "CJK")."""
    return unicodedata.name(letter, "UNKNOWN").split()[0]


def unknown_words(tokenizer: Tokenizer, prompt: str) -> tuple[tuple[str, str], ...]:
    """Words of a prompt that a closed vocabulary lacks, each with the most similar known word, however far it is."""
    vocabulary = Vocabulary(tokenizer)
    if not vocabulary.closed:
        return ()
    return tuple(
        (word, difflib.get_close_matches(word, vocabulary.words, n=1, cutoff=0.0)[0])
        for word in vocabulary.unknown(prompt)
    )
