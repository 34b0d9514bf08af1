"""What the captions of all worlds share: choosing phrases by key, distinct captions, scenes for prompts.

Knows no words and no scene of any world.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from langit.worlds.scene import Split, split
from langit.worlds.wording import Language

_T = TypeVar("_T")
_Scene = TypeVar("_Scene")

_FIRST_PROMPT_SEED = 1_000_000_000  # prompts take seeds from here on, which no training set reaches


class Choices:
    """Picks phrases at random by a key, the first of a row with its own probability; without a key, always the first.

    Draws from `random.Random.random()` alone, whose sequence is stable across versions and machines.
    """

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


def distinct_captions(caption: Callable[[Language, int], str], count: int) -> tuple[str, ...]:
    """The first `count` distinct captions among the variants, alternating English and Indonesian.

    A scene with too few variants repeats captions in the end.
    """
    languages: tuple[Language, Language] = ("en", "id")
    texts: list[str] = []
    variant = 0
    while len(texts) < count:
        sentence = caption(languages[len(texts) % 2], variant)
        variant += 1
        if sentence not in texts or variant > 20 * count:
            texts.append(sentence)
    return tuple(texts)


def prompt_scenes(which: Split, sample: Callable[[int], _Scene]) -> Iterator[_Scene]:
    """An endless series of scenes of a split that no training set holds."""
    assert which in ("train", "held-out"), which
    seed = _FIRST_PROMPT_SEED
    while True:
        if split(seed) == which:
            yield sample(seed)
        seed += 1
