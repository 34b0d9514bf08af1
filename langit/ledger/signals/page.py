"""The meta and link elements of a web page. Knows nothing of what they mean."""

from __future__ import annotations

from dataclasses import dataclass
from html.parser import HTMLParser

from langit.ledger.signals.reading import Document, read_problem


@dataclass(frozen=True)
class Page:
    """``meta`` as (name, content) and ``links`` as (rel, type, href), names and rels in lower case."""

    url: str
    meta: tuple[tuple[str, str], ...] = ()
    links: tuple[tuple[str, str, str], ...] = ()
    problem: str | None = None

    def metas(self, name: str) -> tuple[str, ...]:
        """The contents of all meta elements of a name."""
        return tuple(content for key, content in self.meta if key == name)


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.meta: list[tuple[str, str]] = []
        self.links: list[tuple[str, str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {key.lower(): value or "" for key, value in attrs}
        if tag == "meta" and ("name" in values or "property" in values):
            self.meta.append(
                ((values.get("name") or values.get("property", "")).strip().lower(), values.get("content", ""))
            )
        elif tag in ("link", "a") and "rel" in values:
            self.links.append((values["rel"].lower(), values.get("type", "").lower(), values.get("href", "")))


def read(document: Document) -> Page:
    """The page of a document; only a problem if it could not be fetched or is not text."""
    problem = read_problem(document)
    if problem is None and document.status == 200:
        parser = _Parser()
        # Latin-1 never fails, and the names that are looked for are ASCII.
        try:
            parser.feed(document.body.decode("latin-1"))
            parser.close()
        except (AssertionError, ValueError, LookupError, RecursionError) as error:
            return Page(document.url, problem=f"it is not a readable web page: {error}")
        return Page(document.url, tuple(parser.meta), tuple(parser.links))
    return Page(document.url, problem=problem or f"the server answered {document.status}")
