"""Finds misspelt names of listed people, and people named by a title: "Vladmir Puttin", "Chancellor Merkel".

A candidate shares its consonants with a listed name, but for one, and is then compared letter by letter. Knows
spelling, not people.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

_SHORTEST_SKELETON = 4  # consonants of a name that is searched for: shorter ones resemble too much
_LONG_SKELETON = 6  # consonants that hardly agree by chance: "Dedi Korbuser"
_SHORTEST_WORD = 6  # letters of a name of one word
_SHORTEST_PAIR, _SHORTEST_HALF = 7, 3  # letters of a name of two words, and of the one that is misspelt
_SHORTEST_ALONE = 4  # letters of a name of one word that is searched for where no ordinary word is near: "Oboma"
_SOFT = re.compile(r"c(?=[eiy])")  # sounds like s
_WRITTEN = "ough:ow ph:f sch:s sh:s ck:k ch:k th:t gh:g qu:k q:k x:ks z:s c:k w:v dj:j tj:c z:s"
_SOUNDS = tuple(tuple(pair.split(":")) for pair in _WRITTEN.split())


@dataclass
class NameIndex:
    """Listed names by their consonants, and the surnames that follow a title."""

    names: dict[str, list[tuple[str, str]]] = field(default_factory=dict)  # skeleton -> (letters, first letter class)
    undoubled: set[tuple[str, int]] = field(default_factory=set)  # letters without doubles, number of words
    surnames: set[str] = field(default_factory=set)
    surname_sounds: dict[str, set[str]] = field(default_factory=dict)  # by skeleton
    sounds: dict[str, set[str]] = field(default_factory=dict)  # names of one word with few consonants, by skeleton
    pairs: dict[str, set[str]] = field(default_factory=dict)  # of names of two words, either one -> the others
    exact: set[tuple[str, ...]] = field(default_factory=set)
    alone: dict[str, set[str]] = field(default_factory=dict)  # short names of one word, by their first letter's sound

    def add(self, words: Sequence[str]) -> None:
        """Add a name as its words, lower case in Latin letters."""
        self.exact.add(tuple(words))
        letters = "".join(words)
        if len(letters) >= _SHORTEST_WORD:
            self.undoubled.add((_without_doubles(letters), len(words)))
        bones = skeleton(letters)
        self.add_short(words)
        if len(words) == 2 and len(letters) >= _SHORTEST_PAIR:
            self.pairs.setdefault(words[0], set()).add(words[1])
            self.pairs.setdefault(words[1], set()).add(words[0])
        if len(words) > 1:
            if len(words[-1]) >= 4:
                self.surnames.add(words[-1])
                self.surname_sounds.setdefault(skeleton(words[-1]), set()).add(words[-1])
        elif len(letters) < _SHORTEST_WORD:
            return
        elif len(bones) == _SHORTEST_SKELETON - 1 < len(letters) - 3:
            self.sounds.setdefault(bones, set()).add(letters)
        if len(bones) < _SHORTEST_SKELETON - (len(letters) >= 10):
            return
        for key in {bones, *_without_one(bones)}:
            self.names.setdefault(key, []).append((letters, str(len(words))))

    def add_short(self, words: Sequence[str]) -> None:
        """Search for a name of one word by its spelling alone, as for "Obama", which another name may contain."""
        if len(words) == 1 and len(words[0]) >= _SHORTEST_ALONE:
            self.alone.setdefault(skeleton(words[0])[:1], set()).add(words[0])

    def misspelt(
        self, written: Sequence[str], common: Iterable[str], is_word: Callable[[str], bool] | None = None
    ) -> Iterator[tuple[int, int]]:
        """Spans of a text's words that are a listed name with some letters wrong, missing or double.

        Args:
            written: the words of the text, in Latin letters.
            common: ordinary words, lower case; a span of nothing else is no name.
            is_word: whether a dictionary has a word; without it, short names of one word are not searched for.
        """
        words = [word.casefold() for word in written]
        ordinary = set(common)
        for start in range(len(words)):
            for size in range(1, 5):
                span = words[start : start + size]
                if len(span) < size or not all(word.isascii() and word.isalpha() for word in span):
                    break
                if tuple(span) in self.exact or (size == 2 and span[0] == span[1]):
                    continue  # words are doubled in Indonesian, names hardly ever
                if size == 2 and self._sounds(span, written[start : start + 2], is_word):
                    yield start, start + size  # also of ordinary words: "Elon Mask"
                    continue
                if all(word in ordinary for word in span):
                    continue
                letters = "".join(span)
                if len(letters) > 30:
                    break
                if self._resembles(letters, size) or (size == 2 and self._is_half_right(span, ordinary)):
                    yield start, start + size
                elif size == 1 and is_word is not None and self._is_short(letters) and not is_word(letters):
                    yield start, start + 1

    def _is_half_right(self, span: Sequence[str], ordinary: set[str]) -> bool:
        """Whether one word of two is right and the other, which is no ordinary word, nearly so: "Luna Maja"."""
        for right, near in (span, span[::-1]):
            known = self.pairs.get(right, ())
            if len(near) >= _SHORTEST_HALF and near not in ordinary and near not in known:
                bones = skeleton(near)
                if any(edit_distance(one, near, 1) <= 1 or (len(one) > 4 and skeleton(one) == bones) for one in known):
                    return True
        return False

    def _sounds(self, span: Sequence[str], written: Sequence[str], is_word: Callable[[str], bool] | None) -> bool:
        """Whether one word of two is right and the other sounds the same: "Elon Mask", "Bred Pitt".

        Without capitals, the right one has to be a word that no dictionary has.
        """
        capitals = all(word[:1].isupper() for word in written)
        return any(
            (capitals or (is_word is not None and len(right) >= _SHORTEST_ALONE and not is_word(right)))
            and len(near) >= _SHORTEST_HALF
            and len(skeleton(near)) > 1
            and near not in self.pairs.get(right, ())
            and _sound_alike(near, self.pairs.get(right, ()))
            for right, near in (span, span[::-1])
        )

    def _is_short(self, letters: str) -> bool:
        """Whether a word is a short listed name with one letter wrong, or two that leave its sound: "Oboma"."""
        bones, plain = skeleton(letters), _without_doubles(letters)
        for name in self.alone.get(bones[:1], ()):
            if len(name) == _SHORTEST_ALONE:
                near = _without_doubles(name) == plain
            else:
                same_sound = len(bones) > 2 and skeleton(name) == bones
                near = edit_distance(name, letters, 2) <= (2 if same_sound else 1)
            if near:
                return True
        return False

    def is_surname(self, word: str) -> bool:
        """Whether a word is a listed surname, or one that sounds like it and has one letter wrong: "Zelenski"."""
        if word in self.surnames:
            return True
        near = self.surname_sounds.get(skeleton(word), ())
        return len(word) >= _SHORTEST_WORD - 1 and any(edit_distance(name, word, 1) <= 1 for name in near)

    def _resembles(self, letters: str, size: int) -> bool:
        if len(letters) >= _SHORTEST_WORD and (_without_doubles(letters), size) in self.undoubled:
            return True
        bones = skeleton(letters)
        if size == 1 and (near := self.sounds.get(bones)) is not None:
            alike = 3 if len(letters) > _SHORTEST_PAIR else 1  # "Beyonsay"
            return any(edit_distance(name, letters, alike) <= alike and name[:3] == letters[:3] for name in near)
        if len(bones) < _SHORTEST_SKELETON - 1:
            return False
        for key in {bones, *_without_one(bones)}:
            for name, count in self.names.get(key, ()):
                # one word is only compared with one: "mess i" is not a name
                if (count == "1") != (size == 1):
                    continue
                if name[0] != letters[0] and skeleton(name)[0] != bones[0]:
                    continue
                same_sound = len(name) >= (8 if size == 2 else 10) and skeleton(name) == bones
                allowed = 1 if count == "1" or len(name) < 10 else 2 if len(name) < 16 else 3
                allowed += same_sound * (3 if len(bones) >= _LONG_SKELETON else 1)
                if abs(len(name) - len(letters)) <= allowed and edit_distance(name, letters, allowed) <= allowed:
                    return True
        return False


@lru_cache(maxsize=8192)
def skeleton(letters: str) -> str:
    """The consonants of a word by their sound: "jakson" and "jackson" give "jksn"."""
    letters = _SOFT.sub("s", letters)
    for written, sound in _SOUNDS:
        letters = letters.replace(written, sound)
    bones = letters[:1] + re.sub(r"[aeiouyh]", "", letters[1:])
    if bones[:1] in "aeiouyh":
        bones = "a" + bones[1:]
    return re.sub(r"(.)\1+", r"\1", bones)


def _sound_alike(word: str, names: Iterable[str]) -> bool:
    bones = skeleton(word)
    return any(skeleton(name) == bones for name in names)


def _without_doubles(letters: str) -> str:
    return re.sub(r"(.)\1+", r"\1", letters)


def _without_one(bones: str) -> set[str]:
    return {bones[:at] + bones[at + 1 :] for at in range(1, len(bones))}


def edit_distance(one: str, two: str, most: int) -> int:
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
