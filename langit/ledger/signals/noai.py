"""``noai`` and ``noimageai`` in ``X-Robots-Tag`` headers and in a page's robots meta elements.

Not a standard, but common on sites for artists. Knows nothing of the network.
"""

from __future__ import annotations

from collections.abc import Iterable

from langit.ledger.signals.page import Page
from langit.ledger.signals.reading import Document, SignalReading

WORDS = frozenset({"noai", "noimageai", "noml"})


def read(answer: Document, page: Page | None = None) -> SignalReading:
    """Reserved if one of the words is anywhere, for any agent; unreadable if the page could not be read."""
    for value in answer.header("x-robots-tag"):
        if _words(value) & WORDS:
            return SignalReading("noai", "reserved", answer.url, f"X-Robots-Tag: {value}")
    if page is not None:
        if page.problem is not None:
            return SignalReading("noai", "unreadable", page.url, page.problem)
        for name, value in page.meta:
            if _words(value) & WORDS and (name == "robots" or name.endswith("bot")):
                return SignalReading("noai", "reserved", page.url, f"<meta name={name} content={value}>")
    return SignalReading("noai", "silent", answer.url)


def _words(value: str) -> set[str]:
    parts: Iterable[str] = value.lower().replace(":", ",").replace(";", ",").replace(" ", ",").split(",")
    return {part.strip() for part in parts}
