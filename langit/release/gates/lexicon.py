"""The gate's lexicon: phrases with tags, from the TOML files beside this module, and how to find them in a lattice.

A file's ``[words.TAG]`` lists phrases as ``en`` and ``id`` (in any form, see ``stems``) or ``as`` (exactly as written).
In a phrase ``a|b`` stands for either word and ``...`` for up to three words of any kind; small words ("the", "his") may
come between the others. Nothing is found within phrases of ``harmless``.
"""

from __future__ import annotations

import gc
import itertools
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from langit.release.gates.reading import LatticeStep, TextLattice, read_lattice

GAP = "..."
_LONGEST_GAP = 3  # words
_LITTLE = (
    "the a an his her their its my your our this that these those some own very being is are was were of s"
    " yang sang si para seorang sebuah itu ini oleh"
)
_SMALL = frozenset(_LITTLE.split())
_COUNT = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen",
    "nol satu dua tiga empat lima enam tujuh delapan sembilan sepuluh sebelas",
)
_NUMBERS = {word: number for names in _COUNT for number, word in enumerate(names.split())}
_LANGUAGES = ("as", "en", "id")
_YEARS = {"year", "years", "yo", "yrs", "yr", "y", "tahun", "thn", "th"}
ADULT = 18
_THINGS = (
    "lalu ago later silam whisky whiskey wine scotch rum brandy cognac cheese port tree oak car truck building house"
    " bridge dog cat horse parrot turtle company kemudian mendatang anggur keju pohon mobil gedung rumah jembatan"
)
_AGED = frozenset(_THINGS.split())
"""Words after an age that is not a child's: "12 years ago", "12 year old whisky"."""


@dataclass(frozen=True, slots=True)
class LexiconHit:
    """A phrase found from one place in a lattice to another: its tag, and how it was written."""

    start: int
    end: int
    tag: str
    shown: str


@dataclass(frozen=True)
class GateRule:
    """A rule of the gate. It fires where tags occur together.

    tags: each entry lists alternatives, of which one must occur.
    unless: tags that must not occur anywhere.
    within: the largest number of words between the phrases.
    ordered: whether the phrases must follow each other in the order of `tags`.
    always: whether it refuses even if its category is off.
    """

    name: str
    tags: tuple[tuple[str, ...], ...]
    unless: tuple[str, ...] = ()
    within: int | None = None
    ordered: bool = False
    always: bool = False


@dataclass
class Lexicon:
    """All phrases and rules. Built once, then only read."""

    phrases: dict[str, dict[str, list[tuple[tuple[str, ...], str]]]] = field(
        default_factory=lambda: {language: {} for language in _LANGUAGES}
    )
    words: dict[str, set[str]] = field(default_factory=lambda: {language: set() for language in _LANGUAGES})
    tags: set[str] = field(default_factory=set)
    rules: list[GateRule] = field(default_factory=list)
    meanings: dict[str, str] = field(default_factory=dict)

    def add(self, language: str, phrases: str, tag: str) -> None:
        """Add phrases, separated by commas, with a tag."""
        table = self.phrases[language]
        for phrase in phrases.split(","):
            words = phrase.split()
            ways = itertools.product(*(word.split("|") for word in words)) if "|" in phrase else (tuple(words),)
            for way in ways:
                if way:
                    table.setdefault(way[0], []).append((way[1:], tag))
                    self.words[language].update(way)
                    self.tags.add(tag)

    def add_file(self, table: Mapping[str, Any], where: str) -> None:
        """Add a file's words and rules.

        Raises:
            ValueError: a rule names a tag without words.
        """
        for tag, lists in table.get("words", {}).items():
            for language, phrases in lists.items():
                self.add(language, phrases, tag)
        for language, phrases in table.get("harmless", {}).items():
            self.add(language, phrases, "")
        if "name" in table:
            self.meanings[table["name"]] = table["means"]
        for when in table.get("when", ()):
            tags = tuple(tuple(one.split("|")) for one in when["all"])
            unless = tuple(when.get("unless", ()))
            for tag in (*itertools.chain.from_iterable(tags), *unless):
                if tag not in self.tags:
                    raise ValueError(f"{where} has a rule for the tag {tag!r}, which has no words: name a tag that has")
            settings = {name: when[name] for name in ("within", "ordered", "always") if name in when}
            self.rules.append(GateRule(table["name"], tags, unless, **settings))

    def knows(self, word: str) -> bool:
        """Whether some form of a word occurs in a phrase."""
        step = _step(word)
        return any(not self.words[language].isdisjoint(_forms(step, language)) for language in _LANGUAGES)

    def read(self, text: str) -> TextLattice:
        """The lattice of a text, with spaced letters cut into words of this lexicon."""
        return read_lattice(text, self.knows)

    def hits(self, lattice: TextLattice) -> list[LexiconHit]:
        """Every phrase in a lattice outside harmless ones; ages of minors count as ``child``."""
        found: dict[tuple[int, int, str], LexiconHit] = {}
        for place, steps in enumerate(lattice.steps):
            for step in steps:
                for language in _LANGUAGES:
                    table = self.phrases[language]
                    for form in _forms(step, language):
                        for form_known in self._gapped(form, table) if "*" in form else (form,):
                            for rest, tag in table.get(form_known, ()):
                                for end in _follow(lattice, step.end, rest, language):
                                    shown = " ".join(lattice.pieces[place:end])
                                    found.setdefault((place, end, tag), LexiconHit(place, end, tag, shown))
        found |= {(hit.start, hit.end, hit.tag): hit for hit in _ages(lattice)}
        spans = [(hit.start, hit.end) for hit in found.values() if not hit.tag]
        return [
            hit
            for hit in found.values()
            if hit.tag and not any(start <= hit.start and hit.end <= end for start, end in spans)
        ]

    @staticmethod
    def find(lattice: TextLattice, words: tuple[str, ...], tag: str) -> Iterator[LexiconHit]:
        """Find words that follow one another in a lattice."""
        for place, steps in enumerate(lattice.steps):
            for end in {
                end for step in steps if words[0] in step.exact for end in _follow(lattice, step.end, words[1:], "as")
            }:
                yield LexiconHit(place, end, tag, " ".join(lattice.pieces[place:end]))

    @staticmethod
    def _gapped(form: str, table: Mapping[str, Any]) -> list[str]:
        """The words of a table that a form with gaps may stand for: "f*ck"."""
        pattern = re.compile(re.escape(form).replace(r"\*", "[a-z]"))
        return [word for word in table if len(word) == len(form) and pattern.fullmatch(word)]


