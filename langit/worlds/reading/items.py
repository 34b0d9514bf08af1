"""Matches the phrases of the lexicon of worlds-1 in a sentence. Knows phrases and languages, not what they ask for."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from langit.worlds.reading.lexicon import PRIMARY, Meaning, is_han, is_mark, longest_phrases, phrases, pieces


@dataclass(frozen=True)
class PromptItem:
    """A phrase of the sentence: its meaning, where it stands, and the languages in which it has this meaning.

    A bare phrase does not begin with a preposition or an article: "grass", not "on the grass".
    """

    kind: str
    value: str
    start: int
    end: int
    languages: tuple[str, ...] = ()
    bare: bool = True


def match_items(text: str) -> tuple[list[PromptItem], str]:
    """Match the phrases of a text, longest first; also return the text's main language.

    A phrase of several languages takes its meaning in the main one, which is the one that most phrases belong to.
    """
    words, table = pieces(text), phrases()
    matches: list[tuple[int, int, dict[str, Meaning]]] = []
    place = 0
    while place < len(words):
        meanings: dict[str, Meaning] = {}
        size = 1
        for size in range(min(longest_phrases().get(words[place][0], 1), len(words) - place), 0, -1):
            meanings = table.get(tuple(word for word, _, _ in words[place : place + size]), {})
            if meanings:
                break
        matches.append((place, place + size, meanings))
        place += size
    votes = Counter(language for _, _, meanings in matches for language in meanings)
    # ties go to the captions' own languages
    ranks = {language: -rank for rank, language in enumerate(("en", "id", *sorted(set(votes) - set(PRIMARY))))}
    main = max(votes, key=lambda language: (votes[language], ranks[language])) if votes else "en"
    items: list[PromptItem] = []
    for first, last, meanings in matches:
        start, end = words[first][1], words[last - 1][2]
        if meanings:
            meaning = meanings[main if main in meanings else max(meanings, key=lambda one: (votes[one], ranks[one]))]
            same = tuple(language for language, other in meanings.items() if other == meaning)
            opening = table.get((words[first][0],), {}).values()
            bare = last == first + 1 or all(other.kind != "word" for other in opening)
            items.append(PromptItem(meaning.kind, meaning.value, start, end, same, bare))
        elif is_mark(words[first][0]):
            items.append(PromptItem("and", "", start, end))
        elif items and items[-1].kind == "unknown" and items[-1].end == start and is_han(words[first][0]):
            items[-1] = replace(items[-1], end=end)
        else:
            items.append(PromptItem("unknown", "", start, end))
    return items, main
