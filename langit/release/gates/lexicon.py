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
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.resources import files
from typing import Any

from langit.release.gates.constructions import Construction, forms_of
from langit.release.gates.disguise import to_latin
from langit.release.gates.names import NameIndex
from langit.release.gates.reading import HAN_OR_WORD, LatticeStep, TextLattice, is_han, read_lattice
from langit.release.gates.vectors import is_dictionary_word

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
_YEARS = {"year", "years", "yo", "yrs", "yr", "y", "tahun", "thn", "th"}
ADULT = 18
PERSON = "real-person"
ROLES = ("harmed-person", "harmed-child", "harmed-animal", "slain")
"""Tags that `roles.py` gives to verbs whose victim it finds."""
_COMMON = (
    "smith brown johnson williams jones taylor davies evans wilson white black king west stone rose gates jobs cook"
    " page cruise bush young grant carter clinton parker scott green hill baker wood martin thomas james lee khan chan"
    " kim allen swift lewis hall moore jackson harris ford fox wright kamil ahmad putri sari dewi wijaya"
)
_COMMON_SURNAMES = frozenset(_COMMON.split())
"""Surnames of listed people that many others have: "Mr Smith" is nobody in particular."""
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
    unless: tags that must not occur in the same sentence.
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
    """All phrases, constructions and rules. Built once, then only read."""

    phrases: dict[str, dict[str, list[tuple[tuple[str, ...], str]]]] = field(default_factory=lambda: defaultdict(dict))
    constructions: list[Construction] = field(default_factory=list)
    words: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    function_words: dict[str, frozenset[str]] = field(default_factory=dict)
    tags: set[str] = field(default_factory=lambda: set(ROLES))
    rules: list[GateRule] = field(default_factory=list)
    meanings: dict[str, str] = field(default_factory=dict)
    people: NameIndex = field(default_factory=NameIndex)

    def add(self, language: str, phrases: str, tag: str) -> None:
        """Add phrases, separated by commas, with a tag."""
        table = self.phrases[language]
        for phrase in phrases.split(","):
            # only these languages are written with capitals and accents here, or without spaces
            words = phrase.split() if language in ("en", "id") else _plain_words(phrase)
            ways = itertools.product(*(word.split("|") for word in words)) if "|" in phrase else (tuple(words),)
            for way in ways:
                if way:
                    table.setdefault(way[0], []).append((way[1:], tag))
                    self.words[language].update(way)
                    self.tags.add(tag)
                    if tag == PERSON:
                        self.people.add(way)
                    elif tag == "real-one":
                        self.people.add_short(way)

    def add_file(self, table: Mapping[str, Any]) -> None:
        """Add a file's words, constructions and rules."""
        for tag, lists in table.get("words", {}).items():
            for language, phrases in lists.items():
                self.add(language, phrases, tag)
        for language, phrases in table.get("harmless", {}).items():
            self.add(language, phrases, "")
        for language, words in table.get("function_words", {}).items():
            self.function_words[language] = frozenset(_plain_words(words))
        if "name" in table:
            self.meanings[table["name"]] = table["means"]
        for tag, lists in table.get("constructions", {}).items():
            self.tags.add(tag)
            for language, rows in lists.items():
                self.constructions += [Construction.parse(language, row, tag) for row in rows]
        for when in table.get("when", ()):
            tags = tuple(tuple(one.split("|")) for one in when["all"])
            settings = {name: when[name] for name in ("within", "ordered", "always") if name in when}
            name = when.get("name", table.get("name"))
            self.rules.append(GateRule(name, tags, tuple(when.get("unless", ())), **settings))

    def check(self) -> None:
        """Check that every tag of a rule or a construction has words.

        Raises:
            ValueError: one has none.
        """
        for rule in self.rules:
            for tag in (*itertools.chain.from_iterable(rule.tags), *rule.unless):
                if tag not in self.tags:
                    raise ValueError(f"rule {rule.name} uses the tag {tag!r}, which has no words: name a tag that has")
        for construction in self.constructions:
            for tag in construction.references - self.tags:
                raise ValueError(f"a construction uses the tag {tag!r}, which has no words: name a tag that has")

    def knows(self, word: str) -> bool:
        """Whether some form of a word occurs in a phrase."""
        step = _step(word)
        return any(not self.words[language].isdisjoint(forms_of(step, language)) for language in ("as", "en", "id"))

    def read(self, text: str) -> TextLattice:
        """The lattice of a text, with spaced letters cut into words of this lexicon."""
        return read_lattice(text, self.knows)

    def languages(self, lattice: TextLattice) -> tuple[str, ...]:
        """The languages whose phrases to look for: English and Indonesian always, others if the text looks like them.

        A word of one language is often another of a second one ("kind", "die", "mata"): function words decide.
        """
        words = [piece.casefold() for piece in lattice.pieces]
        scores = {language: sum(word in known for word in words) for language, known in self.function_words.items()}
        ours = max(scores.get("en", 0), scores.get("id", 0))
        others = [language for language, score in scores.items() if score > ours and language not in ("en", "id")]
        return ("as", "en", "id", *others, *(("ja", "zh") if any(map(is_han, words)) else ()))

    def hits(self, lattice: TextLattice) -> list[LexiconHit]:
        """Every phrase and construction in a lattice outside harmless phrases; ages of minors count as ``child``."""
        languages = self.languages(lattice)
        found = self._phrases(lattice, languages)
        found |= {(hit.start, hit.end, hit.tag): hit for hit in (*_ages(lattice), *self._misspelt(lattice))}
        spans = [(hit.start, hit.end) for hit in found.values() if not hit.tag]
        kept = [
            hit
            for hit in found.values()
            if hit.tag and not any(start <= hit.start and hit.end <= end for start, end in spans)
        ]
        kept += self._titled(lattice, kept)
        built = self._constructions(lattice, languages, kept)
        return kept + [hit for hit in built if not any(start <= hit.start and hit.end <= end for start, end in spans)]

    def _misspelt(self, lattice: TextLattice) -> Iterator[LexiconHit]:
        """Misspelt names of listed people."""
        words = [piece.casefold() for piece in lattice.pieces]
        ordinary = (
            word
            for word in words
            if (word,) not in self.people.exact
            and (self.knows(word) or any(word in known for known in self.function_words.values()))
        )
        for start, end in self.people.misspelt(lattice.pieces, ordinary, is_dictionary_word):
            yield LexiconHit(start, end, PERSON, " ".join(lattice.pieces[start:end]))

    def _titled(self, lattice: TextLattice, hits: Sequence[LexiconHit]) -> list[LexiconHit]:
        """Listed surnames after a title: "President Macron"; after a mere form of address only with a capital."""
        found = []
        for hit in hits:
            if hit.tag not in ("title", "address") or hit.end >= len(lattice.pieces):
                continue
            name = lattice.pieces[hit.end]
            known = self.people.is_surname(name.casefold())
            if known and (hit.tag == "title" or (name[:1].isupper() and name.casefold() not in _COMMON_SURNAMES)):
                shown = " ".join(lattice.pieces[hit.start : hit.end + 1])
                found.append(LexiconHit(hit.start, hit.end + 1, PERSON, shown))
        return found

    def _phrases(self, lattice: TextLattice, languages: Sequence[str]) -> dict[tuple[int, int, str], LexiconHit]:
        found: dict[tuple[int, int, str], LexiconHit] = {}
        for place, steps in enumerate(lattice.steps):
            for step in steps:
                for language in languages:
                    table = self.phrases[language]
                    for form in forms_of(step, language):
                        for form_known in self._gapped(form, table) if "*" in form else (form,):
                            for rest, tag in table.get(form_known, ()):
                                for end in _follow(lattice, step.end, rest, language):
                                    shown = " ".join(lattice.pieces[place:end])
                                    found.setdefault((place, end, tag), LexiconHit(place, end, tag, shown))
        return found

    def _constructions(
        self, lattice: TextLattice, languages: Sequence[str], hits: Sequence[LexiconHit]
    ) -> list[LexiconHit]:
        ends: dict[tuple[int, str], list[int]] = {}
        for hit in hits:
            ends.setdefault((hit.start, hit.tag), []).append(hit.end)
        found: dict[tuple[int, int, str], LexiconHit] = {}
        tags_at: dict[int, set[str]] = {}
        for start, tag in ends:
            tags_at.setdefault(start, set()).add(tag)
        for start, steps in enumerate(lattice.steps):
            for language in languages:
                openings = {form for step in steps for form in forms_of(step, language)}
                openings |= {f"<{tag}>" for tag in tags_at.get(start, ())}
                index = self._openings.get(language, {})
                for number in {number for opening in openings for number in index.get(opening, ())}:
                    construction = self.constructions[number]
                    for end in construction.match(lattice, start, ends, _SMALL):
                        shown = " ".join(lattice.pieces[start:end])
                        hit = LexiconHit(start, end, construction.tag, shown)
                        found.setdefault((start, end, construction.tag), hit)
        return list(found.values())

    @cached_property
    def _openings(self) -> dict[str, dict[str, list[int]]]:
        """Numbers of constructions by language and by what they can begin with: trying all of them takes too long."""
        index: dict[str, dict[str, list[int]]] = {}
        for number, construction in enumerate(self.constructions):
            for opening in construction.openings:
                index.setdefault(construction.language, {}).setdefault(opening, []).append(number)
        return index

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
        found.add_file({"words": table[name].get("words", {})})
    for name in names:
        found.add_file({key: value for key, value in table[name].items() if key != "words"})
    found.check()
    return found


