"""Prompts about the second world: what a sentence asks for of puppies, a traveller or the window of a train.

A sentence that names one of these is read phrase by phrase with their lexicon; what that leaves (a helmet's colour, the
sky, the camera, left and right) is read as sentences about the first world are (`parse.py`). What it leaves open is
drawn from the seed; a camera that is not named stands still, and a style that is not named is none.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from langit.text.expansion import Expansion
from langit.text.vocabulary import Vocabulary, nearest
from langit.worlds.reading.lexicon import Meaning, phrases, pieces
from langit.worlds.reading.lexicon_story import story_phrases, story_words
from langit.worlds.reading.parse import Reading, read
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
_CAMERAS = {"pan": ("pan left", "pan right"), "zoom": ("zoom in", "zoom out")}
_OF_THE_SCENE = {  # which kinds of meaning speak of which scenes
    "puppies": ("fur", "act", "ground", "sky", "weather", "style", "count"),
    "traveller": ("wool", "act", "ground", "sky", "weather", "style"),
    "window": ("place", "sky", "style"),
}


@dataclass(frozen=True)
class StoryReading:
    """What a sentence asks for of the second world.

    asks: by attribute, as in a scene's truth; "action" may be "moves", and "camera" "pan" or "zoom", without a way.
    unknown, ignored: words that nobody knows, and pieces that were understood but not taken up, as they were written.
    language: in which of the captions' languages an answer is due.
    whole: whether the sentence is all in that language and says nothing that a caption does not.
    """

    asks: dict[str, str]
    unknown: tuple[str, ...]
    ignored: tuple[str, ...]
    language: Language
    whole: bool


@dataclass(frozen=True)
class _Match:
    """A phrase in the text, from `start` to `end`, and all that it may mean; a negated one begins with its negation."""

    start: int
    end: int
    options: tuple[tuple[str, Meaning], ...]
    negated: bool = False


def read_story(text: str) -> StoryReading | None:
    """Read a sentence as one about the second world; None where it names nothing of it."""
    matches = _matches(text)
    kind, count = _kind(text, matches)
    if kind is None:
        return None
    rest, asks, ignored = text, dict[str, str](), list[str]()
    colours: list[str] = []
    votes = {"en": 0, "id": 0}
    spoken: set[str] = {"en", "id"}
    for match in matches:
        chosen = _chosen(match, kind)
        if chosen is None or chosen.kind == "keep" or (chosen.kind in ("fur", "wool") and _of_the_ground(text, match)):
            continue
        if match.negated:
            rest = _without(rest, match)
            ignored.append(text[match.start : match.end])
            continue
        tongues = {tongue for tongue, _ in match.options}
        spoken &= tongues
        for tongue in tongues & votes.keys():
            votes[tongue] += 1
        rest = _without(rest, match)
        if chosen.kind in ("fur", "wool"):
            colours.append(chosen.value)
        elif chosen.kind == "act" and asks.get("action") == "moves" and chosen.value in ("towards", "away"):
            asks["action"] = chosen.value  # "walks towards the camera"
        elif chosen.kind == "act" and chosen.value == "moves" and "action" in asks:
            continue  # "comes closer across"
        elif chosen.kind in ("act", "ground", "place", "sky", "weather", "style", "count"):
            name = {"act": "action", "place": "ground"}.get(chosen.kind, chosen.kind)
            if chosen.kind == "count" and chosen.value == "two":
                asks["count"] = "two"  # "two puppies, one black and one white"
            if asks.setdefault(name, chosen.value) != chosen.value and chosen.kind != "count":
                ignored.append(text[match.start : match.end])
    other = read(rest) if any(letter.isalnum() for letter in rest) else None
    asks |= {"scene": kind} | ({"count": count} if count and "count" not in asks else {})
    if other is not None:
        ignored += _take(other, kind, asks, colours)
        spoken &= set(other.spoken)
    worn = [colour for colour in dict.fromkeys(colours) if kind == "puppies" or colour in HELMETS]
    names = ("colour", "second colour")[: 2 if kind == "puppies" else 1]
    asks |= dict(zip(names, worn, strict=False))
    ignored += [colour for colour in dict.fromkeys(colours) if colour not in worn[: len(names)]]
    if "second colour" in asks:
        asks["count"] = "two"
    ignored += _unseen(asks)
    indonesian = votes["id"] > votes["en"] or (
        votes["id"] == votes["en"] and other is not None and other.language == "id"
    )
    unknown = () if other is None else tuple(word for word in other.unknown if word.lower() not in story_words())
    language: Language = "id" if indonesian else "en"
    return StoryReading(asks, unknown, tuple(ignored), language, language in spoken)


def _without(text: str, match: _Match) -> str:
    return text[: match.start] + " " * (match.end - match.start) + text[match.end :]


def _of_the_ground(text: str, match: _Match) -> bool:
    """Whether a colour stands beside a ground: "white snow", "salju putih"."""
    beside = pieces(text[: match.start])[-1:] + pieces(text[match.end :])[:1]
    known = (phrases().get((word,), {}).values() for word, _, _ in beside)
    return any(meaning.kind == "ground" for meanings in known for meaning in meanings)


def _unseen(asks: dict[str, str]) -> list[str]:
    """Take out what no film shows together with the rest: colours in black and white, snow that falls elsewhere."""
    gone = ["colour", "second colour"] if asks.get("style") == "black and white" else []
    if "weather" in asks and asks.setdefault("ground", "snow") != "snow":
        gone.append("weather")
    return [asks.pop(name) for name in gone if name in asks]


def _negation(words: Sequence[str]) -> int:
    """How many words back the phrase that follows these is negated: "no dog", "without a dog"; 0 if it is not."""
    for back, word in enumerate(reversed(words[-2:]), start=1):
        kinds = {meaning.kind for meaning in phrases().get((word,), {}).values()}
        if "not" in kinds:
            return back
        if "word" not in kinds:
            break
    return 0


def _matches(text: str) -> list[_Match]:
    """The phrases of the second world's lexicon in a text, longest first, from left to right."""
    words, table = pieces(text), story_phrases()
    longest = max(map(len, table))
    found: list[_Match] = []
    place = 0
    while place < len(words):
        size = 1
        for size in range(min(longest, len(words) - place), 0, -1):
            options = table.get(tuple(word for word, _, _ in words[place : place + size]))
            if options:
                before = _negation([word for word, _, _ in words[:place]])
                start, end = words[place - before][1], words[place + size - 1][2]
                found.append(_Match(start, end, tuple(options), before > 0))
                break
        else:
            size = 1
        place += size
    return found


