"""Reads prompts about story-1: puppies, a traveller, or the window of a train; and expands them.

A sentence that names one of these is read phrase by phrase with the lexicon of story-1. The rest (a helmet's colour,
the sky, the camera, left and right) is read as in sentences about worlds-1 (`parse.py`). What stays open is drawn from
the seed, except that a camera that is not mentioned is static and a style that is not mentioned is plain.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from langit.text.expansion import Expansion
from langit.text.vocabulary import Vocabulary, nearest
from langit.worlds.reading.lexicon import Meaning, phrases, pieces
from langit.worlds.reading.lexicon_story import story_phrases, story_words
from langit.worlds.reading.parse import PromptReading, read_prompt
from langit.worlds.story.caption import canonical
from langit.worlds.story.scene import (
    FURS,
    GROUNDS,
    HELMETS,
    PLACES,
    PUPPY_ACTIONS,
    SKIES,
    StoryScene,
    held_out,
    sample_scene,
)
from langit.worlds.wording import Language

_VERSION = "expand-story-1"
_ACTS = {"moves": ("left", "right")}
_NEGATION = 4  # words from a negation to what it negates: "en lugar de un"
_MORE_THAN_TWO = ("several", "three", "many", "beberapa")  # which the lexicon reads as two
_CAMERAS = {"pan": ("pan left", "pan right"), "zoom": ("zoom in", "zoom out")}
_KINDS_OF_SCENE = {  # the kinds of meaning that apply to each scene
    "puppies": ("fur", "act", "ground", "sky", "weather", "style", "count"),
    "traveller": ("wool", "act", "ground", "sky", "weather", "style"),
    "window": ("place", "sky", "style"),
}


@dataclass(frozen=True)
class StoryReading:
    """What a sentence asks for in story-1.

    asks: values by attribute, as in a scene's truth; an "action" may be "moves", and a "camera" "pan" or "zoom".
    unknown, ignored: words without a meaning, and pieces that were understood but not used, as they were written.
    counts: words for more than two puppies, as they were written.
    content: how many phrases have a meaning of their own, and how many of them the reading uses.
    language: the language of captions in which to answer.
    whole: whether every phrase has its meaning in that language.
    """

    asks: dict[str, str]
    unknown: tuple[str, ...]
    ignored: tuple[str, ...]
    counts: tuple[str, ...]
    content: tuple[int, int]
    language: Language
    whole: bool


@dataclass(frozen=True)
class _PhraseMatch:
    """A phrase of the text from `start` to `end`, and all its meanings. A negated phrase includes its negation."""

    start: int
    end: int
    options: tuple[tuple[str, Meaning], ...]
    negated: bool = False


def read_story(text: str) -> StoryReading | None:
    """Read a sentence as one about story-1; None if it names nothing of that world."""
    matches = _matches(text)
    kind, count = _scene_kind(text, matches)
    if kind is None:
        return None
    rest, asks, ignored, counts, used = text, dict[str, str](), list[str](), list[str](), 0
    colours: list[str] = []
    votes = {"en": 0, "id": 0}
    spoken: set[str] = {"en", "id"}
    for match in matches:
        chosen = _meaning_in(match, kind)
        if (
            chosen is None
            or chosen.kind == "keep"
            or (chosen.kind in ("fur", "wool") and _describes_ground(text, match))
        ):
            continue
        if match.negated:
            rest = _blank_out(rest, match)
            ignored.append(text[match.start : match.end])
            continue
        written = text[match.start : match.end]
        languages = {code for code, _ in match.options}
        spoken &= languages
        for code in languages & votes.keys():
            votes[code] += 1
        rest = _blank_out(rest, match)
        used += chosen.kind != "word"
        if chosen.kind in ("scene", "maybe") and chosen.value.partition(" ")[0] != kind:
            ignored.append(written)  # "a woman walks her dog": the film shows the dog alone
        if chosen.kind == "count" and written.lower() in _MORE_THAN_TWO:
            counts.append(written)
        if chosen.kind in ("fur", "wool"):
            colours.append(chosen.value)
        elif chosen.kind == "act" and asks.get("action") == "moves" and chosen.value in ("towards", "away"):
            asks["action"] = chosen.value  # "walks towards the camera": the direction says more
        elif chosen.kind == "act" and chosen.value == "moves" and "action" in asks:
            continue  # "comes closer across": the crossing adds nothing
        elif chosen.kind in ("act", "ground", "place", "sky", "weather", "style", "count"):
            name = {"act": "action", "place": "ground"}.get(chosen.kind, chosen.kind)
            if chosen.kind == "count" and chosen.value == "two":
                asks["count"] = "two"  # "two puppies, one black and one white"
            if asks.setdefault(name, chosen.value) != chosen.value and chosen.kind != "count":
                ignored.append(written)
    other = read_prompt(rest) if any(letter.isalnum() for letter in rest) else None
    asks |= {"scene": kind} | ({"count": count} if count and "count" not in asks else {})
    if other is not None:
        ignored += _adopt(other, kind, asks, colours)
        spoken &= set(other.spoken)
    worn = [colour for colour in dict.fromkeys(colours) if kind == "puppies" or colour in HELMETS]
    names = ("colour", "second colour")[: 2 if kind == "puppies" else 1]
    asks |= dict(zip(names, worn, strict=False))
    ignored += [colour for colour in dict.fromkeys(colours) if colour not in worn[: len(names)]]
    if "second colour" in asks:
        asks["count"] = "two"
    ignored += _drop_unfilmed(asks)
    indonesian = votes["id"] > votes["en"] or (
        votes["id"] == votes["en"] and other is not None and other.language == "id"
    )
    unknown = () if other is None else tuple(word for word in other.unknown if word.lower() not in story_words())
    if other is not None:
        counts += other.counts
        # words of story-1 that this kind of scene has no place for, such as a city for puppies
        ignored += [word for word in other.unknown if word.lower() in story_words() and _is_place(word)]
        used += other.content[1]
    lost = len(unknown) + len(counts) + len(dict.fromkeys(ignored))
    content = (max(used, 1) + len(unknown) + len(other.counts if other else ()), max(used, 1))
    content = (content[0], max(0, content[0] - lost))
    language: Language = "id" if indonesian else "en"
    return StoryReading(
        asks, unknown, tuple(dict.fromkeys(ignored)), tuple(counts), content, language, language in spoken
    )


def _is_place(word: str) -> bool:
    return any(meaning.kind == "place" for _, meaning in story_phrases().get((word.lower(),), ()))


def _blank_out(text: str, match: _PhraseMatch) -> str:
    return text[: match.start] + " " * (match.end - match.start) + text[match.end :]


def _describes_ground(text: str, match: _PhraseMatch) -> bool:
    """Whether a colour stands beside a ground: "white snow", "salju putih"."""
    beside = pieces(text[: match.start])[-1:] + pieces(text[match.end :])[:1]
    known = (phrases().get((word,), {}).values() for word, _, _ in beside)
    return any(meaning.kind == "ground" for meanings in known for meaning in meanings)


def _drop_unfilmed(asks: dict[str, str]) -> list[str]:
    """Take out what no film combines: colours in black and white, snowfall on anything but snow."""
    removed = ["colour", "second colour"] if asks.get("style") == "black and white" else []
    if "weather" in asks and asks.setdefault("ground", "snow") != "snow":
        removed.append("weather")
    return [asks.pop(name) for name in removed if name in asks]


def _negation_length(words: Sequence[str]) -> int:
    """How many words before a phrase its negation begins ("no dog": 1, "instead of a dog": 3); 0 without negation."""
    for back in range(1, min(_NEGATION, len(words)) + 1):
        near = words[len(words) - back :]
        for size in range(1, back + 1):
            if "not" in _kinds(near[:size]) and all("word" in _kinds((word,)) for word in near[size:]):
                return back
    return 0


def _kinds(words: Sequence[str]) -> set[str]:
    return {meaning.kind for meaning in phrases().get(tuple(words), {}).values()}


def _matches(text: str) -> list[_PhraseMatch]:
    """Match the phrases of story-1's lexicon in a text, longest first, from left to right."""
    words, table = pieces(text), story_phrases()
    longest = max(map(len, table))
    found: list[_PhraseMatch] = []
    place = 0
    while place < len(words):
        size = 1
        for size in range(min(longest, len(words) - place), 0, -1):
            options = table.get(tuple(word for word, _, _ in words[place : place + size]))
            if options:
                before = _negation_length([word for word, _, _ in words[:place]])
                start, end = words[place - before][1], words[place + size - 1][2]
                found.append(_PhraseMatch(start, end, tuple(options), before > 0))
                break
        else:
            size = 1
        place += size
    return found


