"""A prompt as words that may be there: each word, and what it says if letters were spaced out, swapped or glued.

A reading is a lattice. From each place in the text steps lead on, over one word or over several pieces that make one
("k i l l", "nak ed"), and each step has the forms that it may be taken for. Knows how words are disguised, not which.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from langit.release.gates.disguise import plain
from langit.release.gates.stems import english, indonesian

_LEET = {
    "0": "o", "1": "il", "2": "z", "3": "e", "4": "a", "5": "s", "6": "g", "7": "t", "8": "b", "9": "g",
    "@": "a", "$": "s", "!": "i", "|": "li", "+": "t", "€": "e", "£": "l", "¥": "y", "©": "c", "®": "r", "µ": "u",
    "×": "x", "§": "s", "¢": "c", "(": "c", "%": "o", "^": "a", "¡": "i", "ß": "b", "æ": "a", "œ": "o",
}  # fmt: skip
_GAPS = "*#?_·•%&"
"""What stands for a letter that was left out: "f*ck"."""
_VARIANTS = 8  # readings of one chunk that are tried
_SPACED = 60  # letters that are spaced out, at most, that are read as words
_LITTLE = (
    "a i o am an as at be by do go he hi if in is it me my no of oh ok on or so to up us we tv uk un eu ad ex id ii iv"
    " vi cm km mm ml kg hd pm pg st mr ms dr ya di ke ku mu si se ia aku kau dan yg the and one two man men boy new old"
    " red big day sea sun sky car cat dog for off out all her his she him was has had not but can"
)
_SHORT = frozenset(_LITTLE.split())
_GLUED = ("naked", "nude", "porn", "murder", "behead", "bugil", "telanjang")
"""Words that are looked for before another that is glued to them; with more of them, harmless words fall in two."""
_WORD = 12  # letters: what is longer, spaced out, is more than one word
_END = re.compile(r"[.!?;:\n]+[\"'”’)\]]*$")


@dataclass(frozen=True, slots=True)
class Step:
    """Over the text from one place to ``end``: every form that may be meant, and as which language."""

    end: int
    exact: frozenset[str]
    english: frozenset[str]
    indonesian: frozenset[str]
    shown: str


@dataclass(frozen=True)
class Reading:
    """The lattice of a text; ``steps[place]`` lead on from a place; ``sentence[place]`` numbers sentences from 0."""

    pieces: tuple[str, ...]  # as written but in plain letters, with capitals
    steps: tuple[tuple[Step, ...], ...]
    sentence: tuple[int, ...]


@dataclass
class _Draft:
    """A lattice in the making; belongs to one call of ``read``."""

    pieces: list[str] = field(default_factory=list)
    apart: list[bool] = field(default_factory=list)  # whether more than one space stands before a piece
    sentence: list[int] = field(default_factory=list)
    steps: dict[int, list[Step]] = field(default_factory=dict)

    def add(self, start: int, end: int, forms: Iterable[str]) -> None:
        """A step with all that ``forms`` may be stems of."""
        wanted = frozenset(form for form in forms if form)
        if not wanted:
            return
        en = frozenset(itertools.chain.from_iterable(map(english, wanted)))
        nusantara = frozenset(itertools.chain.from_iterable(map(indonesian, wanted)))
        self.steps.setdefault(start, []).append(Step(end, wanted, en, nusantara, " ".join(self.pieces[start:end])))


def read(text: str, known: Callable[[str], bool]) -> Reading:
    """Read a text.

    Args:
        text: as it was written.
        known: whether a word, in whatever form, is of any interest: letters that are spaced out are cut into such.
    """
    draft, number = _Draft(), 0
    for blank, chunk in re.findall(r"(\s*)(\S+)", plain(text)):
        start = len(draft.pieces)
        for piece in _pieces(chunk):
            draft.pieces.append(piece)
            draft.apart.append(len(draft.pieces) == start + 1 and len(blank) > 1)
            draft.sentence.append(number)
        _chunk(draft, chunk, start)
        if _END.search(chunk):
            number += 1
    _spaced(draft, known)
    _broken(draft, known)
    steps = tuple(tuple(draft.steps.get(place, ())) for place in range(len(draft.pieces)))
    return Reading(tuple(draft.pieces), steps, tuple(draft.sentence))


def words_of(name: str) -> tuple[str, ...]:
    """The words of a name as a reading would have them."""
    return tuple(piece.casefold() for chunk in plain(name).split() for piece in _pieces(chunk))


def _pieces(chunk: str) -> list[str]:
    """The words of a chunk that has no spaces: cut at signs, and where a capital follows a small letter."""
    joined = re.sub(r"[’'`´]s\b", "", chunk)
    joined = re.sub(r"(?<=\w)[’'`´](?=\w)", "", joined)
    cut = re.sub(r"([a-z]{2})([A-Z][a-z])", r"\1 \2", joined)
    return re.findall(r"[^\W_]+", cut)


def _chunk(draft: _Draft, chunk: str, start: int) -> None:
    """The steps over the pieces of one chunk: each by itself, and all of them as one word in disguise."""
    end = len(draft.pieces)
    for place in range(start, end):
        low = draft.pieces[place].casefold()
        forms = {low, *_unrepeated(low)}
        if len(low) > 3 and low[-1] == "2" and low[:-1].isalpha():
            forms.add(low[:-1])  # Indonesian: "anak2" is "anak-anak"
        draft.add(place, place + 1, forms)
    low = chunk.casefold()
    if low.isalpha() and end <= start + 1:
        return
    core = re.sub(r"^[^\w@$*!|(+€£¥©]+|[^\w@$*|+€£¥]+$", "", low)
    forms = {*_leet(core), *(_leet(f"{core}!") if low.endswith("!") else ())}
    if end > start:
        forms.add(re.sub(r"[\W_]", "", core))
        forms -= {draft.pieces[start].casefold()} if end == start + 1 else set()
        forms |= {one for form in tuple(forms) for one in _unrepeated(form)}
        if len(core) > 2 and re.fullmatch(rf"[^\W\d_]+(?:[{re.escape(_GAPS)}]+[^\W\d_]+)+", core):
            forms.add(re.sub(rf"[{re.escape(_GAPS)}]", "*", core))
        draft.add(start, end, forms)
    elif forms:
        draft.pieces.append(re.sub(r"\W", "", chunk) or chunk)
        draft.apart.append(False)
        draft.sentence.append(draft.sentence[-1] if draft.sentence else 0)
        draft.add(start, start + 1, forms)


def _leet(core: str) -> list[str]:
    """What a chunk says where digits and signs stand for letters; nothing where none do, or no letter is left."""
    letters = re.sub(r"[-.,_~'’\"/\\=]", "", core)
    if not any(letter.isalpha() for letter in letters) or letters.isalpha():
        return []
    options = [_LEET.get(letter, letter if letter.isalpha() else "") for letter in letters]
    if not all(options):
        return []
    ways = itertools.islice(itertools.product(*options), _VARIANTS)
    return ["".join(way) for way in ways]


def _unrepeated(word: str) -> list[str]:
    """A word without letters that are drawn out: "killlll" gives "kill" and "kil"."""
    if not re.search(r"(\w)\1\1", word):
        return []
    return [re.sub(r"(\w)\1{2,}", r"\1\1", word), re.sub(r"(\w)\1{2,}", r"\1", word)]


def _spaced(draft: _Draft, known: Callable[[str], bool]) -> None:
    """Letters that stand alone, three and more: as one word, parted at wider gaps, and cut into known words."""
    place = 0
    while place < len(draft.pieces):
        end = place
        while end < len(draft.pieces) and len(draft.pieces[end]) == 1:
            end += 1
        if end - place >= 3:
            letters = [(_LEET.get(piece, piece)[0]).casefold() for piece in draft.pieces[place:end]]
            if any(piece.isalpha() for piece in draft.pieces[place:end]):
                draft.add(place, end, {"".join(letters)})
                bounds = [place, *(one for one in range(place + 1, end) if draft.apart[one]), end]
                for first, last in zip(bounds, bounds[1:], strict=False):
                    draft.add(first, last, {"".join(letters[first - place : last - place])})
                for first, last in cut("".join(letters), known):
                    draft.add(place + first, place + last, {"".join(letters[first:last])})
        place = max(end, place + 1)


def cut(letters: str, known: Callable[[str], bool]) -> list[tuple[int, int]]:
    """Where a row of letters falls into known and short words, in as few as can be; nothing if it does not."""
    best: list[tuple[int, int] | None] = [(0, 0)] + [None] * len(letters)  # number of words, start of the last
    if len(letters) > _SPACED:
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
        fits = [end for end in range(len(letters), 3, -1) if known(letters[:end])] if len(letters) > _WORD else []
        return [(0, fits[0])] if fits else []
    found, end = [], len(letters)
    while end > 0:
        step = best[end]
        assert step is not None
        found.append((step[1], end))
        end = step[1]
    return found[::-1]


def _broken(draft: _Draft, known: Callable[[str], bool]) -> None:
    """Words that a space cuts in two or three ("nak ed"), where a part is short and no word; and glued ones."""
    low = [piece.casefold() for piece in draft.pieces]
    for place in range(len(low)):
        for size in (2, 3):
            parts = low[place : place + size]
            odd = sum(len(part) <= 2 and part not in _SHORT for part in parts)
            odd += sum(len(part) == 1 for part in parts if part in _SHORT and part not in ("a", "i"))
            if len(parts) == size and odd >= size - 1 and sum(map(len, parts)) >= 4 and known("".join(parts)):
                draft.add(place, place + size, {"".join(parts)})
        for first in _GLUED:
            if low[place].startswith(first) and low[place] != first and known(low[place][len(first) :]):
                draft.add(place, place + 1, {first})
                draft.add(place, place + 1, {low[place][len(first) :]})