def _kind(text: str, matches: Sequence[_Match]) -> tuple[str | None, str]:
    """The scene that a sentence names, a window before puppies before a traveller, and how many puppies it says."""
    named: dict[str, str] = {}
    perhaps = False
    for match in matches:
        for _, meaning in match.options if not match.negated else ():
            if meaning.kind == "scene":
                kind, _, count = meaning.value.partition(" ")
                named[kind] = named.get(kind) or count
            perhaps = perhaps or meaning.kind == "maybe"
    for kind in ("window", "puppies", "traveller"):
        if kind in named:
            return kind, named[kind]
    if perhaps and "shape" not in read(text).asks:
        return "traveller", ""
    return None, ""


def _chosen(match: _Match, kind: str) -> Meaning | None:
    """What a phrase means in a sentence about this kind of scene; None: the other reader shall read it."""
    meanings = [meaning for _, meaning in match.options]
    for meaning in meanings:
        if meaning.kind in _OF_THE_SCENE[kind]:
            if meaning.kind == "act" and kind == "traveller" and meaning.value not in ("moves", "towards", "away"):
                continue
            if meaning.kind == "act" and kind == "puppies" and meaning.value in ("towards", "away"):
                continue
            if meaning.kind == "sky" and meaning.value != "rain":
                continue  # the other reader knows these, in more words
            return meaning
    return next((meaning for meaning in meanings if meaning.kind in ("scene", "maybe", "word", "keep")), None)


def _take(other: Reading, kind: str, asks: dict[str, str], colours: list[str]) -> list[str]:
    """Take from the other reading what a scene of this kind has; returns what is left over, in words."""
    left = [*other.ignored]
    for name, value in other.asks.items():
        if name == "sky" or (name == "ground" and kind != "window" and value in GROUNDS):
            asks.setdefault(name, value)
        elif name == "camera" and value in ("static", "pan", "zoom", "pan left", "pan right", "zoom in", "zoom out"):
            asks["camera"] = value
        elif name == "action" and (value in ("left", "right", "jumps", "moves")):
            _act(kind, value, asks)
        elif name == "colour" and kind == "puppies" and value in FURS and not colours:
            colours.append(value)
        elif name == "ground" and asks.get("ground"):
            continue
        else:
            left.append(value)
    return left


