"""Constructions: phrases whose places are filled by words of a class, as in "<person> never breathes again".

A construction is a row of places: ``wake|get_up`` is either one in any form, ``<person>`` any phrase with that tag,
``?again`` may be missing, and ``...`` stands for up to three words. Small words ("the", "his") may come between. Knows
no rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from langit.release.gates.reading import LatticeStep, TextLattice
from langit.release.gates.roles import BOUNDARIES

GAP = "..."
_LONGEST_GAP = 3  # words
_MOST_ADJECTIVES = 2
Ends = Mapping[tuple[int, str], Sequence[int]]  # where phrases end, by their start and tag


@dataclass(frozen=True, slots=True)
class Place:
    """One place of a construction: words or tags that fill it, a gap, or something optional."""

    words: frozenset[str]
    phrases: tuple[tuple[str, ...], ...] = ()
    tags: tuple[str, ...] = ()
    gap: bool = False
    optional: bool = False


@dataclass(frozen=True)
class Construction:
    """A row of places in one language, and the tag of what matches it."""

    language: str
    places: tuple[Place, ...]
    tag: str

    @classmethod
    def parse(cls, language: str, text: str, tag: str) -> Construction:
        """Read "<person> never|not wake|breathe ?again"."""
        return cls(language, tuple(_parse_place(token) for token in text.split()), tag)

    @property
    def references(self) -> frozenset[str]:
        """The tags that it refers to."""
        return frozenset(tag for place in self.places for tag in place.tags)

    @property
    def openings(self) -> frozenset[str]:
        """The words, and tags in angle brackets, that it can begin with."""
        found: set[str] = set()
        for place in self.places:
            assert not place.gap, "a construction begins with a word"
            found |= place.words | {phrase[0] for phrase in place.phrases} | {f"<{tag}>" for tag in place.tags}
            if not place.optional:
                break
        return frozenset(found)

    def match(self, lattice: TextLattice, start: int, phrases: Ends, small: frozenset[str]) -> Iterator[int]:
        """Every end of the construction if it begins at a place of the lattice."""
        yield from self._match(lattice, 0, start, phrases, small)

    def _nouns(self, lattice: TextLattice, index: int, at: int) -> Iterator[int]:
        """Where the noun of a class may stand: at a place, or after up to two adjectives ("a frightened old man")."""
        yield at
        for place in range(at + 1, min(at + _MOST_ADJECTIVES + 1, len(lattice.pieces))):
            skipped = lattice.pieces[place - 1].casefold()
            apart = lattice.sentence[place] != lattice.sentence[place - 1]
            if not index or apart or skipped in BOUNDARIES:
                return
            yield place

    def _match(self, lattice: TextLattice, index: int, at: int, phrases: Ends, small: frozenset[str]) -> Iterator[int]:
        if index == len(self.places):
            yield at
            return
        place = self.places[index]
        if place.gap:
            for skipped in range(_LONGEST_GAP + 1):
                if at + skipped <= len(lattice.pieces):
                    yield from self._match(lattice, index + 1, at + skipped, phrases, small)
            return
        if place.optional:
            yield from self._match(lattice, index + 1, at, phrases, small)
        if at >= len(lattice.pieces):
            return
        for step in lattice.steps[at]:
            if place.words & forms_of(step, self.language):
                yield from self._match(lattice, index + 1, step.end, phrases, small)
        for phrase in place.phrases:
            for end in _ends_of(phrase, lattice, at, self.language):
                yield from self._match(lattice, index + 1, end, phrases, small)
        for noun in self._nouns(lattice, index, at) if place.tags else ():
            for tag in place.tags:
                for end in phrases.get((noun, tag), ()):
                    yield from self._match(lattice, index + 1, end, phrases, small)
        # a sentence that goes on in the next one is no construction
        goes_on = at + 1 < len(lattice.pieces) and lattice.sentence[at + 1] == lattice.sentence[at]
        if index and goes_on and lattice.pieces[at].casefold() in small:
            yield from self._match(lattice, index, at + 1, phrases, small)


def forms_of(step: LatticeStep, language: str) -> frozenset[str]:
    """What a step may be in a language: its stems in English and Indonesian, else exactly what is written."""
    return step.english if language == "en" else step.indonesian if language == "id" else step.exact


def _ends_of(phrase: tuple[str, ...], lattice: TextLattice, at: int, language: str) -> Iterator[int]:
    if not phrase:
        yield at
    elif at < len(lattice.pieces):
        for step in lattice.steps[at]:
            if phrase[0] in forms_of(step, language):
                yield from _ends_of(phrase[1:], lattice, step.end, language)


def _parse_place(token: str) -> Place:
    if token == GAP:
        return Place(frozenset(), gap=True)
    optional = token.startswith("?")
    options = token.removeprefix("?").split("|")
    tags = tuple(option[1:-1] for option in options if option.startswith("<"))
    phrases = tuple(tuple(option.split("_")) for option in options if "_" in option)
    words = frozenset(option for option in options if not option.startswith("<") and "_" not in option)
    return Place(words, phrases, tags, optional=optional)
