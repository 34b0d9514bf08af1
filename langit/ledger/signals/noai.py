"""``noai`` and ``noimageai`` in ``X-Robots-Tag`` headers and in a page's robots meta elements.

Not a standard, but common on sites for artists, as is ``/ai.txt``. Knows nothing of the network.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from langit.ledger.signals import robots
from langit.ledger.signals.page import Page
from langit.ledger.signals.reading import Document, SignalReading, is_absent, letters_of, read_problem

_WORDS = "noai noimageai noml nogenai nollm notdm notrain notraining noaitrain noaitraining nodatamining"
WORDS = frozenset([*_WORDS.split(), "disallowaitraining"])
"""Words against training, without hyphens; the last is of a draft by Microsoft."""
HEADERS = frozenset({"xrobotstag", "robotstag", "robots"})
KEYS = frozenset({"ai", "aitrain", "aitraining", "trainai", "genai", "tdm"})
"""Names of meta elements whose value alone may refuse."""
NOS = frozenset({"no", "none", "false", "0", "disallow", "disallowed", "deny", "denied", "n", "off", "prohibited"})
AI_TXT = "/ai.txt"


def read(answer: Document, page: Page | None = None) -> SignalReading:
    """Reserved if one of the words is anywhere, for any agent; unreadable if the page could not be read."""
    for key, value in answer.headers:
        if letters_of(key) in HEADERS and _words(value) & WORDS:
            return SignalReading("noai", "reserved", answer.url, f"{key}: {value}")
    if page is not None:
        if page.problem is not None:
            return SignalReading("noai", "unreadable", page.url, page.problem)
        for name, value in page.meta:
            about = (
                letters_of(name) in HEADERS or name.startswith("robots") or name.endswith("bot") or robots.is_ai(name)
            )
            if (about and _words(value) & WORDS) or (letters_of(name) in KEYS and value.strip().lower() in NOS):
                return SignalReading("noai", "reserved", page.url, f"<meta name={name} content={value}>")
    return SignalReading("noai", "silent", answer.url)


def read_ai_txt(document: Document, url: str) -> SignalReading:
    """What Spawning's ``/ai.txt`` says: robots.txt's words, all of them about training. Silent where there is none."""
    where = document.url
    if document.status is None or document.status >= 500:
        return SignalReading("noai", "unreadable", where, read_problem(document))
    groups = None if is_absent(document) or document.status != 200 else robots.parse(document.body)
    for agent in dict.fromkeys(agent for group in groups or () for agent in group.agents):
        rule = robots.disallows(groups or [], agent, robots.path_of(url))
        if rule is not None:
            return SignalReading("noai", "reserved", where, f"User-agent: {agent} / {rule.text}")
    if groups is not None and read_problem(document) is not None:
        return SignalReading("noai", "unreadable", where, read_problem(document))
    return SignalReading("noai", "silent", where)


def _words(value: str) -> set[str]:
    """The words of a value and its parts between commas, each without hyphens; those of an agent without its name."""
    parts = re.split(r"[,;:]", value)
    words: Iterable[str] = (*parts, *(word for part in parts for word in part.split()))
    return {letters_of(word) for word in words}
