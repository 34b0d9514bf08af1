"""What a reader of opt-out signals takes and returns. Knows no scheme."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from langit.ledger.record import Says

LONGEST_TEXT = 300
"""Characters of the deciding words that go on record; the evidence has all of them."""
GONE = (404, 410)
"""Answers that say there is no such document. Any other answer than 200 leaves open what it would have said."""
DEFAULT_PORTS = (None, 80, 443)


@dataclass(frozen=True)
class Document:
    """What one URL answered: ``status`` is ``None`` where nothing came back, and ``problem`` says why.

    ``headers`` are in the order in which they came; ``whole`` is false where the body was cut off.
    """

    url: str
    status: int | None
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    whole: bool = True
    problem: str | None = None

    def header(self, name: str) -> tuple[str, ...]:
        """All values of a header, in order."""
        return tuple(value for key, value in self.headers if key.lower() == name.lower())


@dataclass(frozen=True)
class SignalReading:
    """What one scheme says, where it says so, and the words that decided."""

    scheme: str
    says: Says
    where: str
    text: str | None = None

    def __post_init__(self) -> None:
        if self.text is not None and len(self.text) > LONGEST_TEXT:
            object.__setattr__(self, "text", self.text[:LONGEST_TEXT] + "...")


def letters_of(text: str) -> str:
    """The ASCII letters of a name, in lower case: what is left when hyphens, underscores and the like differ."""
    return re.sub(r"[^a-z]", "", text.lower())


def is_absent(document: Document) -> bool:
    """Whether the server said that there is no such document: silence."""
    return document.status in GONE


def read_problem(document: Document) -> str | None:
    """Why a document cannot be read, or ``None``. A document that is absent is not a problem."""
    if document.status is None:
        return document.problem or "no answer"
    if is_absent(document):
        return None
    if document.status != 200:
        return f"the server answered {document.status}"
    packed = [value for value in document.header("content-encoding") if value.strip().lower() not in ("", "identity")]
    if packed:
        return f"it is packed ({packed[0]}), which was not asked for"
    if not document.whole:
        return document.problem or "the document was cut off"
    return None


def decode_utf8(body: bytes) -> str | None:
    """UTF-8 text without a byte order mark, or ``None`` if it is not that."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def same_host(one: str, other: str) -> bool:
    """Whether two URLs are of one host and port; ``https://a``, ``https://a.:443`` and ``http://a`` are."""
    try:
        places = [urlsplit(url) for url in (one, other)]
        hosts = {(place.hostname or "").removesuffix(".") for place in places}
        ports = {None if place.port in DEFAULT_PORTS else place.port for place in places}
    except ValueError:
        return False
    return len(hosts) == 1 and len(ports) == 1