def _scene_kind(text: str, matches: Sequence[_PhraseMatch]) -> tuple[str | None, str]:
    """The kind of scene that a sentence names, and the number of puppies that it asks for.

    Of several kinds a window comes before puppies, and these before a traveller: a passenger may hold a dog.
    """
    counts: dict[str, str] = {}
    perhaps = False
    for match in matches:
        for _, meaning in match.options if not match.negated else ():
            if meaning.kind == "scene":
                kind, _, count = meaning.value.partition(" ")
                counts[kind] = counts.get(kind) or count
            perhaps = perhaps or meaning.kind == "maybe"
    for kind in ("window", "puppies", "traveller"):
        if kind in counts:
            return kind, counts[kind]
    if perhaps and "shape" not in read_prompt(text).asks:
        return "traveller", ""
    return None, ""


def _meaning_in(match: _PhraseMatch, kind: str) -> Meaning | None:
    """The meaning of a phrase in this kind of scene; None if it is left to the reader of worlds-1."""
    meanings = [meaning for _, meaning in match.options]
    for meaning in meanings:
        if meaning.kind in _KINDS_OF_SCENE[kind]:
            if meaning.kind == "act" and kind == "traveller" and meaning.value not in ("moves", "towards", "away"):
                continue
            if meaning.kind == "act" and kind == "puppies" and meaning.value in ("towards", "away"):
                continue
            if meaning.kind == "sky" and meaning.value != "rain":
                continue  # the reader of worlds-1 knows more phrases for the other skies
            return meaning
    return next((meaning for meaning in meanings if meaning.kind in ("scene", "maybe", "word", "keep")), None)