def _step(word: str) -> LatticeStep:
    from langit.release.gates.stems import english_stems, indonesian_stems

    return LatticeStep(0, frozenset((word,)), english_stems(word), indonesian_stems(word), word)


def _plain_words(phrase: str) -> list[str]:
    """The words of a phrase as a lattice has them: Latin letters without accents; each Chinese character is one."""
    words: list[str] = []
    for word in to_latin(phrase).casefold().split():
        words += re.findall(HAN_OR_WORD, word) if any(map(is_han, word)) else [word]
    return words


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
        if rest[0] in forms_of(step, language):
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


def match_rule(rule: GateRule, hits: Iterable[LexiconHit], sentence: Sequence[int]) -> tuple[LexiconHit, ...] | None:
    """The hits that make a rule fire, or ``None``."""
    by_tag: dict[str, list[LexiconHit]] = {}
    for hit in hits:
        by_tag.setdefault(hit.tag, []).append(hit)
    excuses = {sentence[hit.start] for tag in rule.unless for hit in by_tag.get(tag, ())}
    wanted = [[hit for tag in tags for hit in by_tag.get(tag, ())] for tags in rule.tags]
    if not all(wanted):
        return None
    for chosen in itertools.islice(itertools.product(*wanted), 2000):
        # an excuse counts in its own sentence: a museum in the first one does not make the second one harmless
        if excuses & {sentence[hit.start] for hit in chosen}:
            continue
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
