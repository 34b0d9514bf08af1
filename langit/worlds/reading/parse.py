"""Reads a sentence about worlds-1: its things and their colours, action, ground, sky, camera and sides.

Matches the lexicon's phrases, longest first, in English, Indonesian and the other languages of the lexicon. It knows no
grammar beyond which word stands beside which. The result names everything that could not be placed; only words without
a meaning of their own ("a", "on") are dropped in silence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from langit.worlds.reading.items import PromptItem, match_items
from langit.worlds.reading.lexicon import PRIMARY
from langit.worlds.wording import Language

_COLOUR_AFTER = {"id", "es", "pt", "fr", "it"}  # languages whose colours follow the noun
_OPPOSITE = {"left": "right", "right": "left"}
_CONTENT = ("shape", "colour", "ground", "sky", "action", "camera", "near", "way", "from", "at")
_NATURAL_COLOURS = {  # of grounds and skies: they add nothing and are not reported
    "grass": {"green"},
    "snow": {"white"},
    "sand": {"yellow", "orange", "white"},
    "day": {"blue"},
    "sunset": {"red", "orange", "yellow", "purple"},
}
_AS_CAMERA = {  # what an action means if the camera does it
    "moves": "pan",
    "spins": "pan",
    "still": "static",
    "stands": "static",
}
# the smallest number wins where a sentence names several actions
_PRECEDENCE = {"collided": 0, "collides": 0, "falls": 1, "spins": 1, "jumps": 1, "still": 2, "moves": 3, "tumbles": 3}


@dataclass(frozen=True)
class PromptReading:
    """What a sentence asks for.

    asks: values by attribute, in the order of _ORDER. An action "moves" and the cameras "pan", "orbit" and "zoom" leave
        their direction open.
    refused: attributes and values that the sentence says it does not want.
    unknown: words that no lexicon has, as they were written.
    ignored: pieces that were understood but not used: negations, a third thing, a second value of one attribute.
    loose: words for something that these films do not show, such as "slowly".
    counts: words for a number of things, as they were written.
    content: how many phrases have a meaning of their own, and how many of them the reading uses.
    language: the language of captions in which to answer.
    spoken: every language in which all known phrases of the sentence have the meaning that was read.
    """

    asks: dict[str, str]
    refused: tuple[tuple[str, str], ...]
    unknown: tuple[str, ...]
    ignored: tuple[str, ...]
    loose: tuple[str, ...]
    counts: tuple[str, ...]
    content: tuple[int, int]
    language: Language
    spoken: tuple[str, ...]


_ORDER = ("shape", "colour", "second shape", "second colour", "action", "side", "ground", "sky", "camera")


@dataclass
class _ReadingState:
    """Results so far of one call of `read_prompt`."""

    asks: dict[str, str] = field(default_factory=dict)
    ignored: list[tuple[int, int]] = field(default_factory=list)
    unknown: list[tuple[int, int]] = field(default_factory=list)

    def ask(self, attribute: str, value: str, item: PromptItem) -> None:
        """Set an attribute. The first value counts; a different one later is reported as ignored."""
        if self.asks.setdefault(attribute, value) != value:
            self.ignored.append((item.start, item.end))


def read_prompt(text: str) -> PromptReading:
    """Read a sentence. Never fails: a sentence that means nothing to the lexicon asks for nothing."""
    items, main = match_items(text)
    every = items
    state = _ReadingState()
    spoken = set(PRIMARY).intersection(*(item.languages for item in items if item.languages))
    items, refused = _take_out_negations(items, state)
    items = _read_camera(items, state)
    things = _read_things(items, state)
    _read_places(items, state)
    _read_actions(items, things, state)
    state.unknown += [(item.start, item.end) for item in items if item.kind == "unknown"]
    return PromptReading(
        asks={name: state.asks[name] for name in _ORDER if name in state.asks},
        refused=refused,
        unknown=_quote(text, state.unknown),
        ignored=_quote(text, state.ignored),
        loose=_quote(text, [(item.start, item.end) for item in _unfilmable(items)]),
        counts=_quote(text, [(item.start, item.end) for item in every if item.kind == "count"]),
        content=_count_content(every, state),
        language="id" if main == "id" else "en",
        spoken=tuple(sorted(spoken)),
    )


def _count_content(items: Sequence[PromptItem], state: _ReadingState) -> tuple[int, int]:
    """How many items have a meaning of their own, and how many of these were used."""
    content = [item for item in items if item.kind in (*_CONTENT, "lens", "unknown", "count")]
    lost = [
        item
        for item in content
        if item.kind in ("unknown", "count")
        or any(start <= item.start and item.end <= end for start, end in (*state.ignored, *state.unknown))
    ]
    return len(content), len(content) - len(lost)


def _quote(text: str, spans: Iterable[tuple[int, int]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text[start:end] for start, end in sorted(set(spans))))


def _take_out_negations(
    items: Sequence[PromptItem], state: _ReadingState
) -> tuple[list[PromptItem], tuple[tuple[str, str], ...]]:
    """Take out what is negated, and report it. "not" negates what follows, "after-not" what came before."""
    kept = list(items)
    refused: list[tuple[str, str]] = []
    place, halved = 0, False
    while place < len(kept):
        kind = kept[place].kind
        halved = halved and kind != "and"
        if kind == "not" and kept[place].value == "second" and halved:
            place += 1  # the "pas" of "ne … pas", whose "ne" negated already
            continue
        if kind == "not":
            halved = True
            last = _last_negated(kept, place)
            removed = kept[place : last + 1]
            kept[place : last + 1] = []
        elif kind == "after-not":
            following = kept[place + 1].kind if place + 1 < len(kept) else "and"
            if following in _CONTENT:
                removed, kept[place : place + 2] = kept[place : place + 2], []
            else:
                first = place
                while first > 0 and kept[first].kind not in _CONTENT and kept[first - 1].kind != "and":
                    first -= 1
                removed, kept[first : place + 1] = kept[first : place + 1], []
                place = first
        else:
            place += 1
            continue
        refused += [(item.kind, item.value) for item in removed if item.kind in _ORDER]
        state.ignored.append((removed[0].start, removed[-1].end))
        state.unknown += [(item.start, item.end) for item in removed if item.kind == "unknown"]
    return kept, tuple(refused)


def _last_negated(items: Sequence[PromptItem], place: int) -> int:
    """The last item that a negation at ``place`` covers: the next thing, with its colour, and what "or" adds.

    An unknown word may be an adjective ("no big ball") or a verb ("do not let it fall"): it takes the next item along.
    """
    last = _next_content(items, place + 1)
    if last is None:
        return place
    while (follows := _next_content(items, last + 1)) is not None:
        joined = any(item.kind == "or" for item in items[last + 1 : follows])
        described = follows == last + 1 and {items[last].kind, items[follows].kind} == {"shape", "colour"}
        verb = items[last].kind == "unknown" and (
            items[follows].kind not in ("ground", "sky") or (follows == last + 1 and items[follows].bare)
        )
        if not (joined or described or verb):
            break
        last = follows
    return last


def _next_content(items: Sequence[PromptItem], place: int) -> int | None:
    """The next item with content, from ``place`` on and within the clause."""
    for index in range(place, len(items)):
        if items[index].kind in (*_CONTENT, "unknown"):
            return index
        if items[index].kind not in ("word", "joint", "or", "loose", "lens"):
            return None
    return None


def _read_camera(items: Sequence[PromptItem], state: _ReadingState) -> list[PromptItem]:
    """Take the camera's motion out of the items. A lens word holds until the clause ends or a thing is named."""
    kept: list[PromptItem] = []
    motions: list[tuple[str, PromptItem]] = []
    ways: list[tuple[str, PromptItem]] = []
    of_camera = False
    for item in items:
        if item.kind in ("and", "shape"):
            of_camera = False
            kept.append(item)
        elif item.kind in ("lens", "camera"):
            of_camera = True
            motions += [(item.value, item)] if item.kind == "camera" else []
        elif item.kind == "near" and of_camera:
            motions.append((item.value.partition("/")[0], item))
        elif item.kind == "near":
            action = item.value.partition("/")[2]
            kept.append(replace(item, kind="action" if action else "loose", value=action))
        elif of_camera and item.kind == "action":
            motions.append((_AS_CAMERA.get(item.value, ""), item))
        elif of_camera and item.kind in ("way", "from", "at"):
            ways.append((_OPPOSITE[item.value] if item.kind == "from" else item.value, item))
        else:
            kept.append(item)
    # in "is still panning" the pan counts, in "stays fixed" there is nothing else
    moving = [motion for motion in motions if motion[0] not in ("", "static")]
    for motion, item in moving or motions:
        if motion:
            state.ask("camera", motion, item)
    state.ignored += [(item.start, item.end) for motion, item in motions if not motion]
    _direct_camera(ways, state)
    return kept


