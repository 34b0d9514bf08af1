"""What a sentence asks for, read with the lexicon: things and their colours, action, ground, sky, camera, sides.

Reads English, Indonesian and what else the lexicon has, phrase by phrase, longest first. It knows no grammar beyond
which word stands beside which. Whatever it cannot place is named in its answer; nothing is dropped in silence except
words that say nothing by themselves ("a", "on").
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from langit.worlds.reading.lexicon import OWN, Meaning, is_han, is_mark, longest, phrases, pieces
from langit.worlds.wording import Language

_AFTER = {"id", "es", "pt", "fr", "it"}  # languages whose colours follow the thing
_OPPOSITE = {"left": "right", "right": "left"}
_CONTENT = ("shape", "colour", "ground", "sky", "action", "camera", "near", "way", "from", "at")
_NATURAL = {
    "grass": {"green"},
    "snow": {"white"},
    "sand": {"yellow", "orange", "white"},
    "day": {"blue"},
    "sunset": {"red", "orange", "yellow", "purple"},
}
_AS_CAMERA = {"moves": "pan", "spins": "pan", "still": "static", "stands": "static"}
_STRENGTH = {"collided": 0, "collides": 0, "falls": 1, "spins": 1, "jumps": 1, "still": 2, "moves": 3, "tumbles": 3}


@dataclass(frozen=True)
class Item:
    """A phrase found in the sentence: what it means, where it stands, and which languages have it so.

    A bare one does not begin with a preposition or an article: "grass", not "on the grass".
    """

    kind: str
    value: str
    start: int
    end: int
    languages: tuple[str, ...] = ()
    bare: bool = True


@dataclass(frozen=True)
class Reading:
    """What a sentence asks for.

    asks: by attribute, in the order of _ORDER: "shape", "colour", "second shape", "second colour", "action", "side",
        "ground", "sky", "camera". An action "moves" or a camera "pan", "orbit" or "zoom" has no way yet.
    refused: attributes and values that the sentence says it does not want.
    unknown: words that no lexicon has, as they were written.
    ignored: pieces that were understood but not taken up: negations, a third thing, a second answer to one question.
    loose: words that mean something which no film of the captions' kind shows, such as "slowly".
    language: in which of the captions' languages an answer is due.
    spoken: every language in which all known phrases of the sentence mean what was read.
    """

    asks: dict[str, str]
    refused: tuple[tuple[str, str], ...]
    unknown: tuple[str, ...]
    ignored: tuple[str, ...]
    loose: tuple[str, ...]
    language: Language
    spoken: tuple[str, ...]


_ORDER = ("shape", "colour", "second shape", "second colour", "action", "side", "ground", "sky", "camera")


@dataclass
class _Found:
    """What has been found so far; belongs to one call of `read`."""

    asks: dict[str, str] = field(default_factory=dict)
    ignored: list[tuple[int, int]] = field(default_factory=list)
    unknown: list[tuple[int, int]] = field(default_factory=list)

    def ask(self, attribute: str, value: str, item: Item) -> None:
        """The first answer counts; another one is named as ignored."""
        if self.asks.setdefault(attribute, value) != value:
            self.ignored.append((item.start, item.end))


def read(text: str) -> Reading:
    """Read a sentence. Never fails: a sentence of which nothing is understood asks for nothing."""
    items, main = _items(text)
    found = _Found()
    spoken = set(OWN).intersection(*(item.languages for item in items if item.languages))
    items, refused = _negations(items, found)
    items = _lenses(items, found)
    things = _things(items, found)
    _places(items, found)
    _actions(items, things, found)
    found.unknown += [(item.start, item.end) for item in items if item.kind == "unknown"]
    return Reading(
        asks={name: found.asks[name] for name in _ORDER if name in found.asks},
        refused=refused,
        unknown=_surfaces(text, found.unknown),
        ignored=_surfaces(text, found.ignored),
        loose=_surfaces(text, [(item.start, item.end) for item in _loose(items)]),
        language="id" if main == "id" else "en",
        spoken=tuple(sorted(spoken)),
    )


def _surfaces(text: str, spans: Iterable[tuple[int, int]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text[start:end] for start, end in sorted(set(spans))))


def _items(text: str) -> tuple[list[Item], str]:
    """The phrases of a text, longest first, each as the text's main language means it; and that language."""
    words, table = pieces(text), phrases()
    matches: list[tuple[int, int, dict[str, Meaning]]] = []
    place = 0
    while place < len(words):
        meanings: dict[str, Meaning] = {}
        size = 1
        for size in range(min(longest().get(words[place][0], 1), len(words) - place), 0, -1):
            meanings = table.get(tuple(word for word, _, _ in words[place : place + size]), {})
            if meanings:
                break
        matches.append((place, place + size, meanings))
        place += size
    votes = Counter(language for _, _, meanings in matches for language in meanings)
    ranks = {language: -rank for rank, language in enumerate(("en", "id", *sorted(set(votes) - set(OWN))))}
    main = max(votes, key=lambda language: (votes[language], ranks[language])) if votes else "en"
    items: list[Item] = []
    for first, last, meanings in matches:
        start, end = words[first][1], words[last - 1][2]
        if meanings:
            meaning = meanings[main if main in meanings else max(meanings, key=lambda one: (votes[one], ranks[one]))]
            alike = tuple(language for language, other in meanings.items() if other == meaning)
            opening = table.get((words[first][0],), {}).values()
            bare = last == first + 1 or all(other.kind != "word" for other in opening)
            items.append(Item(meaning.kind, meaning.value, start, end, alike, bare))
        elif is_mark(words[first][0]):
            items.append(Item("and", "", start, end))
        elif items and items[-1].kind == "unknown" and items[-1].end == start and is_han(words[first][0]):
            items[-1] = replace(items[-1], end=end)
        else:
            items.append(Item("unknown", "", start, end))
    return items, main


