"""The learnt classifier beside the gate's rules: how much a text resembles bad prompts, and of which category.

A few small networks read word vectors and what the rules' lexicon says of each word. They run in numpy, in a
millisecond or two. Knows no settings and refuses nothing. `langit judge train gate` trains it; weights and card are in
``langit/weights/gate``.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32
from safetensors import SafetensorError
from safetensors.numpy import load_file

from langit.release.gates.lexicon import LexiconHit
from langit.release.gates.reading import TextLattice
from langit.release.gates.vectors import FOLDER, WordVectors

SHIPPED = FOLDER
WEIGHTS, SETTINGS = "model.safetensors", "config.json"
PARAMETERS = tuple(
    f"{layer}.{part}"
    for layer in ("word", "tag", "near", "far", "hidden", "answer")
    for part in (("weight",) if layer == "tag" else ("weight", "bias"))
)
SCALE = 5.0  # word vectors have a length of 1; their numbers should be about 0.5
MOST_TAGS = 6  # of a word
_SCALE = "scale"  # ends the names of scales in the file of weights
_SHORT_TEXT = 24  # words
_FEWEST = 3  # words that say enough to be judged
_SHORT, LONG, _OVERLAP = 6, 40, 10  # words of a passage, and those that two parts of a long one share
_LEAST_KNOWN = 0.5  # share of a text's words that need vectors; other texts are in a language that it does not read


@dataclass(frozen=True)
class GateFeatures:
    """What a network reads of a text: for each word the row of its vector, -1 without one, and numbers of tags."""

    rows: tuple[int, ...]
    tags: tuple[tuple[int, ...], ...]
    places: tuple[int, ...]  # in the lattice

    def cut(self, start: int, end: int) -> GateFeatures:
        """Some of the words."""
        return GateFeatures(self.rows[start:end], self.tags[start:end], self.places[start:end])

    def without(self, places: frozenset[int]) -> GateFeatures:
        """The words that are not at these places of the lattice."""
        kept = [index for index, place in enumerate(self.places) if place not in places]
        return GateFeatures(
            tuple(self.rows[index] for index in kept),
            tuple(self.tags[index] for index in kept),
            tuple(self.places[index] for index in kept),
        )

    def __add__(self, other: GateFeatures) -> GateFeatures:
        return GateFeatures(self.rows + other.rows, self.tags + other.tags, self.places + other.places)

    @property
    def readable(self) -> bool:
        """Whether enough words are known to judge the text."""
        return bool(self.rows) and sum(row >= 0 for row in self.rows) >= _LEAST_KNOWN * len(self.rows)


def gate_features(
    words: WordVectors, tags: Sequence[str], lattice: TextLattice, hits: Sequence[LexiconHit]
) -> GateFeatures:
    """The features of a text that the rules have read."""
    number = {tag: index for index, tag in enumerate(tags)}
    read = words.read(lattice)
    found = [
        sorted({number[hit.tag] for hit in hits if hit.start <= one.place < hit.end and hit.tag in number})[:MOST_TAGS]
        for one in read
    ]
    rows = tuple(-1 if one.row is None else one.row for one in read)
    return GateFeatures(rows, tuple(map(tuple, found)), tuple(one.place for one in read))


@dataclass(frozen=True)
class GateReading:
    """What a classifier says of a text.

    chances: the probability of each category.
    threshold: that of being bad from which the text should be refused.
    acquits: whether it is so sure of a short text that it was all read and is harmless, that rules should give way.
    """

    chances: Mapping[str, float]
    threshold: float
    acquits: bool = False


class GateClassifier:
    """Some networks of one shape, whose answers are averaged, with their word vectors.

    ``threshold`` is the probability of being bad from which a text should be refused, ``long_threshold`` that for a
    text of more than ``_SHORT_TEXT`` words: each of its many words may mislead. Below ``acquittal`` it acquits.
    """

    def __init__(self, words: WordVectors, settings: Mapping[str, Any], weights: Mapping[str, np.ndarray]) -> None:
        self.words = words
        self.tags: tuple[str, ...] = tuple(settings["tags"])
        self.categories: tuple[str, ...] = tuple(settings["categories"])  # the first is "harmless"
        self.threshold = float(settings["threshold"])
        self.long_threshold = float(settings["long threshold"])
        self.acquittal = float(settings["acquittal"])
        single = restore(weights)
        self.members = [
            {name: single[f"{member}.{name}"] for name in PARAMETERS} for member in range(int(settings["members"]))
        ]

    @classmethod
    def load(cls, folder: Path = SHIPPED) -> GateClassifier:
        """Read a classifier from a folder.

        Raises:
            ValueError: a file is missing or damaged; the message names it.
        """
        words = WordVectors.load(folder)
        try:
            settings = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
            return cls(words, settings, load_file(folder / WEIGHTS))
        except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{folder / WEIGHTS} is missing or damaged ({error}): reinstall langit") from None

    def __call__(
        self, lattice: TextLattice, hits: Sequence[LexiconHit], permitted: frozenset[int] = frozenset()
    ) -> GateReading:
        """The probability of each category for the worst passage of a text.

        Long texts are read in passages, since one bad sentence among many harmless ones is bad. Words at ``permitted``
        places are left out.
        """
        whole = gate_features(self.words, self.tags, lattice, hits).without(permitted)
        worst = np.eye(len(self.categories), dtype=np.float32)[0]
        short, unread = len(whole.rows) <= _SHORT_TEXT, not whole.rows
        for passage in passages(whole, lattice.sentence):
            if passage.readable and len(passage.rows) >= _FEWEST:
                chances = self.chances(passage)
                worst = chances if chances[0] < worst[0] else worst
            else:
                unread = True
        found = {name: float(chance) for name, chance in zip(self.categories, worst, strict=True)}
        acquits = short and not unread and 1 - float(worst[0]) < self.acquittal
        return GateReading(found, self.threshold if short else self.long_threshold, acquits)

    def chances(self, features: GateFeatures) -> Float32[np.ndarray, " categories"]:
        """The probability of each category."""
        words = np.zeros((len(features.rows), self.words.size), np.float32)
        known = [place for place, row in enumerate(features.rows) if row >= 0]
        words[known] = self.words.unpack([features.rows[place] for place in known])
        words *= SCALE
        answers = [_answer(member, words, features.tags) for member in self.members]
        mean: np.ndarray = np.stack(answers).mean(axis=0)
        return mean


def quantize(weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Weights as they are stored: matrices in eight bits, with a scale for each row; the others in half precision."""
    stored: dict[str, np.ndarray] = {}
    for name, value in weights.items():
        if value.ndim == 1:
            stored[name] = value.astype(np.float16)
            continue
        largest = np.abs(value).max(axis=tuple(range(1, value.ndim)), keepdims=True)
        scale = np.where(largest > 0, largest / 127, 1).astype(np.float16)
        stored[name] = np.clip(np.round(value / scale.astype(np.float32)), -127, 127).astype(np.int8)
        stored[f"{name}.{_SCALE}"] = scale
    return stored