def _adopt(other: PromptReading, kind: str, asks: dict[str, str], colours: list[str]) -> list[str]:
    """Add to `asks` what a scene of this kind has of the other reading; return the values that are left over."""
    left = [*other.ignored]
    for name, value in other.asks.items():
        if name == "sky" or (name == "ground" and kind != "window" and value in GROUNDS):
            asks.setdefault(name, value)
        elif name == "camera" and value in ("static", "pan", "zoom", "pan left", "pan right", "zoom in", "zoom out"):
            asks["camera"] = value
        elif name == "action" and (value in ("left", "right", "jumps", "moves")):
            _set_action(kind, value, asks)
        elif name == "colour" and kind == "puppies" and value in FURS and not colours:
            colours.append(value)
        elif name == "ground" and asks.get("ground"):
            continue
        else:
            left.append(value)
    return left


def _set_action(kind: str, value: str, asks: dict[str, str]) -> None:
    if value in ("left", "right") and asks.get("action", "moves") == "moves":
        asks["action"] = value
    elif (value == "jumps" and kind == "puppies") or value == "moves":
        asks.setdefault("action", value)


def _chance(seed: int, name: str) -> float:
    return random.Random(f"{_VERSION}:{seed}:{name}").random()


def _fill_in(asks: dict[str, str], seed: int) -> tuple[StoryScene, tuple[tuple[str, str], ...]]:
    """Complete a scene from the seed, with pairs of values that training films show; also return what was drawn."""
    wanted, filled = dict(asks), list[tuple[str, str]]()

    grey = wanted.get("style") == "black and white"

    def choose(name: str, options: Sequence[str]) -> str:
        wanted[name] = options[int(_chance(seed, name) * len(options))]
        if not (grey and name.endswith("colour")):  # captions of films in black and white name no colour
            filled.append((name, wanted[name]))
        return wanted[name]

    kind, held = wanted["scene"], held_out(wanted["scene"])

    def is_untrained(colour: str, action: str) -> bool:
        return (colour, "moves" if action in ("left", "right") else action) in held

    if kind == "puppies":
        action = wanted.get("action")
        if action == "plays" and asks.get("count") == "one":
            action = wanted["action"] = (
                "jumps" if not is_untrained(wanted.get("colour", "brown"), "jumps") else "tumbles"
            )
        if action is None:
            several = wanted.get("count") == "two"
            options = [one for one in PUPPY_ACTIONS if (one == "plays") == several]
            action = choose(
                "action", [one for one in options if not is_untrained(wanted.get("colour", ""), one)] or options
            )
        elif action == "moves":
            action = choose("action", _ACTS["moves"])
        if "count" not in wanted:
            wanted["count"] = "two" if action == "plays" else "one"
        names = ("colour", "second colour")[: 2 if wanted["count"] == "two" else 1]
        for name in names:
            if name not in wanted:
                free = [fur for fur in FURS if fur != wanted.get("colour") and not is_untrained(fur, action)]
                choose(name, free)
        colours = tuple(wanted[name] for name in names)
    elif kind == "traveller":
        action = wanted.get("action", "moves")
        if action == "moves":
            action = choose("action", _ACTS["moves"])
        if "colour" not in wanted:
            choose("colour", [colour for colour in HELMETS if not is_untrained(colour, action)])
        colours = (wanted["colour"],)
    else:
        action = wanted.get("action", "moves")
        if action not in ("left", "right"):
            action = choose("action", _ACTS["moves"])
        colours = ()
    if "ground" not in wanted:
        choose("ground", PLACES if kind == "window" else ("salt", "sand") if kind == "traveller" else GROUNDS[:3])
    if "sky" not in wanted:
        choose("sky", [sky for sky in SKIES[:3] if (wanted["ground"], sky) not in held])
    if wanted.get("camera") in _CAMERAS:
        choose("camera", _CAMERAS[wanted["camera"]])
    scene = replace(
        sample_scene(0),
        kind=kind,
        colours=colours,
        action=action,
        ground=wanted["ground"],
        sky=wanted["sky"],
        weather=wanted.get("weather", "dry") if wanted["ground"] == "snow" else "dry",
        camera=wanted.get("camera", "static"),
        style=wanted.get("style", "plain"),
        mirrored=False,
    )
    return scene, tuple(filled)


def expand_story(plain: str, seed: int, vocabulary: Vocabulary | None) -> Expansion | None:
    """A sentence about story-1 as one of its captions; None if the sentence is about something else.

    Also None if the model does not know the words of that caption: it was not trained on such films, and the expander
    for worlds-1 then reports the words that it lacks.
    """
    reading = read_story(plain)
    if reading is None:
        return None
    scene, filled = _fill_in(reading.asks, seed)
    text = canonical(scene, reading.language)
    if vocabulary is not None and vocabulary.unknown(text):
        return None
    known = sorted(story_words()) if vocabulary is None else vocabulary.words
    unknown = tuple((word, nearest(word, known)) for word in reading.unknown)
    understood = tuple(reading.asks.items())
    readable = vocabulary is None or not vocabulary.unknown(plain)
    lost = unknown or reading.ignored or reading.counts
    if not filled and reading.whole and readable and not lost:
        return Expansion(plain, plain, understood)
    return Expansion(
        plain, text, understood, filled, unknown, reading.ignored, counts=reading.counts, content=reading.content
    )
