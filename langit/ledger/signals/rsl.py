"""RSL 1.0: XML licences that robots.txt (``License:``), a ``Link`` header or a page's link element points to.

Only the part on training is read. What is not permitted is reserved, and so is what is permitted for payment or to
some people, since nobody here pays or asks. A document in another namespace is read too, but permits nothing. Knows
nothing of the network.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from urllib.parse import urljoin, urlsplit
from xml.etree import ElementTree

from langit.ledger.record import Says
from langit.ledger.signals import robots
from langit.ledger.signals.page import Page
from langit.ledger.signals.reading import (
    Document,
    SignalReading,
    decode_utf8,
    is_absent,
    read_problem,
    same_host,
)

NAMESPACE = "https://rslstandard.org/rsl"
MIME = "application/rsl+xml"
TRAINING = frozenset({"all", "ai-all", "ai-train"})
OTHER_WORDS = frozenset({"ai", "ai-training", "genai", "tdm", "train", "train-ai", "training"})
"""Words of other vocabularies for training: they prohibit, and permit nothing."""
PROHIBITION = re.compile(r"(?!prohibits$)(prohibit|forbid|den(y|ies)|disallow|reserve|restrict)")
"""Names that no element has, of elements that are meant to prohibit."""
FREE = frozenset({"free"})
_CHOICES: tuple[Says, ...] = ("reserved", "unreadable", "allowed")
LINK = re.compile(r"<([^<>]*)>((?:\s*;\s*[\w*-]+\s*(?:=\s*(?:\"[^\"]*\"|[^\",;\s]+))?)*)")


def links(answer: Document, robots_txt: Document, page: Page | None = None) -> tuple[str, ...]:
    """The URLs of all RSL documents that are pointed to, each once."""
    found: list[str] = []
    groups = robots.parse(robots_txt.body) if read_problem(robots_txt) is None and not is_absent(robots_txt) else None
    for group in groups or ():
        found += [_join(robots_txt.url, rule.value) for rule in group.rules if rule.field == "license"]
    for value in answer.header("link"):
        for target, parameters in LINK.findall(value):
            plain = parameters.lower().replace('"', "").replace(" ", "")
            if re.search(r";rel=[^;]*\blicense\b", plain) and MIME in plain:
                found.append(_join(answer.url, target))
    if page is not None:
        found += [_join(page.url, href) for rel, mime, href in page.links if "license" in rel.split() and mime == MIME]
    return tuple(dict.fromkeys(found))


def _join(base: str, link: str) -> str:
    try:
        return urljoin(base, link.strip())
    except ValueError:
        return link


def read(url: str, documents: Iterable[Document], robots_txt: Document) -> SignalReading:
    """What the RSL documents say of training on ``url``; no document is silence."""
    readings = [from_document(document, url) for document in documents]
    for says in ("reserved", "unreadable", "allowed"):
        for reading in readings:
            if reading.says == says:
                return reading
    problem = None if is_absent(robots_txt) else read_problem(robots_txt)
    if problem is not None:
        return SignalReading("rsl", "unreadable", robots_txt.url, problem)
    return readings[0] if readings else SignalReading("rsl", "silent", robots_txt.url)


def from_document(document: Document, url: str) -> SignalReading:
    """What one RSL document says. One that is pointed to and missing is not silence: it is unreadable."""
    where, problem = document.url, read_problem(document)
    if problem is not None or is_absent(document):
        return SignalReading("rsl", "unreadable", where, problem or f"the server answered {document.status}")
    text = decode_utf8(document.body)
    if text is None or "<!" in text.replace("<!--", "").replace("<![CDATA[", ""):
        return SignalReading("rsl", "unreadable", where, "it is not plain XML: not UTF-8, or with a DOCTYPE")
    try:
        top = ElementTree.fromstring(document.body)
        if _local(top) != "rsl":
            return SignalReading("rsl", "unreadable", where, f"it is not an RSL document but {top.tag!r}")
        contents = [*_named(top, "content", deep=True)]
        readings = [_read_content(content, where) for content in contents if _covers(content, where, url)]
    except (ElementTree.ParseError, ValueError, LookupError, RecursionError) as error:
        return SignalReading("rsl", "unreadable", where, f"it is not XML: {error}")
    if not contents:
        return SignalReading("rsl", "unreadable", where, "it has no content element")
    for says in ("reserved", "unreadable", "allowed"):
        for reading in readings:
            if reading.says == says == "allowed" and top.tag != f"{{{NAMESPACE}}}rsl":
                return SignalReading("rsl", "unreadable", where, f"{top.tag!r} is not of the namespace of RSL")
            if reading.says == says:
                return reading
    return SignalReading("rsl", "silent", where)


def _local(element: ElementTree.Element) -> str:
    """An element's name without its namespace, in lower case."""
    return element.tag.rpartition("}")[2].lower() if isinstance(element.tag, str) else ""


