"""Corrects words that are one edit away from a word of the lexicons: "bal" is "ball", "snoww" is "snow".

Only words that no lexicon and no model knows are corrected, and only if their first letter is right. A changed letter
counts in words of five letters and more and beside its key, since many words differ by one ("glass", "grass"). Knows
spelling, not sentences.
"""

from __future__ import annotations

from functools import cache

from langit.text.vocabulary import Vocabulary
from langit.worlds.reading.lexicon import is_han, phrases, pieces
from langit.worlds.reading.lexicon_story import story_phrases

_CONTENT = ("shape", "colour", "ground", "sky", "action", "camera", "scene", "fur", "wool", "act", "place", "style")
_SHORTEST, _SHORTEST_CHANGED = 3, 5  # letters of a word that is corrected, and of one with a changed letter


def correct_spelling(text: str, vocabulary: Vocabulary | None) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Return the text with misspelt words corrected, and each correction as (written, meant)."""
    corrections: list[tuple[str, str]] = []
    for word, start, end in reversed(pieces(text)):
        written = text[start:end]
        if (
            not _is_candidate(word)
            or word in _known_words()
            or (vocabulary and not vocabulary.has_unknown_token(written))
        ):
            continue
        meant = _only_neighbour(word, vocabulary)
        if meant:
            corrections.append((written, meant))
            text = text[:start] + meant + text[end:]
    return text, tuple(reversed(corrections))


def _is_candidate(word: str) -> bool:
    return len(word) >= _SHORTEST and word.isalpha() and not is_han(word)


@cache
def _known_words() -> frozenset[str]:
    """Every word of every phrase, in any language: none of them is misspelt."""
    return frozenset(word for table in (phrases(), story_phrases()) for key in table for word in key)


@cache
def _content_words() -> frozenset[str]:
    """English and Indonesian words that by themselves say something about a scene."""
    meanings = [(key, language, meaning) for key, table in phrases().items() for language, meaning in table.items()]
    meanings += [(key, language, meaning) for key, options in story_phrases().items() for language, meaning in options]
    return frozenset(
        key[0]
        for key, language, meaning in meanings
        if len(key) == 1 and language in ("en", "id") and meaning.kind in _CONTENT and len(key[0]) >= _SHORTEST
    )


def _only_neighbour(word: str, vocabulary: Vocabulary | None) -> str:
    """The content word that a word is closest to, preferring words of the model; "" if there is none, or several."""
    ranked = sorted((rank, other) for other in _content_words() if (rank := edit(word, other)))
    best = [other for rank, other in ranked if rank == ranked[0][0]]
    if vocabulary is not None and len(best) > 1:
        best = [other for other in best if not vocabulary.has_unknown_token(other)] or best
    return best[0] if len(best) == 1 else ""


def edit(written: str, meant: str) -> int:
    """How likely one slip explains a spelling, 1 being most likely; 0 if it takes more than one slip.

    1: a letter doubled or not doubled; 2: two neighbours exchanged; 3: a letter left out or added; 4: a wrong key
    beside the right one.
    """
    if written == meant or abs(len(written) - len(meant)) > 1 or written[0] != meant[0]:
        return 0
    short, long = sorted((written, meant), key=len)
    if len(short) < len(long):
        at = next((at for at in range(len(long)) if long[:at] + long[at + 1 :] == short), None)
        if at is None:
            return 0
        return 1 if long[at] in long[max(0, at - 1) : at] + long[at + 1 : at + 2] else 3
    different = [at for at, (a, b) in enumerate(zip(written, meant, strict=True)) if a != b]
    if len(different) == 2:
        first, second = different
        exchanged = written[first] == meant[second] and written[second] == meant[first]
        return 2 if second == first + 1 and exchanged else 0
    if len(different) == 1 and len(meant) >= _SHORTEST_CHANGED:
        return 4 if {written[different[0]], meant[different[0]]} in _NEIGHBOURING_KEYS else 0
    return 0


_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_NEIGHBOURING_KEYS = [{row[at], row[at + 1]} for row in _ROWS for at in range(len(row) - 1)]