def _direct_camera(ways: Sequence[tuple[str, PromptItem]], state: _ReadingState) -> None:
    """Give a pan or an orbit its direction; a direction alone means a pan. "From right to left" says left twice."""
    kind = state.asks.get("camera", "pan")
    for way, item in ways:
        if kind in ("pan", "orbit") and state.asks.get("camera", kind) in (kind, f"{kind} {way}"):
            state.asks["camera"] = f"{kind} {way}"
        else:
            state.ignored.append((item.start, item.end))


def _colour_heads(items: Sequence[PromptItem]) -> dict[int, int]:
    """For the place of each colour, the place of the thing or ground beside it that it describes."""
    heads: dict[int, int] = {}
    for place, item in enumerate(items):
        if item.kind != "colour":
            continue
        # Romance languages and Indonesian put the colour after its noun
        after = bool(set(item.languages) & _COLOUR_AFTER) and not set(item.languages) & {"en", "de", "ja", "zh"}
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


def _read_things(items: Sequence[PromptItem], state: _ReadingState) -> list[int]:
    """Bind colours to things and keep the first two things; return their places among the items."""
    heads = _colour_heads(items)
    colour_of: dict[int, int] = {}
    for colour, head in heads.items():
        if items[head].kind == "shape":
            colour_of[head] = colour
        elif items[colour].value not in _NATURAL_COLOURS.get(items[head].value, set()):
            state.ignored.append((items[colour].start, items[colour].end))
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
        colour_here = _colour_at(items, colour_of, place)
        more = any(0 <= beside < len(items) and items[beside].kind == "more" for beside in range(place - 2, place + 3))
        if colour_here is None and same and not more:
            continue  # another mention of the same thing
        if len(kept) == 2 or any(colour_here == _colour_at(items, colour_of, one) for one in same if colour_here):
            first = min(place, colour_of.get(place, place))
            last = max(place, colour_of.get(place, place))
            state.ignored.append((items[first].start, items[last].end))
            continue
        kept.append(place)
    for name, place in zip(("", "second "), kept, strict=False):
        state.asks[f"{name}shape"] = items[place].value
        if place in colour_of:
            state.asks[f"{name}colour"] = items[colour_of[place]].value
    for colour in loose:
        if "colour" not in state.asks and not kept:
            state.asks["colour"] = items[colour].value
        elif items[colour].value not in (state.asks.get("colour"), state.asks.get("second colour")):
            state.ignored.append((items[colour].start, items[colour].end))
    return kept


