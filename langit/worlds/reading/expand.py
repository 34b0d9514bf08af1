"""The embedded expander: rewrites a short or foreign sentence as one caption in the model's own wording.

`parse.py` reads what the sentence asks for. What it leaves open is drawn from the seed, each attribute with a draw of
its own, so that saying one thing more changes nothing else. `worlds/caption.py` then says the whole scene. A sentence
that says everything stays as it is; one about story-1 goes to `story.py`. Knows the worlds' captions; the words that a
model knows are an argument.
"""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from tokenizers import Tokenizer

from langit.text.expansion import Expansion
from langit.text.prompt import normalize_prompt
from langit.text.vocabulary import Vocabulary, nearest
from langit.worlds.caption import canonical, caption, prompts
from langit.worlds.reading.lexicon import caption_words
from langit.worlds.reading.parse import PromptReading, read_prompt
from langit.worlds.reading.spelling import correct_spelling
from langit.worlds.reading.story import expand_story
from langit.worlds.scene import (
    ACTIONS,
    CAMERAS,
    COLOURS,
    GROUNDS,
    SHAPES,
    SKIES,
    Scene,
    Thing,
    is_held_out,
    sample_scene,
)
from langit.worlds.wording import Language

_T = TypeVar("_T")

_VERSION = "expand-1"
_STATIC_SHARE = 0.30  # of cameras that are filled in; the same share as in the films
# Arrows to dingbats, and all planes of pictures (Unicode blocks); skin tones, joiners and variants that follow one.
_SYMBOLS = re.compile("[\u2190-\u2bff\U0001f000-\U0001faff][\u200d\ufe0f\u20e3\u2190-\u2bff\U0001f000-\U0001faff]*")
_VARIANTS = 5000  # captions that are tried until one says the whole scene


def example_captions(vocabulary: Vocabulary, count: int = 4) -> tuple[str, ...]:
    """Captions of training films in words that the model knows, alternating English and Indonesian."""
    pairs = zip(prompts("train", 8), prompts("train", 8, "id"), strict=True)
    texts = (prompt.text for pair in pairs for prompt in pair)
    return tuple([text for text in texts if not vocabulary.unknown(text)][:count])


def expand(prompt: str, seed: int, tokenizer: Tokenizer | None = None) -> Expansion:
    """Expand with the embedded expander. Without a tokenizer, assume a model that knows the words of all captions.

    Raises:
        ValueError: the prompt has no words or is too long, see `normalize_prompt`.
    """
    return EmbeddedExpander(None if tokenizer is None else Vocabulary(tokenizer))(prompt, seed)


@dataclass(frozen=True)
class EmbeddedExpander:
    """Rewrites prompts as captions of the worlds, for models whose vocabulary is that of these captions."""

    vocabulary: Vocabulary | None = None

    def __call__(self, prompt: str, seed: int) -> Expansion:
        plain = normalize_prompt(prompt)
        if self.vocabulary is not None and not self.vocabulary.closed:
            return Expansion(plain, plain, unchanged_because="this model reads any words, not only those of captions")
        words, symbols = _take_out_symbols(plain)
        spelt, corrected = correct_spelling(words, self.vocabulary)
        expansion = self._expand(spelt, seed)
        if not corrected and not symbols:
            return expansion
        unknown = expansion.unknown + tuple((symbol, "") for symbol in symbols)
        return replace(expansion, original=plain, corrected=corrected, unknown=unknown)

    def _expand(self, plain: str, seed: int) -> Expansion:
        story = expand_story(plain, seed, self.vocabulary)
        if story is not None:
            return story
        reading = read_prompt(plain)
        unknown = self._suggest(word for word in reading.unknown if self._has_unknown(word))
        # words that the model knows and the lexicon does not: another world's captions, which are not rewritten
        unplaced = [word for word in reading.unknown if not self._has_unknown(word)]
        if unplaced:
            listed = ", ".join(f"'{word}'" for word in unplaced)
            return Expansion(
                plain, plain, unknown=unknown, unchanged_because=f"the model knows {listed}, the expander does not"
            )
        understood = tuple(reading.asks.items())
        filled = _fill_in(reading, seed)
        if _says_everything(reading, filled) and not unknown and not self._has_unknown(plain):
            return Expansion(plain, plain, understood, filled)
        text = _compose({**reading.asks, **dict(filled)}, reading)
        if self._has_unknown(text) and len(self._unknown_words(text)) >= len(self._unknown_words(plain)):
            listed = ", ".join(f"'{word}'" for word in self._unknown_words(text))
            unknown = self._suggest(self._unknown_words(plain))
            return Expansion(
                plain, plain, understood, unknown=unknown, unchanged_because=f"the model does not know {listed}"
            )
        unknown += self._suggest(self._unknown_words(text))
        return Expansion(
            plain,
            text,
            understood,
            filled,
            unknown,
            reading.ignored + reading.loose,
            counts=reading.counts,
            content=reading.content,
        )

    def _suggest(self, words: Iterable[str]) -> tuple[tuple[str, str], ...]:
        known = self._known_words()
        return tuple((word, nearest(word, known)) for word in words)

    def _known_words(self) -> Sequence[str]:
        return sorted(caption_words()) if self.vocabulary is None else self.vocabulary.words

    def _unknown_words(self, text: str) -> tuple[str, ...]:
        if self.vocabulary is not None:
            return self.vocabulary.unknown(text)
        return tuple(word for word in re.findall(r"\w+", text.lower()) if word not in caption_words())

    def _has_unknown(self, text: str) -> bool:
        return bool(self._unknown_words(text))


