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
    letters_of,
    read_problem,
    same_host,
)

NAMESPACE = "https://rslstandard.org/rsl"
MIME = "application/rsl+xml"
TRAINING = frozenset({"all", "ai-all", "ai-train"})
PROHIBITED = frozenset({"all", "aiall", "aitrain", "ai", "aitraining", "genai", "tdm", "train", "trainai", "training"})
"""The same without hyphens, and words of other vocabularies for training: they prohibit, and permit nothing."""
PROHIBITION = re.compile(r"(?!prohibits$)(prohibit|forbid|den(y|ies)|disallow|reserve|restrict)")
"""Names that no element has, of elements that are meant to prohibit."""
FREE = frozenset({"free"})
LICENCE = ("license", "licence")
UNSURE = re.compile(r"[\[\](){}|^+\\<>\s]|\*\*|\$.")
"""What a URL pattern has that was meant as some other kind of pattern, or as several."""
_CHOICES: tuple[Says, ...] = ("reserved", "unreadable", "allowed")
LINK = re.compile(r"<([^<>]*)>((?:\s*;\s*[\w*-]+\s*(?:=\s*(?:\"[^\"]*\"|[^\",;\s]+))?)*)")


def links(answer: Document, robots_txt: Document, page: Page | None = None) -> tuple[str, ...]:
    """The URLs of all RSL documents that are pointed to, each once."""
    found: list[str] = []
    groups = robots.parse(robots_txt.body) if read_problem(robots_txt) is None and not is_absent(robots_txt) else None
    for group in groups or ():
        named = [part for rule in group.rules if rule.field == "license" for part in re.split(r"[\s,]+", rule.value)]
        found += [_join(robots_txt.url, part.strip("<>\"'")) for part in named if part]
    for value in answer.header("link"):
        for target, parameters in LINK.findall(value):
            plain = parameters.lower().replace('"', "").replace(" ", "")
            is_rsl = (
                MIME in plain or (";type=" not in plain and target.lower().endswith(".xml")) or "rsl" in target.lower()
            )
            if re.search(r";rel=[^;]*\blicense\b", plain) and is_rsl:
                found.append(_join(answer.url, target))
    if page is not None:
        found += [
            _join(page.url, href)
            for rel, mime, href in page.links
            if "license" in rel.split() and (mime.startswith(MIME) or "rsl" in href.lower())
        ]
    return tuple(dict.fromkeys(found))


def in_page(page: Page | None) -> tuple[Document, ...]:
    """RSL documents that a page holds itself, in script elements."""
    texts = [text for kind, text in page.scripts if kind.startswith(MIME)] if page is not None else []
    where = f"{page.url}#rsl" if page is not None else ""
    # The page was read as Latin-1, so that this gives its bytes back.
    return tuple(Document(where, 200, body=text.strip().encode("latin-1", "replace")) for text in texts)


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
        readings += _misplaced(top, contents, where)
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


def _misplaced(top: ElementTree.Element, contents: list[ElementTree.Element], where: str) -> Iterator[SignalReading]:
    """Prohibitions that stand where RSL has none, so that what they are about is not clear."""
    proper = {id(item) for content in contents for licence in _named(content, *LICENCE) for item in licence}
    for item in top.iter():
        words = [item.tag, *item.attrib, *item.attrib.values()] if isinstance(item.tag, str) else []
        names = [word.rpartition("}")[2].lower() for word in words]
        if id(item) not in proper and any(name == "prohibits" or PROHIBITION.match(name) for name in names):
            yield SignalReading(
                "rsl", "unreadable", where, f"<{names[0]}> prohibits something, but not where RSL has it"
            )


def _local(element: ElementTree.Element) -> str:
    """An element's name without its namespace, in lower case."""
    return element.tag.rpartition("}")[2].lower() if isinstance(element.tag, str) else ""


def _named(element: ElementTree.Element, *names: str, deep: bool = False) -> Iterator[ElementTree.Element]:
    """The children (or all descendants) of these names, in whatever namespace."""
    return (item for item in (element.iter() if deep else element) if _local(item) in names)


def _attribute(element: ElementTree.Element, name: str, default: str = "") -> str:
    """An attribute, in whatever namespace."""
    found = (value for key, value in element.attrib.items() if key.rpartition("}")[2].lower() == name)
    return next(found, default).strip()


def _covers(content: ElementTree.Element, base: str, url: str) -> bool:
    """Whether a content element is about a URL; where that is not clear it is."""
    pattern = _attribute(content, "url")
    plain = pattern.startswith(("/", "*")) or "://" in pattern
    if not plain or pattern.startswith("//") or UNSURE.search(pattern):
        return True
    pattern, url = pattern.lower(), url.lower()  # some servers tell the cases of letters apart, others do not
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
    licences = [*_named(content, *LICENCE)]
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
    if any(letters_of(word) in PROHIBITED for item in prohibits for word in _tokens(item)):
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
