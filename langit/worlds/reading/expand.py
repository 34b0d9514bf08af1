"""The embedded expander: a short or foreign sentence becomes one caption in the model's own wording.

What the sentence asks for is read (`parse.py`); what it leaves open is drawn from the seed, each attribute by itself,
so that saying one thing more changes nothing else; and `worlds/caption.py` says the whole. A sentence that says all
stays as it is. One about the second world's scenes is expanded in `story.py`, if the model knows them. It knows the
worlds' captions; which words a model knows it is told.
"""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from tokenizers import Tokenizer

from langit.text.chat import ChatExpander
from langit.text.expansion import Expander, Expansion, NoExpansion
from langit.text.prompt import normalize_prompt
from langit.text.vocabulary import Vocabulary, nearest
from langit.worlds.caption import canonical, caption, prompts
from langit.worlds.reading.lexicon import caption_words
from langit.worlds.reading.parse import Reading, read
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
_STATIC_SHARE = 0.30  # of the cameras that are filled in: as in the films
_VARIANTS = 5000  # captions that are tried until one says all that is wanted


def expander(name: str, tokenizer: Tokenizer) -> Expander:
    """An expander by name: "off", "embedded", "chat:MODEL@URL" or "transformers:FOLDER".

    Raises:
        ValueError: no such expander, or a name that lacks a part.
        OSError: a local chat model that cannot be read.
    """
    vocabulary = Vocabulary(tokenizer)
    kind, _, rest = name.partition(":")
    if name == "off":
        return NoExpansion(vocabulary)
    if name == "embedded":
        return Embedded(vocabulary)
    if kind == "chat":
        return ChatExpander.from_name(rest, vocabulary, example_captions(vocabulary))
    if kind == "transformers":
        from langit.text.local_chat import LocalChatExpander  # torch and transformers, which nobody else here needs

        return LocalChatExpander.from_name(rest, vocabulary, example_captions(vocabulary))
    raise ValueError(
        f"no prompt expander is called {name!r}: use off, embedded, chat:MODEL@URL (an OpenAI-compatible endpoint)"
        " or transformers:FOLDER (a chat model on this machine)"
    )


def example_captions(vocabulary: Vocabulary, count: int = 4) -> tuple[str, ...]:
    """Captions of training films whose words the model knows, English and Indonesian by turns."""
    pairs = zip(prompts("train", 8), prompts("train", 8, "id"), strict=True)
    texts = (one.text for pair in pairs for one in pair)
    return tuple([text for text in texts if not vocabulary.unknown(text)][:count])


def expand(prompt: str, seed: int, tokenizer: Tokenizer | None = None) -> Expansion:
    """Expand with the embedded expander; without a tokenizer, for a model that knows the words of all captions.

    Raises:
        ValueError: a prompt without words, or longer than is read.
    """
    return Embedded(None if tokenizer is None else Vocabulary(tokenizer))(prompt, seed)


@dataclass(frozen=True)
class Embedded:
    """Rewrites prompts as captions of the worlds, for models whose vocabulary is those captions'."""

    vocabulary: Vocabulary | None = None

    def __call__(self, prompt: str, seed: int) -> Expansion:
        plain = normalize_prompt(prompt)
        if self.vocabulary is not None and not self.vocabulary.closed:
            return Expansion(plain, plain, unchanged_because="this model reads any words, not only those of captions")
        story = expand_story(plain, seed, self.vocabulary)
        if story is not None:
            return story
        reading = read(plain)
        unknown = tuple((word, nearest(word, self._words())) for word in reading.unknown if self._missing(word))
        placeless = [word for word in reading.unknown if not self._missing(word)]
        if placeless:
            named = ", ".join(f"'{word}'" for word in placeless)
            return Expansion(
                plain, plain, unknown=unknown, unchanged_because=f"the model knows {named}, the expander does not"
            )
        understood = tuple(reading.asks.items())
        filled = _fill(reading, seed)
        if _complete(reading, filled) and not unknown and not self._missing(plain):
            return Expansion(plain, plain, understood, filled)
        text = _say({**reading.asks, **dict(filled)}, reading)
        if self._missing(text) and len(self._unknown(text)) >= len(self._unknown(plain)):
            named = ", ".join(f"'{word}'" for word in self._unknown(text))
            unknown = tuple((word, nearest(word, self._words())) for word in self._unknown(plain))
            return Expansion(
                plain, plain, understood, unknown=unknown, unchanged_because=f"the model does not know {named}"
            )
        unknown += tuple((word, nearest(word, self._words())) for word in self._unknown(text))
        return Expansion(plain, text, understood, filled, unknown, reading.ignored + reading.loose)

    def _words(self) -> Sequence[str]:
        return sorted(caption_words()) if self.vocabulary is None else self.vocabulary.words

    def _unknown(self, text: str) -> tuple[str, ...]:
        if self.vocabulary is not None:
            return self.vocabulary.unknown(text)
        return tuple(word for word in re.findall(r"\w+", text.lower()) if word not in caption_words())

    def _missing(self, text: str) -> bool:
        return bool(self._unknown(text))


