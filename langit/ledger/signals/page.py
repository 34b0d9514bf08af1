"""The meta and link elements of a web page. Knows nothing of what they mean."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser

from langit.ledger.signals.reading import Document, letters_of, read_problem

NAMES = ("name", "property", "http-equiv", "itemprop")
"""Attributes of a meta element that say what its content is."""


@dataclass(frozen=True)
class Page:
    """``meta`` as (name, content), ``links`` as (rel, type, href), and ``scripts`` as (type, text).

    Names, rels and types are in lower case. A meta element counts under its ``name``, ``property``, ``http-equiv`` and
    ``itemprop``.
    """

    url: str
    meta: tuple[tuple[str, str], ...] = ()
    links: tuple[tuple[str, str, str], ...] = ()
    scripts: tuple[tuple[str, str], ...] = ()
    problem: str | None = None

    def metas(self, name: str) -> tuple[str, ...]:
        """The contents of all meta elements of a name."""
        return tuple(content for key, content in self.meta if key == name)


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.meta: list[tuple[str, str]] = []
        self.links: list[tuple[str, str, str]] = []
        self.scripts: list[tuple[str, str]] = []
        self._script: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {key.lower(): value or "" for key, value in attrs}
        tag = tag.rpartition(":")[2]
        if tag == "meta":
            names = dict.fromkeys(values[key].strip().lower() for key in NAMES if values.get(key, "").strip())
            self.meta += [(name, values.get("content", "")) for name in names]
        elif tag == "script":
            self._script = values.get("type", "").strip().lower()
            self.scripts.append((self._script, ""))
        elif tag in ("link", "a") and "rel" in values:
            self.links.append((values["rel"].lower(), values.get("type", "").lower(), values.get("href", "")))

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self._script = None

    def handle_data(self, data: str) -> None:
        if self._script is not None:
            kind, text = self.scripts[-1]
            self.scripts[-1] = (kind, text + data)


def read(document: Document) -> Page:
    """The page of a document; only a problem if it could not be fetched or is not text."""
    problem = read_problem(document)
    if problem is None and not _extends_ascii(document):
        problem = "it is in an encoding that does not extend ASCII"
    if problem is None and document.status == 200:
        parser = _Parser()
        # Latin-1 never fails, and the names that are looked for are ASCII.
        try:
            parser.feed(document.body.decode("latin-1"))
            parser.close()
        except (AssertionError, ValueError, LookupError, RecursionError) as error:
            return Page(document.url, problem=f"it is not a readable web page: {error}")
        return Page(document.url, tuple(parser.meta), tuple(parser.links), tuple(parser.scripts))
    return Page(document.url, problem=problem or f"the server answered {document.status}")


def _extends_ascii(document: Document) -> bool:
    """Whether ASCII names can be looked for in the bytes: UTF-16 and others hide them."""
    if b"\0" in document.body:
        return False
    for value in document.header("content-type"):
        found = re.search(r"charset\s*=\s*[\"']?([\w.:-]+)", value, re.IGNORECASE)
        try:
            if found is None:
                continue
            # UTF-7 writes "<" in two ways.
            if "<meta>".encode(found[1]) != b"<meta>" or (letters_of(found[1]) == "utf" and "7" in found[1]):
                return False
        except (LookupError, UnicodeError):
            return False
    return True
