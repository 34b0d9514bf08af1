"""RSL 1.0: XML licences that robots.txt (``License:``), a ``Link`` header or a page's link element points to.

Only the part on training is read. What is not permitted is reserved, and so is what is permitted for payment, or to
some people, since nobody here pays or asks. Knows nothing of the network.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urljoin, urlsplit
from xml.etree import ElementTree

from langit.ledger.record import Says
from langit.ledger.signals import robots
from langit.ledger.signals.page import Page
from langit.ledger.signals.reading import Document, SignalReading, decode_utf8, is_absent, read_problem

NAMESPACE = "{https://rslstandard.org/rsl}"
MIME = "application/rsl+xml"
TRAINING = frozenset({"all", "ai-all", "ai-train"})
FREE = frozenset({"free"})
_CHOICES: tuple[Says, ...] = ("reserved", "allowed")
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
    """What one RSL document says. That it is pointed to and not there is no silence: it is unreadable."""
    where, problem = document.url, read_problem(document)
    if problem is not None or is_absent(document):
        return SignalReading("rsl", "unreadable", where, problem or f"the server answered {document.status}")
    text = decode_utf8(document.body)
    if text is None or "<!" in text.replace("<!--", "").replace("<![CDATA[", ""):
        return SignalReading("rsl", "unreadable", where, "it is no plain XML: not UTF-8, or with a DOCTYPE")
    try:
        top = ElementTree.fromstring(document.body)
        if top.tag != f"{NAMESPACE}rsl":
            return SignalReading("rsl", "unreadable", where, f"it is no RSL document but {top.tag!r}")
        readings = [
            _content(content, where) for content in top.iter(f"{NAMESPACE}content") if _covers(content, where, url)
        ]
    except (ElementTree.ParseError, ValueError, LookupError, RecursionError) as error:
        return SignalReading("rsl", "unreadable", where, f"it is no XML: {error}")
    for says in ("reserved", "unreadable", "allowed"):
        for reading in readings:
            if reading.says == says:
                return reading
    return SignalReading("rsl", "silent", where)


def _covers(content: ElementTree.Element, base: str, url: str) -> bool:
    pattern = content.get("url", "").strip()
    if not pattern:
        return True
    try:
        there, here = urlsplit(urljoin(base, pattern)), urlsplit(url)
    except ValueError:
        return True
    if there.netloc and there.netloc.lower() != here.netloc.lower():
        return False
    return robots.matches((there.path or "/") + (f"?{there.query}" if there.query else ""), robots.path_of(url))


def _content(content: ElementTree.Element, where: str) -> SignalReading:
    licences = content.findall(f"{NAMESPACE}license")
    said = " ".join(ElementTree.tostring(content, encoding="unicode").split())
    said = re.sub(r"ns0:|:ns0", "", said)
    if not licences:
        return SignalReading("rsl", "reserved" if content.get("server") else "silent", where, said)
    offers = [_licence(licence) for licence in licences]
    # Licences beside each other are offers to choose from; a prohibition in one of them is heeded all the same.
    for says in _CHOICES:
        if says in offers:
            return SignalReading("rsl", says, where, said)
    return SignalReading("rsl", "silent", where, said)


def _licence(licence: ElementTree.Element) -> Says:
    permits, prohibits = licence.findall(f"{NAMESPACE}permits"), licence.findall(f"{NAMESPACE}prohibits")
    usages = [_tokens(item) for item in permits if item.get("type", "usage") == "usage"]
    if any(item.get("type", "usage") != "usage" for item in (*permits, *prohibits)):
        return "reserved"
    if any(_tokens(item) & TRAINING for item in prohibits):
        return "reserved"
    payments = licence.findall(f"{NAMESPACE}payment")
    if any(payment.get("type", "").strip().lower() not in FREE for payment in payments):
        return "reserved"
    if not usages:
        return "silent"
    return "allowed" if any(usage & TRAINING for usage in usages) else "reserved"


def _tokens(item: ElementTree.Element) -> set[str]:
    return set(re.split(r"[\s,]+", (item.text or "").strip().lower()))
