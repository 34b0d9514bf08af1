"""Words by what they mean to a gate, from the TOML files beside this module, and where a reading has them.

A file's ``[words.TAG]`` lists phrases as ``en`` and ``id`` (in whatever form, see ``stems``) or ``as`` (as they stand).
In a phrase ``a|b`` is either word and ``...`` up to three words of any kind; small words ("the", "his") may stand
between the others. ``harmless`` lists phrases within which nothing is found. Knows no rule.
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

from langit.release.gates.reading import Reading, Step, read

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
"""What is young at that age, or is not aged at all: "12 years ago"."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A phrase found from one place in a reading to another, what it is tagged with, and how it was written."""

    start: int
    end: int
    tag: str
    shown: str


@dataclass(frozen=True)
class Rule:
    """When a rule of the gate fires: all of some tags stand within so many words.

    Each of ``tags`` is one tag or several, of which one must be there. ``ordered``: in that order. ``unless``: nothing
    of these is anywhere. ``always``: it refuses whatever the settings say.
    """

    name: str
    tags: tuple[tuple[str, ...], ...]
    unless: tuple[str, ...] = ()
    within: int | None = None
    ordered: bool = False
    always: bool = False


@dataclass
class Lexicon:
    """All phrases and rules; made once, then only read."""

    phrases: dict[str, dict[str, list[tuple[tuple[str, ...], str]]]] = field(
        default_factory=lambda: {language: {} for language in _LANGUAGES}
    )
    words: dict[str, set[str]] = field(default_factory=lambda: {language: set() for language in _LANGUAGES})
    tags: set[str] = field(default_factory=set)
    rules: list[Rule] = field(default_factory=list)
    meanings: dict[str, str] = field(default_factory=dict)

    def add(self, language: str, phrases: str, tag: str) -> None:
        """Enter phrases, one beside the other with commas."""
        table = self.phrases[language]
        for phrase in phrases.split(","):
            words = phrase.split()
            ways = itertools.product(*(word.split("|") for word in words)) if "|" in phrase else (tuple(words),)
            for way in ways:
                if way:
                    table.setdefault(way[0], []).append((way[1:], tag))
                    self.words[language].update(way)
                    self.tags.add(tag)

    def add_file(self, told: Mapping[str, Any], where: str) -> None:
        """Enter a file's words and rules.

        Raises:
            ValueError: a rule names a tag that no file so far has words for.
        """
        for tag, lists in told.get("words", {}).items():
            for language, phrases in lists.items():
                self.add(language, phrases, tag)
        for language, phrases in told.get("harmless", {}).items():
            self.add(language, phrases, "")
        if "name" in told:
            self.meanings[told["name"]] = told["means"]
        for when in told.get("when", ()):
            tags = tuple(tuple(one.split("|")) for one in when["all"])
            unless = tuple(when.get("unless", ()))
            for tag in (*itertools.chain.from_iterable(tags), *unless):
                if tag not in self.tags:
                    raise ValueError(f"{where} has a rule on {tag!r}, for which there are no words: name a tag that is")
            settings = {name: when[name] for name in ("within", "ordered", "always") if name in when}
            self.rules.append(Rule(told["name"], tags, unless, **settings))

    def knows(self, word: str) -> bool:
        """Whether a word is in a phrase, in some form."""
        step = _step(word)
        return any(not self.words[language].isdisjoint(_forms(step, language)) for language in _LANGUAGES)

    def read(self, text: str) -> Reading:
        """A text's reading, with letters that are spaced out cut into the words of this lexicon."""
        return read(text, self.knows)

    def hits(self, reading: Reading) -> list[Hit]:
        """Every phrase that is in a reading, outside of harmless ones, and ages of the young as ``child``."""
        found: dict[tuple[int, int, str], Hit] = {}
        for place, steps in enumerate(reading.steps):
            for step in steps:
                for language in _LANGUAGES:
                    table = self.phrases[language]
                    for form in _forms(step, language):
                        for form_known in self._gapped(form, table) if "*" in form else (form,):
                            for rest, tag in table.get(form_known, ()):
                                for end in _follow(reading, step.end, rest, language):
                                    shown = " ".join(reading.pieces[place:end])
                                    found.setdefault((place, end, tag), Hit(place, end, tag, shown))
        found |= {(hit.start, hit.end, hit.tag): hit for hit in _ages(reading)}
        spans = [(hit.start, hit.end) for hit in found.values() if not hit.tag]
        return [
            hit
            for hit in found.values()
            if hit.tag and not any(start <= hit.start and hit.end <= end for start, end in spans)
        ]

    @staticmethod
    def find(reading: Reading, words: tuple[str, ...], tag: str) -> Iterator[Hit]:
        """Where words stand one after the other in a reading."""
        for place, steps in enumerate(reading.steps):
            for end in {
                end for step in steps if words[0] in step.exact for end in _follow(reading, step.end, words[1:], "as")
            }:
                yield Hit(place, end, tag, " ".join(reading.pieces[place:end]))

    @staticmethod
    def _gapped(form: str, table: Mapping[str, Any]) -> list[str]:
        """The words that a form with gaps may be: "f*ck"."""
        pattern = re.compile(re.escape(form).replace(r"\*", "[a-z]"))
        return [word for word in table if len(word) == len(form) and pattern.fullmatch(word)]


