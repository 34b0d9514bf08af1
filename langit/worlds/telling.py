"""What the captions of all worlds have in common: choosing phrases by key, different sentences, scenes to prompt for.

Knows no words and no scene of any world.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from langit.worlds.scene import Split, split
from langit.worlds.wording import Language

_T = TypeVar("_T")
_Scene = TypeVar("_Scene")

_FIRST_PROMPT = 1_000_000_000  # prompts are of seeds from here on, far from any that is trained on


class Choices:
    """Picks phrases: at random by key, the first of several in a share of cases; or always the first."""

    def __init__(self, key: str | None, first: float) -> None:
        self._random = None if key is None else random.Random(key)
        self._first = first

    def chance(self, share: float) -> bool:
        return self._random is not None and self._random.random() < share

    def phrase(self, options: Sequence[_T]) -> _T:
        if self._random is None or len(options) == 1 or self._random.random() < self._first:
            return options[0]
        return options[1 + int(self._random.random() * (len(options) - 1))]

    def order(self, options: Sequence[_T]) -> _T:
        return options[0] if self._random is None else options[int(self._random.random() * len(options))]


def different(caption: Callable[[Language, int], str], count: int) -> tuple[str, ...]:
    """So many different sentences, English and Indonesian by turns, of a caption's variants."""
    languages: tuple[Language, Language] = ("en", "id")
    found: list[str] = []
    variant = 0
    while len(found) < count:
        sentence = caption(languages[len(found) % 2], variant)
        variant += 1
        if sentence not in found or variant > 20 * count:
            found.append(sentence)
    return tuple(found)


def prompted(which: Split, sample: Callable[[int], _Scene]) -> Iterator[_Scene]:
    """Scenes of a split that no training set holds, without end."""
    assert which in ("train", "held-out"), which
    seed = _FIRST_PROMPT
    while True:
        if split(seed) == which:
            yield sample(seed)
        seed += 1