@cache
def lexicon() -> Lexicon:
    """The lexicon that ships."""
    collecting = gc.isenabled()
    gc.disable()  # building thousands of small tuples with the collector on takes ten times as long
    try:
        return _shipped()
    finally:
        if collecting:
            gc.enable()


def _shipped() -> Lexicon:
    found, folder = Lexicon(), files("langit.release.gates")
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".toml"))
    table = {name: tomllib.loads(folder.joinpath(name).read_text(encoding="utf-8")) for name in names}
    for name in names:
        found.add_file({"words": table[name].get("words", {})}, name)
    for name in names:
        found.add_file({key: value for key, value in table[name].items() if key != "words"}, name)
    return found


def _step(word: str) -> LatticeStep:
    from langit.release.gates.stems import english_stems, indonesian_stems

    return LatticeStep(0, frozenset((word,)), english_stems(word), indonesian_stems(word), word)


def _forms(step: LatticeStep, language: str) -> frozenset[str]:
    return {"as": step.exact, "en": step.english, "id": step.indonesian}[language]


def _follow(lattice: TextLattice, place: int, rest: tuple[str, ...], language: str) -> Iterator[int]:
    """Every end of the rest of a phrase that begins at a place."""
    if not rest:
        yield place
        return
    if rest[0] == GAP:
        for skipped in range(_LONGEST_GAP + 1):
            if place + skipped <= len(lattice.pieces):
                yield from _follow(lattice, place + skipped, rest[1:], language)
        return
    if place >= len(lattice.pieces):
        return
    for step in lattice.steps[place]:
        if rest[0] in _forms(step, language):
            yield from _follow(lattice, step.end, rest[1:], language)
    if lattice.pieces[place].casefold() in _SMALL:
        yield from _follow(lattice, place + 1, rest, language)


def _ages(lattice: TextLattice) -> Iterator[LexiconHit]:
    """Ages under ADULT: "15-year-old", "fifteen years old", "umur dua belas tahun"."""
    words = [piece.casefold() for piece in lattice.pieces]
    for place, word in enumerate(words):
        years = _NUMBERS.get(word)
        end = place + 1
        if word.isascii() and word.isdecimal() and len(word) <= 2:
            years = int(word)
        elif (glued := re.fullmatch(r"(\d{1,2})(?:yo|yrs?|thn?|tahun)", word)) is not None:
            yield from [LexiconHit(place, end, "child", lattice.pieces[place])] * (int(glued[1]) < ADULT)
        elif (aged := re.fullmatch(r"(?:year|age|aged)(\d{1,2})", word)) is not None:
            years = int(aged[1])
        if years is None:
            continue
        if words[end : end + 1] == ["belas"]:
            years, end = years + 10, end + 1
        elif words[end : end + 1] == ["puluh"]:
            years, end = years * 10, end + 1
        before = words[place - 1] if place else ""
        follows = words[end] if end < len(words) else ""
        table = follows in _YEARS or before in ("age", "aged", "umur", "usia", "berumur", "berusia")
        thing = words[end + 1 + (words[end + 1 : end + 2] == ["old"]) :][:1]
        if table and 0 < years < ADULT and _AGED.isdisjoint(thing):
            end += follows in _YEARS
            yield LexiconHit(place, end, "child", " ".join(lattice.pieces[place:end]))


def match_rule(rule: GateRule, hits: Iterable[LexiconHit]) -> tuple[LexiconHit, ...] | None:
    """The hits that make a rule fire, or ``None``."""
    by_tag: dict[str, list[LexiconHit]] = {}
    for hit in hits:
        by_tag.setdefault(hit.tag, []).append(hit)
    if any(tag in by_tag for tag in rule.unless):
        return None
    wanted = [[hit for tag in tags for hit in by_tag.get(tag, ())] for tags in rule.tags]
    if not all(wanted):
        return None
    for chosen in itertools.islice(itertools.product(*wanted), 2000):
        ordered = sorted(chosen, key=lambda hit: (hit.start, hit.end))
        if any(_collide(before, after) for before, after in itertools.pairwise(ordered)):
            continue
        between = sum(max(0, after.start - before.end) for before, after in itertools.pairwise(ordered))
        if rule.within is not None and between > rule.within:
            continue
        if rule.ordered and list(chosen) != ordered:
            continue
        return chosen
    return None


def _collide(before: LexiconHit, after: LexiconHit) -> bool:
    """Whether two hits share words, except where one lies in a gap of the other: "drive REFUGEES into the sea"."""
    return before.end > after.start and not (before.start < after.start and after.end < before.end)
