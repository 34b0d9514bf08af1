"""Finds misspelt names of listed people, and people named by a title: "Vladmir Puttin", "Chancellor Merkel".

A candidate shares its consonants with a listed name, but for one, and is then compared letter by letter. Knows
spelling, not people.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

_SHORTEST_SKELETON = 4  # consonants of a name that is searched for: shorter ones resemble too much
_SHORTEST_WORD = 6  # letters of a name of one word
_SOUNDS = (("ph", "f"), ("sch", "s"), ("sh", "s"), ("ck", "k"), ("ch", "k"), ("th", "t"), ("gh", "g"), ("qu", "k"),
           ("q", "k"), ("x", "ks"), ("z", "s"), ("c", "k"), ("w", "v"), ("dj", "j"), ("tj", "c"))  # fmt: skip


@dataclass
class NameIndex:
    """Listed names by their consonants, and the surnames that follow a title."""

    names: dict[str, list[tuple[str, str]]] = field(default_factory=dict)  # skeleton -> (letters, first letter class)
    undoubled: set[tuple[str, int]] = field(default_factory=set)  # letters without doubles, number of words
    surnames: set[str] = field(default_factory=set)
    exact: set[tuple[str, ...]] = field(default_factory=set)

    def add(self, words: Sequence[str]) -> None:
        """Add a name as its words, lower case in Latin letters."""
        self.exact.add(tuple(words))
        letters = "".join(words)
        if len(letters) >= _SHORTEST_WORD:
            self.undoubled.add((_without_doubles(letters), len(words)))
        bones = skeleton(letters)
        if len(words) > 1:
            if len(words[-1]) >= 4:
                self.surnames.add(words[-1])
        elif len(letters) < _SHORTEST_WORD:
            return
        if len(bones) < _SHORTEST_SKELETON - (len(letters) >= 10):
            return
        for key in {bones, *_without_one(bones)}:
            self.names.setdefault(key, []).append((letters, str(len(words))))

    def misspelt(self, words: Sequence[str], common: Iterable[str]) -> Iterator[tuple[int, int]]:
        """Spans of a text's words that are a listed name with some letters wrong, missing or double.

        Args:
            words: of the text, lower case in Latin letters.
            common: ordinary words; a span of nothing else is no name.
        """
        ordinary = set(common)
        for start in range(len(words)):
            for size in range(1, 5):
                span = words[start : start + size]
                if len(span) < size or not all(word.isascii() and word.isalpha() for word in span):
                    break
                if tuple(span) in self.exact or all(word in ordinary for word in span):
                    continue
                letters = "".join(span)
                if len(letters) > 30:
                    break
                if self._resembles(letters, size):
                    yield start, start + size

    def _resembles(self, letters: str, size: int) -> bool:
        if len(letters) > _SHORTEST_WORD and (_without_doubles(letters), size) in self.undoubled:
            return True
        bones = skeleton(letters)
        if len(bones) < _SHORTEST_SKELETON - 1:
            return False
        for key in {bones, *_without_one(bones)}:
            for name, count in self.names.get(key, ()):
                # one word is only compared with one: "mess i" is not a name
                if (count == "1") != (size == 1):
                    continue
                if name[0] != letters[0] and skeleton(name)[0] != bones[0]:
                    continue
                same_sound = len(name) >= 10 and skeleton(name) == bones
                allowed = 1 if count == "1" or len(name) < 10 else 2 if len(name) < 16 else 3
                allowed += same_sound
                if abs(len(name) - len(letters)) <= allowed and _distance(name, letters, allowed) <= allowed:
                    return True
        return False


@lru_cache(maxsize=8192)
def skeleton(letters: str) -> str:
    """The consonants of a word by their sound: "jakson" and "jackson" give "jksn"."""
    for written, sound in _SOUNDS:
        letters = letters.replace(written, sound)
    bones = letters[:1] + re.sub(r"[aeiouyh]", "", letters[1:])
    if bones[:1] in "aeiouyh":
        bones = "a" + bones[1:]
    return re.sub(r"(.)\1+", r"\1", bones)


def _without_doubles(letters: str) -> str:
    return re.sub(r"(.)\1+", r"\1", letters)


def _without_one(bones: str) -> set[str]:
    return {bones[:at] + bones[at + 1 :] for at in range(1, len(bones))}


def _distance(one: str, two: str, most: int) -> int:
    """Damerau-Levenshtein distance (optimal string alignment), or more than `most` if it is larger."""
    before: list[int] = []
    row = list(range(len(two) + 1))
    for i, letter in enumerate(one, start=1):
        following = [i]
        for j, other in enumerate(two, start=1):
            cost = min(row[j] + 1, following[j - 1] + 1, row[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == two[j - 2] and one[i - 2] == other:
                cost = min(cost, before[j - 2] + 1)
            following.append(cost)
        if min(following) > most:
            return most + 1
        before, row = row, following
    return row[-1]