def _act(kind: str, value: str, asks: dict[str, str]) -> None:
    if value in ("left", "right") and asks.get("action", "moves") == "moves":
        asks["action"] = value
    elif (value == "jumps" and kind == "puppies") or value == "moves":
        asks.setdefault("action", value)


def _chance(seed: int, name: str) -> float:
    return random.Random(f"{_VERSION}:{seed}:{name}").random()


def _fill(asks: dict[str, str], seed: int) -> tuple[StoryScene, tuple[tuple[str, str], ...]]:
    """The scene of what is asked, and what was drawn for it from the seed: pairs that were seen in training."""
    said, filled = dict(asks), list[tuple[str, str]]()

    grey = said.get("style") == "black and white"

    def settle(name: str, options: Sequence[str]) -> str:
        said[name] = options[int(_chance(seed, name) * len(options))]
        if not (grey and name.endswith("colour")):  # which no caption names then
            filled.append((name, said[name]))
        return said[name]

    kind, held = said["scene"], held_out(said["scene"])

    def unseen(colour: str, action: str) -> bool:
        return (colour, "moves" if action in ("left", "right") else action) in held

    if kind == "puppies":
        action = said.get("action")
        if action == "plays" and asks.get("count") == "one":
            action = said["action"] = "jumps" if not unseen(said.get("colour", "brown"), "jumps") else "tumbles"
        if action is None:
            several = said.get("count") == "two"
            options = [one for one in PUPPY_ACTIONS if (one == "plays") == several]
            action = settle("action", [one for one in options if not unseen(said.get("colour", ""), one)] or options)
        elif action == "moves":
            action = settle("action", _ACTS["moves"])
        if "count" not in said:
            said["count"] = "two" if action == "plays" else "one"
        names = ("colour", "second colour")[: 2 if said["count"] == "two" else 1]
        for name in names:
            if name not in said:
                free = [fur for fur in FURS if fur != said.get("colour") and not unseen(fur, action)]
                settle(name, free)
        colours = tuple(said[name] for name in names)
    elif kind == "traveller":
        action = said.get("action", "moves")
        if action == "moves":
            action = settle("action", _ACTS["moves"])
        if "colour" not in said:
            settle("colour", [colour for colour in HELMETS if not unseen(colour, action)])
        colours = (said["colour"],)
    else:
        action = said.get("action", "moves")
        if action not in ("left", "right"):
            action = settle("action", _ACTS["moves"])
        colours = ()
    if "ground" not in said:
        settle("ground", PLACES if kind == "window" else ("salt", "sand") if kind == "traveller" else GROUNDS[:3])
    if "sky" not in said:
        settle("sky", [sky for sky in SKIES[:3] if (said["ground"], sky) not in held])
    if said.get("camera") in _CAMERAS:
        settle("camera", _CAMERAS[said["camera"]])
    scene = replace(
        sample_scene(0),
        kind=kind,
        colours=colours,
        action=action,
        ground=said["ground"],
        sky=said["sky"],
        weather=said.get("weather", "dry") if said["ground"] == "snow" else "dry",
        camera=said.get("camera", "static"),
        style=said.get("style", "plain"),
        mirrored=False,
    )
    return scene, tuple(filled)


def expand_story(plain: str, seed: int, vocabulary: Vocabulary | None) -> Expansion | None:
    """A sentence about the second world as one of its captions; None where it is of another world.

    None, too, where the model has never seen such captions: whoever asked then names the words that it does not know.
    """
    reading = read_story(plain)
    if reading is None:
        return None
    scene, filled = _fill(reading.asks, seed)
    text = canonical(scene, reading.language)
    if vocabulary is not None and vocabulary.unknown(text):
        return None
    known = sorted(story_words()) if vocabulary is None else vocabulary.words
    unknown = tuple((word, nearest(word, known)) for word in reading.unknown)
    understood = tuple(reading.asks.items())
    spelt = vocabulary is None or not vocabulary.unknown(plain)
    if not filled and reading.whole and spelt and not unknown and not reading.ignored:
        return Expansion(plain, plain, understood)
    return Expansion(plain, text, understood, filled, unknown, reading.ignored)