def _negations(items: Sequence[Item], found: _Found) -> tuple[list[Item], tuple[tuple[str, str], ...]]:
    """Take out what is negated: it is named, not done. "not" is of what follows, "after-not" of what stood before."""
    kept = list(items)
    refused: list[tuple[str, str]] = []
    place, halved = 0, False
    while place < len(kept):
        kind = kept[place].kind
        halved = halved and kind != "and"
        if kind == "not" and kept[place].value == "second" and halved:
            place += 1  # "ne … pas"
            continue
        if kind == "not":
            halved = True
            last = _negated(kept, place)
            gone = kept[place : last + 1]
            kept[place : last + 1] = []
        elif kind == "after-not":
            following = kept[place + 1].kind if place + 1 < len(kept) else "and"
            if following in _CONTENT:
                gone, kept[place : place + 2] = kept[place : place + 2], []
            else:
                first = place
                while first > 0 and kept[first].kind not in _CONTENT and kept[first - 1].kind != "and":
                    first -= 1
                gone, kept[first : place + 1] = kept[first : place + 1], []
                place = first
        else:
            place += 1
            continue
        refused += [(item.kind, item.value) for item in gone if item.kind in _ORDER]
        found.ignored.append((gone[0].start, gone[-1].end))
        found.unknown += [(item.start, item.end) for item in gone if item.kind == "unknown"]
    return kept, tuple(refused)


def _negated(items: Sequence[Item], place: int) -> int:
    """The last item that a negation at ``place`` is of: the next thing said, with its colour, and what "or" adds.

    An unknown word may say how ("no big ball") or what not to do ("do not let it fall"): what follows it goes too.
    """
    last = _next_said(items, place + 1)
    if last is None:
        return place
    while (follows := _next_said(items, last + 1)) is not None:
        added = any(item.kind == "or" for item in items[last + 1 : follows])
        described = follows == last + 1 and {items[last].kind, items[follows].kind} == {"shape", "colour"}
        verb = items[last].kind == "unknown" and (
            items[follows].kind not in ("ground", "sky") or (follows == last + 1 and items[follows].bare)
        )
        if not (added or described or verb):
            break
        last = follows
    return last