def _colour_at(items: Sequence[PromptItem], colour_of: Mapping[int, int], place: int) -> str | None:
    return items[colour_of[place]].value if place in colour_of else None


def _read_places(items: Sequence[PromptItem], state: _ReadingState) -> None:
    for item in items:
        if item.kind in ("ground", "sky"):
            state.ask(item.kind, item.value, item)


def _read_actions(items: Sequence[PromptItem], things: Sequence[int], state: _ReadingState) -> None:
    """Set the action, its direction, and the side where the first thing is or comes from."""
    actions = [item for item in items if item.kind == "action" and item.value != "stands"]
    ways = [item for item in items if item.kind == "way"]
    froms = [item for item in items if item.kind == "from"]
    # of "rolls and bounces" the bounce is the action: rolling may come with any of them
    strongest = min((_PRECEDENCE[item.value] for item in actions), default=4)
    values = [item.value for item in actions if _PRECEDENCE[item.value] == strongest]
    action = values[0] if values else ""
    way = ways[0].value if ways else (_OPPOSITE[froms[0].value] if froms else "")
    if action == "tumbles":
        action = "moves" if way else "falls"
    standing = [item for item in items if item.kind == "action" and item.value == "stands"]
    if not action and standing:
        action = "" if way else "still"
    if action == "collided":
        _swap_things(state.asks)
    for item in actions:
        if _PRECEDENCE[item.value] <= 2 and item.value not in (values[0], "collided", "collides"):
            state.ignored.append((item.start, item.end))
    unused = list(ways)
    if action in ("collides", "collided"):
        if way:
            state.asks["side"] = _OPPOSITE[way]
            unused = [item for item in ways if item.value != way]
        state.asks["action"] = "collides"
    elif action in ("", "moves") and way:
        state.asks["action"] = way
        unused = [item for item in ways if item.value != way]
        froms = [item for item in froms if item.value == way]
    elif action:
        state.asks["action"] = action
    if action not in ("", "moves", "collides", "collided"):
        unused += froms
    for item in items:
        if item.kind == "at":
            _read_side(item, len(things) > 1 and item.start > items[things[1]].start, len(things) > 1, state)
    state.ignored += [(item.start, item.end) for item in unused]


def _read_side(item: PromptItem, of_second: bool, two: bool, state: _ReadingState) -> None:
    """Set the side of the first thing from a phrase about it, or about the second thing if it stands after that."""
    if two:
        state.ask("side", _OPPOSITE[item.value] if of_second else item.value, item)
    else:
        state.ignored.append((item.start, item.end))


def _swap_things(asks: dict[str, str]) -> None:
    """Exchange the first and the second thing, for "hit by"."""
    for name in ("shape", "colour"):
        first, second = asks.pop(name, None), asks.pop(f"second {name}", None)
        if second is not None:
            asks[name] = second
        if first is not None:
            asks[f"second {name}"] = first


def _unfilmable(items: Sequence[PromptItem]) -> list[PromptItem]:
    """Words for what no film shows. "tall" is accepted only with a cylinder, which is tall."""
    tall = any(item.kind == "shape" and item.value == "cylinder" for item in items)
    return [item for item in items if item.kind == "loose" and not (tall and item.value == "tall")]
