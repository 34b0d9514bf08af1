"""Reads a prompt into a lattice of words: every word, and what it says if its letters were spaced, swapped or joined.

From each place in the text, steps lead over one word, or over several pieces that make one word ("k i l l", "nak ed").
Each step lists the forms that a reader may take it for. Knows how words are disguised, not which words matter.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from langit.release.gates.disguise import to_latin
from langit.release.gates.stems import english_stems, indonesian_stems

_LEET = {
    "0": "o", "1": "il", "2": "z", "3": "e", "4": "a", "5": "s", "6": "g", "7": "t", "8": "b", "9": "g",
    "@": "a", "$": "s", "!": "i", "|": "li", "+": "t", "€": "e", "£": "l", "¥": "y", "©": "c", "®": "r", "µ": "u",
    "×": "x", "§": "s", "¢": "c", "(": "c", "%": "o", "^": "a", "¡": "i", "ß": "b", "æ": "a", "œ": "o",
}  # fmt: skip
_GAPS = "*#?_·•%&"
"""Signs that replace a letter: "f*ck"."""
_VARIANTS = 8  # readings of one chunk with digits and signs for letters
_MOST_SPACED = 60  # a longer series of single letters is not cut into words
_SHORT_WORDS = (
    "a i o am an as at be by do go he hi if in is it me my no of oh ok on or so to up us we tv uk un eu ad ex id ii iv"
    " vi cm km mm ml kg hd pm pg st mr ms dr ya di ke ku mu si se ia aku kau dan yg the and one two man men boy new old"
    " red big day sea sun sky car cat dog for off out all her his she him was has had not but can"
)
_SHORT = frozenset(_SHORT_WORDS.split())
_JOINED_FIRST = ("naked", "nude", "porn", "murder", "behead", "bugil", "telanjang")
"""First parts of joined words ("nakedwoman"). The list is short because more of them would split harmless words."""
_LONGEST_WORD = 12  # letters: a longer series of single letters is several words
HAN_OR_WORD = r"[\u3040-\u30ff\u3400-\u9fff々]|[^\W_\u3040-\u30ff\u3400-\u9fff々]+"
"""A word; nothing marks where Chinese and Japanese words end, so each of their characters counts as one."""
_END = re.compile(r"[.!?;:\n]+[\"'”’)\]]*$")


@dataclass(frozen=True, slots=True)
class LatticeStep:
    """A step from one place to ``end``: the forms that may be meant, as written and as stems of two languages."""

    end: int
    exact: frozenset[str]
    english: frozenset[str]
    indonesian: frozenset[str]
    shown: str


@dataclass(frozen=True)
class TextLattice:
    """The lattice of a text. ``steps[place]`` lead on from a place; ``sentence[place]`` numbers sentences from 0."""

    pieces: tuple[str, ...]  # as written, in Latin letters and with capitals
    steps: tuple[tuple[LatticeStep, ...], ...]
    sentence: tuple[int, ...]


@dataclass
class _LatticeBuilder:
    """Collects the parts of a lattice during one call of ``read_lattice``."""

    pieces: list[str] = field(default_factory=list)
    apart: list[bool] = field(default_factory=list)  # whether several spaces precede a piece
    sentence: list[int] = field(default_factory=list)
    steps: dict[int, list[LatticeStep]] = field(default_factory=dict)

    def add(self, start: int, end: int, forms: Iterable[str]) -> None:
        """Add a step for ``forms`` and their stems."""
        wanted = frozenset(form for form in forms if form)
        if not wanted:
            return
        en_stems = frozenset(itertools.chain.from_iterable(map(english_stems, wanted)))
        id_stems = frozenset(itertools.chain.from_iterable(map(indonesian_stems, wanted)))
        self.steps.setdefault(start, []).append(
            LatticeStep(end, wanted, en_stems, id_stems, " ".join(self.pieces[start:end]))
        )


def read_lattice(text: str, known: Callable[[str], bool]) -> TextLattice:
    """Read a text into its lattice.

    Args:
        text: as a person wrote it.
        known: whether a word, in any form, is in the lexicon; spaced letters are cut_into_words into such words.
    """
    lattice, number = _LatticeBuilder(), 0
    for blank, chunk in re.findall(r"(\s*)(\S+)", to_latin(text)):
        start = len(lattice.pieces)
        for piece in _pieces(chunk):
            lattice.pieces.append(piece)
            lattice.apart.append(len(lattice.pieces) == start + 1 and len(blank) > 1)
            lattice.sentence.append(number)
        _add_chunk(lattice, chunk, start)
        if _END.search(chunk):
            number += 1
    _add_spaced(lattice, known)
    _add_broken_and_joined(lattice, known)
    steps = tuple(tuple(lattice.steps.get(place, ())) for place in range(len(lattice.pieces)))
    return TextLattice(tuple(lattice.pieces), steps, tuple(lattice.sentence))


def is_han(piece: str) -> bool:
    """Whether a piece is a Chinese or Japanese character."""
    return "\u3040" <= piece[:1] <= "\u30ff" or "\u3400" <= piece[:1] <= "\u9fff"


def name_words(name: str) -> tuple[str, ...]:
    """The words of a name in the form that a lattice uses."""
    return tuple(piece.casefold() for chunk in to_latin(name).split() for piece in _pieces(chunk))


def _pieces(chunk: str) -> list[str]:
    """The words of a chunk without spaces: cut at signs, and where a capital follows a small letter."""
    joined = re.sub(r"[’'`´]s\b", "", chunk)
    joined = re.sub(r"(?<=\w)[’'`´](?=\w)", "", joined)
    separated = re.sub(r"([a-z]{2})([A-Z][a-z])", r"\1 \2", joined)
    return re.findall(HAN_OR_WORD, separated)


def _add_chunk(lattice: _LatticeBuilder, chunk: str, start: int) -> None:
    """Add steps over the pieces of one chunk: each by itself, and all together as one disguised word."""
    end = len(lattice.pieces)
    for place in range(start, end):
        low = lattice.pieces[place].casefold()
        forms = {low, *_without_repeats(low)}
        if len(low) > 3 and low[-1] == "2" and low[:-1].isalpha():
            forms.add(low[:-1])  # Indonesian: "anak2" is "anak-anak"
        lattice.add(place, place + 1, forms)
    low = chunk.casefold()
    if low.isalpha() and end <= start + 1:
        return
    core = re.sub(r"^[^\w@$*!|(+€£¥©]+|[^\w@$*|+€£¥]+$", "", low)
    forms = {*_leet_readings(core), *(_leet_readings(f"{core}!") if low.endswith("!") else ())}
    if end > start:
        forms.add(re.sub(r"[\W_]", "", core))
        forms -= {lattice.pieces[start].casefold()} if end == start + 1 else set()
        forms |= {one for form in tuple(forms) for one in _without_repeats(form)}
        if len(core) > 2 and re.fullmatch(rf"[^\W\d_]+(?:[{re.escape(_GAPS)}]+[^\W\d_]+)+", core):
            forms.add(re.sub(rf"[{re.escape(_GAPS)}]", "*", core))
        lattice.add(start, end, forms)
    elif forms:
        lattice.pieces.append(re.sub(r"\W", "", chunk) or chunk)
        lattice.apart.append(False)
        lattice.sentence.append(lattice.sentence[-1] if lattice.sentence else 0)
        lattice.add(start, start + 1, forms)


def _leet_readings(core: str) -> list[str]:
    """Readings of a chunk whose digits and signs stand for letters; none if it has only letters, or no letter."""
    letters = re.sub(r"[-.,_~'’\"/\\=]", "", core)
    if not any(letter.isalpha() for letter in letters) or letters.isalpha():
        return []
    options = [_LEET.get(letter, letter if letter.isalpha() else "") for letter in letters]
    if not all(options):
        return []
    readings = itertools.islice(itertools.product(*options), _VARIANTS)
    return ["".join(reading) for reading in readings]


def _without_repeats(word: str) -> list[str]:
    """A word without repeated letters: "killlll" gives "kill" and "kil"."""
    if not re.search(r"(\w)\1\1", word):
        return []
    return [re.sub(r"(\w)\1{2,}", r"\1\1", word), re.sub(r"(\w)\1{2,}", r"\1", word)]


def _add_spaced(lattice: _LatticeBuilder, known: Callable[[str], bool]) -> None:
    """Add steps over three or more single letters: as one word, split at wider gaps, and cut into known words."""
    place = 0
    while place < len(lattice.pieces):
        end = place
        while end < len(lattice.pieces) and len(lattice.pieces[end]) == 1 and not is_han(lattice.pieces[end]):
            end += 1
        if end - place >= 3:
            letters = [(_LEET.get(piece, piece)[0]).casefold() for piece in lattice.pieces[place:end]]
            if any(piece.isalpha() for piece in lattice.pieces[place:end]):
                lattice.add(place, end, {"".join(letters)})
                bounds = [place, *(one for one in range(place + 1, end) if lattice.apart[one]), end]
                for first, last in zip(bounds, bounds[1:], strict=False):
                    lattice.add(first, last, {"".join(letters[first - place : last - place])})
                for first, last in cut_into_words("".join(letters), known):
                    lattice.add(place + first, place + last, {"".join(letters[first:last])})
        place = max(end, place + 1)


def cut_into_words(letters: str, known: Callable[[str], bool]) -> list[tuple[int, int]]:
    """Cut a series of letters into as few known or short words as possible; empty if that is impossible.

    Dynamic programming over the end of the last word.
    """
    best: list[tuple[int, int] | None] = [(0, 0)] + [None] * len(letters)  # number of words, start of the last
    if len(letters) > _MOST_SPACED:
        return []
    for end in range(1, len(letters) + 1):
        for start in range(max(0, end - 16), end):
            before, word = best[start], letters[start:end]
            if before is None or not (word in _SHORT or (len(word) > 2 and known(word))):
                continue
            here = best[end]
            if here is None or before[0] + 1 < here[0]:
                best[end] = (before[0] + 1, start)
    if best[len(letters)] is None:
        fits = (
            [end for end in range(len(letters), 3, -1) if known(letters[:end])] if len(letters) > _LONGEST_WORD else []
        )
        return [(0, fits[0])] if fits else []
    found, end = [], len(letters)
    while end > 0:
        step = best[end]
        assert step is not None
        found.append((step[1], end))
        end = step[1]
    return found[::-1]


def _add_broken_and_joined(lattice: _LatticeBuilder, known: Callable[[str], bool]) -> None:
    """Add steps over words that spaces cut in two or three ("nak ed"), and over words that are joined."""
    low = [piece.casefold() for piece in lattice.pieces]
    for place in range(len(low)):
        for size in (2, 3):
            parts = low[place : place + size]
            odd = sum(len(part) <= 2 and part not in _SHORT for part in parts)
            odd += sum(len(part) == 1 for part in parts if part in _SHORT and part not in ("a", "i"))
            if len(parts) == size and odd >= size - 1 and sum(map(len, parts)) >= 4 and known("".join(parts)):
                lattice.add(place, place + size, {"".join(parts)})
        for first in _JOINED_FIRST:
            if low[place].startswith(first) and low[place] != first and known(low[place][len(first) :]):
                lattice.add(place, place + 1, {first})
                lattice.add(place, place + 1, {low[place][len(first) :]})