def _take_out_symbols(text: str) -> tuple[str, tuple[str, ...]]:
    """A text without its emoji and other pictures, and these, each with the marks that belong to it."""
    symbols = tuple(dict.fromkeys(_SYMBOLS.findall(text)))
    return (" ".join(_SYMBOLS.sub(" ", text).split()), symbols) if symbols else (text, ())


def _says_everything(reading: PromptReading, filled: Sequence[tuple[str, str]]) -> bool:
    """Whether a sentence in one of the captions' languages leaves nothing open. Captions omit a static camera."""
    nothing_new = all(pair == ("camera", "static") for pair in filled)
    lost = reading.ignored or reading.refused or reading.counts
    return nothing_new and not lost and bool(reading.spoken)


def _fill_in(reading: PromptReading, seed: int) -> tuple[tuple[str, str], ...]:
    """Values from the seed for the attributes that a prompt leaves open, or half open ("pan" without a side)."""
    asks = dict(reading.asks)
    filled: list[tuple[str, str]] = []

    def choose(name: str, options: Sequence[str]) -> None:
        refused = [value for attribute, value in reading.refused if attribute == name.removeprefix("second ")]
        wanted = [option for option in options if not any(_covers(option, value) for value in refused)]
        asks[name] = _draw(seed, name, wanted or list(options))
        filled.append((name, asks[name]))

    two = any(name.startswith("second") for name in asks) or asks.get("action") == "collides"
    if asks.get("action") == "moves":
        choose("action", ("left", "right"))
    elif "action" not in asks:
        # in the films two things collide or stand side by side, and one thing alone hits nothing
        unlikely = ("left", "right") if two else ("collides",)
        choose("action", [action for action in ACTIONS if action not in unlikely])
    action = asks["action"]
    if "shape" not in asks:
        trained = [shape for shape in SHAPES if not is_held_out(shape, asks.get("colour", "red"), action)]
        choose("shape", trained if "colour" in asks and trained else SHAPES)
    if "colour" not in asks:
        trained = [colour for colour in COLOURS if not is_held_out(asks["shape"], colour, action)]
        choose("colour", [colour for colour in trained or COLOURS if colour != asks.get("second colour")])
    if two and "second shape" not in asks:
        choose("second shape", SHAPES)
    if two and "second colour" not in asks:
        choose("second colour", [colour for colour in COLOURS if colour != asks["colour"]])
    if "ground" not in asks:
        choose("ground", GROUNDS)
    if "sky" not in asks:
        choose("sky", SKIES)
    camera = asks.get("camera")
    if camera in ("pan", "orbit", "zoom"):
        choose("camera", [option for option in CAMERAS if option.startswith(camera)])
    elif camera is None and not filled:
        filled.append(("camera", "static"))  # a caption that says all but the camera means this
    elif camera is None:
        still = _chance(seed, "still camera") < _STATIC_SHARE
        choose("camera", ("static",) if still else CAMERAS[1:])
    return tuple(filled)


def _covers(option: str, value: str) -> bool:
    """Whether a value includes an option: "pan" includes "pan left", "moves" includes "left"."""
    return option == value or option.startswith(f"{value} ") or (value == "moves" and option in ("left", "right"))


def _chance(seed: int, name: str) -> float:
    return random.Random(f"{_VERSION}:{seed}:{name}").random()


def _draw(seed: int, name: str, options: Sequence[_T]) -> _T:
    return options[int(_chance(seed, name) * len(options))]


def _compose(wanted: dict[str, str], reading: PromptReading) -> str:
    """The plainest caption that says all of this: the canonical one, or else the first variant that does.

    The canonical caption may not do, because it says nothing of a static camera or of a side.
    """
    things = [Thing(wanted["shape"], wanted["colour"])]
    if "second shape" in wanted:
        things.append(Thing(wanted["second shape"], wanted["second colour"]))
    scene: Scene = replace(
        sample_scene(0),
        things=tuple(things),
        ground=wanted["ground"],
        sky=wanted["sky"],
        action=wanted["action"],
        camera=wanted["camera"],
        side=wanted.get("side", "left") if len(things) > 1 else "",
    )
    expected = dict(wanted)
    if expected["camera"] == "static" and "camera" not in reading.asks:
        del expected["camera"]
    language: Language = reading.language
    candidates = (caption(scene, language, variant) for variant in range(_VARIANTS))
    for text in itertools.chain([canonical(scene, language)], candidates):
        if read_prompt(text).asks == expected:
            return text
    raise AssertionError(f"no caption says {expected}")
