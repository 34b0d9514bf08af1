"""Word vectors of English and Indonesian for the gate's classifier, four bits a number, and which words a text has.

Knows words, not sentences. Where the vectors come from is on record in ``langit/weights/gate/README.md``.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float16, Float32, UInt8
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from langit.release.gates.names import edit_distance
from langit.release.gates.reading import TextLattice
from langit.release.gates.stems import english_stems, indonesian_stems

FOLDER = Path(__file__).parents[2] / "weights" / "gate"
FILE = "words.safetensors"
_LEVELS = 7  # of either sign, in four bits
_MOST = 400  # words of a text that are read: the limit on prompts is 1,000 characters
_SHORTEST_MISSPELT, _FEWEST_CONSONANTS = 4, 3  # letters of a misspelt word
_NUMBERS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
]
_ENGLISH = frozenset(
    [
        "the",
        "a",
        "an",
        "of",
        "and",
        "on",
        "with",
        "for",
        "to",
        "is",
        "are",
        "his",
        "her",
        "at",
        "by",
        "from",
        "into",
        "who",
        "that",
        "in",
        "he",
        "she",
        "they",
        "it",
        "its",
        "was",
        "were",
        "be",
        "will",
        "has",
        "have",
        "had",
        "not",
        "no",
        "what",
        "when",
        "as",
        "but",
        "or",
        "their",
        "our",
        "my",
        "your",
        "you",
        "i",
        "we",
        "this",
        "these",
        "one",
        "two",
        "up",
        "out",
    ]
)
_INDONESIAN = frozenset(
    [
        "yang",
        "dan",
        "di",
        "ke",
        "dari",
        "dengan",
        "untuk",
        "pada",
        "itu",
        "ini",
        "seorang",
        "sebuah",
        "ia",
        "dia",
        "mereka",
        "kami",
        "kita",
        "saya",
        "aku",
        "tidak",
        "tak",
        "akan",
        "sudah",
        "oleh",
        "para",
        "sang",
        "si",
        "atau",
        "juga",
        "lalu",
        "saat",
        "sambil",
        "dalam",
        "tanpa",
        "sampai",
        "adalah",
        "nya",
        "cara",
        "karena",
        "seperti",
        "satu",
        "dua",
        "tiga",
    ]
)
"""Small words, which say best what language a text is in."""


@dataclass(frozen=True)
class ReadWord:
    """One word of a text: the row of its vector, or ``None`` if no vector is known, and its place in the lattice."""

    row: int | None
    place: int


class WordVectors:
    """Vectors of English words, then of Indonesian ones. Read once, then only looked up."""

    def __init__(
        self,
        english: Sequence[str],
        indonesian: Sequence[str],
        packed: UInt8[np.ndarray, "N half"],
        scales: Float16[np.ndarray, " N"],
    ) -> None:
        if not len(english) + len(indonesian) == len(packed) == len(scales):
            raise ValueError(
                f"{len(english)} English and {len(indonesian)} Indonesian words do not match {len(packed)} vectors and"
                f" {len(scales)} scales"
            )
        self.english = {word: row for row, word in enumerate(english)}
        self.indonesian = {word: row + len(english) for row, word in enumerate(indonesian)}
        self.packed, self.scales = packed, scales
        self._row_of = lru_cache(maxsize=4096)(self._look_up)
        self._row_near = lru_cache(maxsize=1024)(self._near)

    @property
    def size(self) -> int:
        """Numbers of a vector."""
        return 2 * int(self.packed.shape[1])

    @classmethod
    def load(cls, folder: Path) -> WordVectors:
        """Read the vectors from a folder.

        Raises:
            ValueError: the file is missing or damaged; the message names it.
        """
        file = folder / FILE
        try:
            tensors = load_file(file)
            words = [zlib.decompress(bytes(tensors[name])).decode().split("\n") for name in ("english", "indonesian")]
            packed = np.frombuffer(zlib.decompress(bytes(tensors["packed"])), np.uint8)
            return cls(words[0], words[1], packed.reshape(len(tensors["scales"]), -1), tensors["scales"])
        except (OSError, SafetensorError, KeyError, ValueError, zlib.error) as error:
            raise ValueError(f"{file} is missing or damaged ({error}): reinstall langit") from None

    def save(self, folder: Path) -> None:
        """Write the vectors to a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        names = {"english": self.english, "indonesian": self.indonesian}
        parts = {name: "\n".join(table).encode() for name, table in names.items()} | {"packed": self.packed.tobytes()}
        small = {name: np.frombuffer(zlib.compress(part, 9), np.uint8) for name, part in parts.items()}
        save_file({**small, "scales": self.scales}, folder / FILE)

    def unpack(self, rows: Sequence[int]) -> Float32[np.ndarray, "n D"]:
        """The vectors of some rows; each has a length of about 1."""
        packed = self.packed[list(rows)]
        levels = np.stack([packed & 15, packed >> 4], axis=-1).reshape(len(packed), -1).astype(np.float32) - 8
        unpacked: np.ndarray = levels * self.scales[list(rows), None].astype(np.float32)
        return unpacked

    def read(self, lattice: TextLattice) -> list[ReadWord]:
        """The words of a text in order; spaced, joined and disguised ones as what they stand for."""
        pieces = [piece.casefold() for piece in lattice.pieces]
        indonesian = sum((word in _INDONESIAN) * 2 + (word in self.indonesian) for word in pieces)
        english = sum((word in _ENGLISH) * 2 + (word in self.english) for word in pieces)
        return list(self._read(lattice, pieces, indonesian > english))[:_MOST]

    def _read(self, lattice: TextLattice, pieces: Sequence[str], indonesian: bool) -> Iterator[ReadWord]:
        place = 0
        while place < len(pieces):
            end, row = place + 1, self._row_of(pieces[place], indonesian)
            if row is None and lattice.pieces[place] == pieces[place]:  # a capital may begin a name
                row = self._row_near(pieces[place], indonesian)
            # longer steps first: they read several pieces as one word, and only if a lexicon has that word
            for step in sorted(lattice.steps[place], key=lambda step: -step.end):
                if step.end == place + 1 and row is not None:
                    break
                rows = [self._row_of(form, indonesian) for form in sorted(step.exact) if form != pieces[place]]
                found = next((one for one in rows if one is not None), None)
                if found is not None:
                    end, row = step.end, found
                    break
            if row is not None or pieces[place].isalpha():
                yield ReadWord(row, place)
            place = end

    @cached_property
    def _by_consonants(self) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
        """Words of English and of Indonesian by their consonants."""
        found: tuple[dict[str, list[str]], dict[str, list[str]]] = ({}, {})
        for table, by_consonants in zip((self.english, self.indonesian), found, strict=True):
            for word in table:
                by_consonants.setdefault(_consonants(word), []).append(word)
        return found

    def _near(self, word: str, indonesian: bool) -> int | None:
        """The row of the word that a misspelt one is nearest to: "kcing" lacks a vowel, "knief" has two swapped."""
        bones = _consonants(word)
        if len(word) < _SHORTEST_MISSPELT or len(bones) < _FEWEST_CONSONANTS or not (word.isascii() and word.isalpha()):
            return None
        for ours in (indonesian, not indonesian):
            table = self.indonesian if ours else self.english
            near = [
                (edit_distance(one, word, 2), table[one])
                for one in self._by_consonants[ours].get(bones, ())
                if one[0] == word[0]
            ]
            near = [one for one in near if one[0] <= 2]
            if near:
                return min(near)[1]
        return None

    def _look_up(self, word: str, indonesian: bool) -> int | None:
        if word.isdecimal() and word.isascii():
            number = int(word[:9])
            word, indonesian = _NUMBERS[number] if number < len(_NUMBERS) else "hundred", False
        for ours in (indonesian, not indonesian):
            table, stems = (self.indonesian, indonesian_stems) if ours else (self.english, english_stems)
            if word in table:
                return table[word]
            if len(word) > 3:
                for stem in sorted(stems(word), key=lambda stem: (-len(stem), stem)):
                    if stem in table:
                        return table[stem]
        return None


def _consonants(word: str) -> str:
    return re.sub(r"(.)\1+", r"\1", word[:1] + re.sub(r"[aeiou]", "", word[1:]))  # none of them twice in a row


def pack(vectors: Float[np.ndarray, "N D"]) -> tuple[UInt8[np.ndarray, "N half"], Float16[np.ndarray, " N"]]:
    """Round vectors to four bits a number, with a scale for each vector."""
    scales = (np.abs(vectors).max(axis=1) / _LEVELS).astype(np.float16)
    safe = np.where(scales > 0, scales, 1).astype(np.float32)
    levels = np.clip(np.round(vectors / safe[:, None]), -_LEVELS, _LEVELS).astype(np.int16) + 8
    packed = (levels[:, 0::2] | levels[:, 1::2] << 4).astype(np.uint8)
    return packed, scales


@cache
def _shipped_words() -> WordVectors:
    return WordVectors.load(FOLDER)


def is_dictionary_word(word: str) -> bool:
    """Whether the vectors that ship have a word of either language, or what it may be a form of."""
    words = _shipped_words()
    forms = (word, *english_stems(word), *indonesian_stems(word))
    return any(form in table for form in forms for table in (words.english, words.indonesian))