@cache
def lexicon() -> Lexicon:
    """The lexicon that ships, in English and Indonesian."""
    collecting = gc.isenabled()
    gc.disable()  # thousands of small tuples that all stay: looking for garbage among them takes ten times the work
    try:
        return _shipped()
    finally:
        if collecting:
            gc.enable()


def _shipped() -> Lexicon:
    found, folder = Lexicon(), files("langit.release.gates")
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".toml"))
    told = {name: tomllib.loads(folder.joinpath(name).read_text(encoding="utf-8")) for name in names}
    for name in names:
        found.add_file({"words": told[name].get("words", {})}, name)
    for name in names:
        found.add_file({key: value for key, value in told[name].items() if key != "words"}, name)
    return found


def _step(word: str) -> Step:
    from langit.release.gates.stems import english, indonesian

    return Step(0, frozenset((word,)), english(word), indonesian(word), word)


def _forms(step: Step, language: str) -> frozenset[str]:
    return {"as": step.exact, "en": step.english, "id": step.indonesian}[language]


def _follow(reading: Reading, place: int, rest: tuple[str, ...], language: str) -> Iterator[int]:
    """Where the rest of a phrase ends, from a place on: each way in which it can be read there."""
    if not rest:
        yield place
        return
    if rest[0] == GAP:
        for skipped in range(_LONGEST_GAP + 1):
            if place + skipped <= len(reading.pieces):
                yield from _follow(reading, place + skipped, rest[1:], language)
        return
    if place >= len(reading.pieces):
        return
    for step in reading.steps[place]:
        if rest[0] in _forms(step, language):
            yield from _follow(reading, step.end, rest[1:], language)
    if reading.pieces[place].casefold() in _SMALL:
        yield from _follow(reading, place + 1, rest, language)


def _ages(reading: Reading) -> Iterator[Hit]:
    """Ages under ADULT: "15-year-old", "fifteen years old", "umur dua belas tahun"."""
    words = [piece.casefold() for piece in reading.pieces]
    for place, word in enumerate(words):
        years = _NUMBERS.get(word)
        end = place + 1
        if word.isascii() and word.isdecimal() and len(word) <= 2:
            years = int(word)
        elif (glued := re.fullmatch(r"(\d{1,2})(?:yo|yrs?|thn?|tahun)", word)) is not None:
            yield from [Hit(place, end, "child", reading.pieces[place])] * (int(glued[1]) < ADULT)
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
        told = follows in _YEARS or before in ("age", "aged", "umur", "usia", "berumur", "berusia")
        thing = words[end + 1 + (words[end + 1 : end + 2] == ["old"]) :][:1]
        if told and 0 < years < ADULT and _AGED.isdisjoint(thing):
            end += follows in _YEARS
            yield Hit(place, end, "child", " ".join(reading.pieces[place:end]))


def fired(rule: Rule, hits: Iterable[Hit]) -> tuple[Hit, ...] | None:
    """The hits that make a rule fire, or ``None``."""
    by_tag: dict[str, list[Hit]] = {}
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


def _collide(before: Hit, after: Hit) -> bool:
    """Whether two hits share words, other than those that one leaves room for: "drive REFUGEES into the sea"."""
    return before.end > after.start and not (before.start < after.start and after.end < before.end)