def _named(element: ElementTree.Element, name: str, deep: bool = False) -> Iterator[ElementTree.Element]:
    """The children (or all descendants) of a name, in whatever namespace."""
    return (item for item in (element.iter() if deep else element) if _local(item) == name)


def _attribute(element: ElementTree.Element, name: str, default: str = "") -> str:
    """An attribute, in whatever namespace."""
    found = (value for key, value in element.attrib.items() if key.rpartition("}")[2].lower() == name)
    return next(found, default).strip()


def _covers(content: ElementTree.Element, base: str, url: str) -> bool:
    """Whether a content element is about a URL; where that is not clear it is."""
    pattern = _attribute(content, "url")
    if not pattern:
        return True
    try:
        whole = urljoin(base, pattern)
        there, here = urlsplit(whole), urlsplit(url)
        hosts = (there.hostname or "", here.hostname or "")
        if "*" in hosts[0]:
            # "*.films.example" may be meant with or without the bare domain.
            same = fnmatchcase(hosts[1], hosts[0]) or fnmatchcase(f".{hosts[1]}", hosts[0])
        else:
            bare = urlsplit(whole.replace("://www.", "://", 1)).geturl()  # www. mostly is the same site
            same = not there.netloc or same_host(bare, url.replace("://www.", "://", 1))
    except ValueError:
        return True
    path = (there.path or "/") + (f"?{there.query}" if there.query else "")
    return same and robots.matches(path, robots.path_of(url))


def _read_content(content: ElementTree.Element, where: str) -> SignalReading:
    licences = [*_named(content, "license")]
    text = " ".join(ElementTree.tostring(content, encoding="unicode").split())
    text = re.sub(r"ns0:|:ns0", "", text)
    if not licences:
        return SignalReading("rsl", "reserved" if _attribute(content, "server") else "silent", where, text)
    offers = [_read_licence(licence) for licence in licences]
    # Licences beside each other are offers to choose from; a prohibition in one of them is heeded all the same.
    for says in _CHOICES:
        if says in offers:
            return SignalReading("rsl", says, where, text)
    return SignalReading("rsl", "silent", where, text)


def _read_licence(licence: ElementTree.Element) -> Says:
    permits, prohibits = [*_named(licence, "permits")], [*_named(licence, "prohibits")]
    usages = [_tokens(item) for item in permits if _attribute(item, "type", "usage") == "usage"]
    if any(_attribute(item, "type", "usage") != "usage" for item in (*permits, *prohibits)):
        return "reserved"
    if any(_tokens(item) & (TRAINING | OTHER_WORDS) for item in prohibits):
        return "reserved"
    if any(PROHIBITION.match(_local(item)) for item in licence):
        return "unreadable"
    payments = _named(licence, "payment")
    if any(_attribute(payment, "type").lower() not in FREE for payment in payments):
        return "reserved"
    if not usages:
        return "silent"
    return "allowed" if any(usage & TRAINING for usage in usages) else "reserved"


def _tokens(item: ElementTree.Element) -> set[str]:
    """The words of an element, those of its children too."""
    return set(re.split(r"[\s,;|]+", " ".join(item.itertext()).strip().lower()))