def _next_said(items: Sequence[Item], place: int) -> int | None:
    """Where something is said next, from ``place`` on and before the clause ends."""
    for index in range(place, len(items)):
        if items[index].kind in (*_CONTENT, "unknown"):
            return index
        if items[index].kind not in ("word", "joint", "or", "loose", "lens"):
            return None
    return None


def _lenses(items: Sequence[Item], found: _Found) -> list[Item]:
    """What the camera does, taken out of the items; from its word on until the clause ends or a thing is named."""
    kept: list[Item] = []
    motions: list[tuple[str, Item]] = []
    ways: list[tuple[str, Item]] = []
    on = False
    for item in items:
        if item.kind in ("and", "shape"):
            on = False
            kept.append(item)
        elif item.kind in ("lens", "camera"):
            on = True
            motions += [(item.value, item)] if item.kind == "camera" else []
        elif item.kind == "near" and on:
            motions.append((item.value.partition("/")[0], item))
        elif item.kind == "near":
            otherwise = item.value.partition("/")[2]
            kept.append(replace(item, kind="action" if otherwise else "loose", value=otherwise))
        elif on and item.kind == "action":
            motions.append((_AS_CAMERA.get(item.value, ""), item))
        elif on and item.kind in ("way", "from", "at"):
            ways.append((_OPPOSITE[item.value] if item.kind == "from" else item.value, item))
        else:
            kept.append(item)
    moving = [motion for motion in motions if motion[0] not in ("", "static")]  # "stays fixed", "is still panning"
    for motion, item in moving or motions:
        if motion:
            found.ask("camera", motion, item)
    found.ignored += [(item.start, item.end) for motion, item in motions if not motion]
    _camera_ways(ways, found)
    return kept


def _camera_ways(ways: Sequence[tuple[str, Item]], found: _Found) -> None:
    """Give a pan or an orbit its way; a way alone is a pan's. Of "from right to left" both say left."""
    kind = found.asks.get("camera", "pan")
    for way, item in ways:
        if kind in ("pan", "orbit") and found.asks.get("camera", kind) in (kind, f"{kind} {way}"):
            found.asks["camera"] = f"{kind} {way}"
        else:
            found.ignored.append((item.start, item.end))


def _heads(items: Sequence[Item]) -> dict[int, int]:
    """For every colour's place the place of the thing or ground whose colour it is, where one stands beside it."""
    heads: dict[int, int] = {}
    for place, item in enumerate(items):
        if item.kind != "colour":
            continue
        after = bool(set(item.languages) & _AFTER) and not set(item.languages) & {"en", "de", "ja", "zh"}
        for step in (-1, 1) if after else (1, -1):
            other = place + step
            while 0 <= other < len(items) and items[other].kind in ("colour", "unknown", "loose", "joint"):
                other += step
            if not 0 <= other < len(items) or other in heads.values():
                continue
            if items[other].kind == "shape" or (
                items[other].kind in ("ground", "sky") and (step < 0 or items[other].bare)
            ):
                heads[place] = other
                break
    return heads