def restore(stored: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The weights that :func:`quantize` stored, in single precision."""
    return {
        name: value.astype(np.float32) * stored[f"{name}.{_SCALE}"].astype(np.float32)
        if value.dtype == np.int8
        else value.astype(np.float32)
        for name, value in stored.items()
        if not name.endswith(f".{_SCALE}")
    }


def passages(features: GateFeatures, sentence: Sequence[int]) -> list[GateFeatures]:
    """A text's sentences, short ones together, and long ones cut with an overlap; ``sentence`` numbers its places."""
    bounds = [0]
    for index in range(1, len(features.rows)):
        if sentence[features.places[index]] != sentence[features.places[index - 1]] and index - bounds[-1] >= _SHORT:
            bounds.append(index)
    if len(bounds) > 1 and len(features.rows) - bounds[-1] < _SHORT:
        bounds.pop()
    found = []
    for start, end in itertools.pairwise([*bounds, len(features.rows)]):
        last = max(start, end - _OVERLAP)
        found += [features.cut(begin, min(begin + LONG, end)) for begin in range(start, last, LONG - _OVERLAP)]
        if last == start and end > start:
            found.append(features.cut(start, end))
    return found


def _answer(
    w: Mapping[str, np.ndarray], words: Float32[np.ndarray, "T D"], tags: Sequence[Sequence[int]]
) -> Float32[np.ndarray, " categories"]:
    """What one network says of a text: the forward pass of ``recipes.judges.gate.GateNetwork``."""
    inside = words @ w["word.weight"].T + w["word.bias"]  # (T, C)
    for place, here in enumerate(tags):
        inside[place] += w["tag.weight"][[tag + 1 for tag in here]].sum(axis=0)  # row 0 is for no tag
    inside = _silu(inside)
    near = inside + _silu(_convolve(inside, w["near.weight"], w["near.bias"]))
    far = near + _silu(_convolve(near, w["far.weight"], w["far.bias"]))
    pooled = np.concatenate([far.max(axis=0), far.mean(axis=0), inside.mean(axis=0)])
    hidden = _silu(w["hidden.weight"] @ pooled + w["hidden.bias"])
    logits = w["answer.weight"] @ hidden + w["answer.bias"]
    powers = np.exp(logits - logits.max())
    chances: np.ndarray = powers / powers.sum()
    return chances


def _silu(x: Float32[np.ndarray, "*shape"]) -> Float32[np.ndarray, "*shape"]:
    activated: np.ndarray = x / (1 + np.exp(-np.clip(x, -60, 60)))
    return activated


def _convolve(
    x: Float32[np.ndarray, "T C"], weight: Float32[np.ndarray, "D C K"], bias: Float32[np.ndarray, " D"]
) -> Float32[np.ndarray, "T D"]:
    """A convolution over words; what lies outside the text is 0."""
    reach = weight.shape[2] // 2
    padded = np.pad(x, ((reach, reach), (0, 0)))
    result: np.ndarray = bias + sum(
        padded[shift : shift + len(x)] @ weight[:, :, shift].T for shift in range(weight.shape[2])
    )
    return result


@cache
def shipped_classifier() -> GateClassifier:
    """The classifier that ships."""
    return GateClassifier.load()
