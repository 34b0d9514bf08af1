"""IETF aipref: ``Content-Usage`` in headers and in robots.txt, and ``Content-Signal``, which says the same.

These are drafts (attach-05 and vocab-08 of 2026), not RFCs. A refusal anywhere wins. Names of earlier drafts (``tdm``,
``ai``, ``genai``) are read as refusals too, never as permissions. Knows nothing of the network.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from langit.ledger.record import Says
from langit.ledger.signals import robots
from langit.ledger.signals.reading import Document, SignalReading, is_absent, letters_of, read_problem

TRAINING = "train-ai"
COVERING = frozenset({"train-ai", "train-genai", "ai", "genai", "tdm", "bots", "all"})
"""Uses that include training, by all drafts."""
_KEYS = (
    "aitrain aitraining trainai trainingai ai genai traingenai train training all tdm bots foundationmodelproduction"
)
SIGNALS = frozenset(_KEYS.split())
"""Keys, without hyphens, of which training is a part, in the words of any scheme."""
NOS = frozenset({"no", "n", "false", "0", "?0", "none", "deny", "disallow", "disallowed", "off"})
PAIR = re.compile(r"([A-Za-z*][\w.-]*)\s*[=:]\s*[\"']?(\?0|[\w-]+)")
NO_TRAINING = re.compile(r"\bno[-_ ]?(ai|train)", re.IGNORECASE)
_KEY = r"[a-z*][a-z0-9_.*-]*"
_BARE = (
    r"(?:[A-Za-z*][\w!#$%&'*+.^`|~:/-]*|-?\d{1,15}(?:\.\d{1,3})?|\"(?:[ !#-\[\]-~]|\\[\"\\])*\"|\?[01]"
    r"|:[A-Za-z0-9+/=]*:|@-?\d{1,15})"
)
_PARAMETERS = rf"(?:[ ]*;[ ]*{_KEY}(?:={_BARE})?)*"
_MEMBER = re.compile(rf"({_KEY})(?:=({_BARE}))?{_PARAMETERS}", re.ASCII)
_COMMA = re.compile(r"[ \t]*,[ \t]*")
_PATH = re.compile(r"(/\S*)\s+(.*)")


def members(text: str) -> list[tuple[str, str | None]] | None:
    """The members of a dictionary (RFC 9651) without inner lists; ``None`` if it is not one. Keys may come twice."""
    text, place = text.strip(" \t"), 0
    found: list[tuple[str, str | None]] = []
    while place < len(text):
        member = _MEMBER.match(text, place)
        if member is None:
            return None
        found.append((member[1], member[2]))
        place = member.end()
        if place < len(text):
            comma = _COMMA.match(text, place)
            if comma is None or comma.end() == len(text):
                return None
            place = comma.end()
    return found


def _refuses(text: str) -> bool:
    """Whether a value refuses training in any notation: other separators, another scheme's keys, parameters."""
    pairs = ((key.strip("*") and letters_of(key), value.lower()) for key, value in PAIR.findall(text))
    return any(value in NOS and (not key or key in SIGNALS) for key, value in pairs) or bool(NO_TRAINING.search(text))


def usage(text: str) -> Says:
    """What a ``Content-Usage`` value says of training."""
    found = members(text)
    if found is None:
        return "unreadable"
    if _refuses(text):
        return "reserved"
    values = [value for key, value in found if key in COVERING]
    if any(value in ("n", "?0", "no") for value in values):
        return "reserved"
    if any(value not in ("y",) for value in values):
        return "unreadable"
    return "allowed" if any(key == TRAINING for key, _ in found) else "silent"


def signal(text: str) -> Says:
    """What a ``Content-Signal`` value (``search=yes, ai-train=no``) says of training.

    Sites also write semicolons, colons, quotes and other spellings of the key. A no counts however it is written; a
    yes counts only as the scheme spells it.
    """
    if _refuses(text):
        return "reserved"
    says: Says = "silent"
    for part in re.split(r"[,;]", text):
        key, sign, value = (piece.strip().lower().strip("\"'") for piece in re.split(r"([=:])", part + "=", maxsplit=1))
        value = value.removesuffix("=").strip().strip("\"'")
        if re.sub(r"[^a-z]", "", key) not in SIGNALS:
            continue
        if value in NOS:
            return "reserved"
        plain = key == "ai-train" and sign == "=" and value == "yes"
        says = "allowed" if plain and says != "unreadable" else "unreadable"
    return says


def read(url: str, answer: Document, robots_txt: Document) -> SignalReading:
    """What aipref says of ``url``, given the answer that brought it and its site's robots.txt."""
    found = [*_from_headers(answer), *_from_robots(robots_txt, url)]
    for says in ("reserved", "unreadable", "allowed"):
        for reading in found:
            if reading.says == says:
                return reading
    return SignalReading("aipref", "silent", answer.url)


def _from_headers(answer: Document) -> Iterator[SignalReading]:
    for value in answer.header("content-usage"):
        yield SignalReading("aipref", usage(value), answer.url, f"Content-Usage: {value}")
    for value in answer.header("content-signal"):
        yield SignalReading("aipref", signal(value), answer.url, f"Content-Signal: {value}")


def _from_robots(document: Document, url: str) -> Iterator[SignalReading]:
    """The most specific line of each group. Which agents a group is for does not matter: any refusal counts."""
    problem = read_problem(document)
    groups = None if problem or is_absent(document) else robots.parse(document.body)
    if groups is None:
        if not is_absent(document):
            yield SignalReading("aipref", "unreadable", document.url, problem or "it is not a robots.txt")
        return
    path = robots.path_of(url)
    for group in groups:
        best: dict[str, tuple[int, Says, str]] = {}
        for rule in group.rules:
            if rule.field not in ("content-usage", "content-signal"):
                continue
            scoped = _PATH.fullmatch(rule.value)
            pattern, value = (scoped[1], scoped[2]) if scoped else ("/", rule.value)
            if robots.matches(pattern, path):
                says = usage(value) if rule.field == "content-usage" else signal(value)
                length, before, _ = best.get(rule.field, (-1, "silent", ""))
                # Of two lines of the same length the one that refuses counts.
                if len(pattern) > length or (len(pattern) == length and before != "reserved"):
                    best[rule.field] = (len(pattern), says, rule.text)
        for _, says, text in best.values():
            yield SignalReading("aipref", says, document.url, text)