def _complete(reading: Reading, filled: Sequence[tuple[str, str]]) -> bool:
    """Whether a sentence already says all in one of the captions' languages; captions leave out a still camera."""
    nothing_new = all(pair == ("camera", "static") for pair in filled)
    return nothing_new and not reading.ignored and not reading.refused and bool(reading.spoken)


def _fill(reading: Reading, seed: int) -> tuple[tuple[str, str], ...]:
    """Attributes that are left open, or only half said, and what the seed makes of them."""
    asks = dict(reading.asks)
    filled: list[tuple[str, str]] = []

    def settle(name: str, options: Sequence[str]) -> None:
        refused = [value for attribute, value in reading.refused if attribute == name.removeprefix("second ")]
        wanted = [option for option in options if not any(_is(option, value) for value in refused)]
        asks[name] = _draw(seed, name, wanted or list(options))
        filled.append((name, asks[name]))

    two = any(name.startswith("second") for name in asks) or asks.get("action") == "collides"
    if asks.get("action") == "moves":
        settle("action", ("left", "right"))
    elif "action" not in asks:
        unlikely = ("left", "right") if two else ("collides",)
        settle("action", [action for action in ACTIONS if action not in unlikely])
    action = asks["action"]
    if "shape" not in asks:
        seen = [shape for shape in SHAPES if not is_held_out(shape, asks.get("colour", "red"), action)]
        settle("shape", seen if "colour" in asks and seen else SHAPES)
    if "colour" not in asks:
        seen = [colour for colour in COLOURS if not is_held_out(asks["shape"], colour, action)]
        settle("colour", [colour for colour in seen or COLOURS if colour != asks.get("second colour")])
    if two and "second shape" not in asks:
        settle("second shape", SHAPES)
    if two and "second colour" not in asks:
        settle("second colour", [colour for colour in COLOURS if colour != asks["colour"]])
    if "ground" not in asks:
        settle("ground", GROUNDS)
    if "sky" not in asks:
        settle("sky", SKIES)
    camera = asks.get("camera")
    if camera in ("pan", "orbit", "zoom"):
        settle("camera", [option for option in CAMERAS if option.startswith(camera)])
    elif camera is None and not filled:
        filled.append(("camera", "static"))  # a caption that says all but this means this
    elif camera is None:
        still = _chance(seed, "still camera") < _STATIC_SHARE
        settle("camera", ("static",) if still else CAMERAS[1:])
    return tuple(filled)


def _is(option: str, value: str) -> bool:
    """Whether a value speaks of an option: "pan" of "pan left", "moves" of "left"."""
    return option == value or option.startswith(f"{value} ") or (value == "moves" and option in ("left", "right"))


def _chance(seed: int, name: str) -> float:
    return random.Random(f"{_VERSION}:{seed}:{name}").random()


def _draw(seed: int, name: str, options: Sequence[_T]) -> _T:
    return options[int(_chance(seed, name) * len(options))]


def _say(wanted: dict[str, str], reading: Reading) -> str:
    """The plainest caption that says all of this: the canonical one, or the first variant that does."""
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
    said = dict(wanted)
    if said["camera"] == "static" and "camera" not in reading.asks:
        del said["camera"]
    language: Language = reading.language
    candidates = (caption(scene, language, variant) for variant in range(_VARIANTS))
    for text in itertools.chain([canonical(scene, language)], candidates):
        if read(text).asks == said:
            return text
    raise AssertionError(f"no caption says {said}")