def _things(items: Sequence[Item], found: _Found) -> list[int]:
    """Bind colours to things, and keep the first two things. Returns their places among the items."""
    heads = _heads(items)
    colour_of: dict[int, int] = {}
    for colour, head in heads.items():
        if items[head].kind == "shape":
            colour_of[head] = colour
        elif items[colour].value not in _NATURAL.get(items[head].value, set()):
            found.ignored.append((items[colour].start, items[colour].end))
    shapes = [place for place, item in enumerate(items) if item.kind == "shape"]
    loose = [place for place, item in enumerate(items) if item.kind == "colour" and place not in heads]
    for colour in list(loose):
        before = [place for place in shapes if place < colour][-1:]
        after = [place for place in shapes if place > colour][:1]
        free = [place for place in before + after if place not in colour_of]
        if free:
            colour_of[free[0]] = colour
            loose.remove(colour)
    kept: list[int] = []
    for place in shapes:
        same = [one for one in kept if items[one].value == items[place].value]
        told = _colour(items, colour_of, place)
        more = any(0 <= beside < len(items) and items[beside].kind == "more" for beside in range(place - 2, place + 3))
        if told is None and same and not more:
            continue  # the same thing again
        if len(kept) == 2 or any(told == _colour(items, colour_of, one) for one in same if told):
            first = min(place, colour_of.get(place, place))
            last = max(place, colour_of.get(place, place))
            found.ignored.append((items[first].start, items[last].end))
            continue
        kept.append(place)
    for name, place in zip(("", "second "), kept, strict=False):
        found.asks[f"{name}shape"] = items[place].value
        if place in colour_of:
            found.asks[f"{name}colour"] = items[colour_of[place]].value
    for colour in loose:
        if "colour" not in found.asks and not kept:
            found.asks["colour"] = items[colour].value
        elif items[colour].value not in (found.asks.get("colour"), found.asks.get("second colour")):
            found.ignored.append((items[colour].start, items[colour].end))
    return kept


def _colour(items: Sequence[Item], colour_of: Mapping[int, int], place: int) -> str | None:
    return items[colour_of[place]].value if place in colour_of else None


def _places(items: Sequence[Item], found: _Found) -> None:
    for item in items:
        if item.kind in ("ground", "sky"):
            found.ask(item.kind, item.value, item)


def _actions(items: Sequence[Item], things: Sequence[int], found: _Found) -> None:
    """The action, its way, and the side where the first thing is or comes from."""
    actions = [item for item in items if item.kind == "action" and item.value != "stands"]
    ways = [item for item in items if item.kind == "way"]
    froms = [item for item in items if item.kind == "from"]
    strongest = min((_STRENGTH[item.value] for item in actions), default=4)
    values = [item.value for item in actions if _STRENGTH[item.value] == strongest]
    action = values[0] if values else ""
    way = ways[0].value if ways else (_OPPOSITE[froms[0].value] if froms else "")
    if action == "tumbles":
        action = "moves" if way else "falls"
    standing = [item for item in items if item.kind == "action" and item.value == "stands"]
    if not action and standing:
        action = "" if way else "still"
    if action == "collided":
        _swap(found.asks)
    for item in actions:
        if _STRENGTH[item.value] <= 2 and item.value not in (values[0], "collided", "collides"):
            found.ignored.append((item.start, item.end))
    unused = list(ways)
    if action in ("collides", "collided"):
        if way:
            found.asks["side"] = _OPPOSITE[way]
            unused = [item for item in ways if item.value != way]
        found.asks["action"] = "collides"
    elif action in ("", "moves") and way:
        found.asks["action"] = way
        unused = [item for item in ways if item.value != way]
        froms = [item for item in froms if item.value == way]
    elif action:
        found.asks["action"] = action
    if action not in ("", "moves", "collides", "collided"):
        unused += froms
    for item in items:
        if item.kind == "at":
            _at(item, len(things) > 1 and item.start > items[things[1]].start, len(things) > 1, found)
    found.ignored += [(item.start, item.end) for item in unused]


def _at(item: Item, of_second: bool, two: bool, found: _Found) -> None:
    """A side said of the first thing, or of the second where it stands after that."""
    if two:
        found.ask("side", _OPPOSITE[item.value] if of_second else item.value, item)
    else:
        found.ignored.append((item.start, item.end))


def _swap(asks: dict[str, str]) -> None:
    """The first thing and the second change places: "hit by"."""
    for name in ("shape", "colour"):
        first, second = asks.pop(name, None), asks.pop(f"second {name}", None)
        if second is not None:
            asks[name] = second
        if first is not None:
            asks[f"second {name}"] = first


def _loose(items: Sequence[Item]) -> list[Item]:
    """Words that mean something nobody can film; a tall cylinder is one."""
    tall = any(item.kind == "shape" and item.value == "cylinder" for item in items)
    return [item for item in items if item.kind == "loose" and not (tall and item.value == "tall")]
