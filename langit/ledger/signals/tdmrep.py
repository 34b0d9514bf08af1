"""TDMRep (W3C Community Group, 10 May 2024): ``/.well-known/tdmrep.json``, headers, and meta elements of a page.

What is closer to the work overrides what is further away: file, then headers, then the page. Only a statement that can
be read overrides: what cannot be read leaves a reservation standing. Knows nothing of the network.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from langit.ledger.record import Says
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
from langit.ledger.signals.robots import matches, path_of

WELL_KNOWN = "/.well-known/tdmrep.json"
KEYS = frozenset({"location", "tdm-reservation", "tdm-policy"})
RESERVATION = re.compile(r".*tdm(rep)?(reservation)?")
"""Letters of the names under which a reservation is written, rightly or not."""
WHOLE_SITE = frozenset({"", ".", "all", "any", "everything"})
UNSURE = re.compile(r"[\[\](){}|^+\\<>]|\*\*|\$.")
"""What a location has that was meant as some other kind of pattern than TDMRep's, ``*`` and a final ``$``."""


def read(url: str, answer: Document, well_known: Document, page: Page | None = None) -> SignalReading:
    """What TDMRep says of ``url``."""
    readings = [from_file(well_known, url), from_headers(answer)]
    if page is not None:
        readings.append(from_page(page))
    found = [reading for reading in readings if reading.says != "silent"]
    if not found:
        return readings[0]
    closest = found[-1]
    unreadable = next((reading for reading in found if reading.says == "unreadable"), None)
    if closest.says == "allowed" and unreadable is not None:
        return unreadable
    if closest.says == "unreadable":
        return next((reading for reading in found if reading.says == "reserved"), closest)
    return closest


def from_file(document: Document, url: str) -> SignalReading:
    """The first rule whose location matches. A reservation whose location may match leaves it open."""
    where = document.url
    if is_absent(document):
        return SignalReading("tdmrep", "silent", where, f"the server answered {document.status}")
    problem = read_problem(document)
    if problem is not None:
        return SignalReading("tdmrep", "unreadable", where, problem)
    text = decode_utf8(document.body)
    try:
        rules: Any = None if text is None else json.loads(text, object_pairs_hook=_unambiguous)
    except (ValueError, RecursionError):
        rules = None
    if not isinstance(rules, list) or not all(_is_rule(rule) for rule in rules):
        problem = "it is not a list of locations, each with one tdm-reservation of 0 or 1"
        return SignalReading("tdmrep", "unreadable", where, problem)
    doubtful: str | None = None
    for rule in rules:
        words, reserves = json.dumps(rule, ensure_ascii=False), rule["tdm-reservation"] == 1
        covers = _covers(rule["location"], url)
        if covers is None and reserves and doubtful is None:
            doubtful = words
        elif covers and (reserves or doubtful is None):
            return SignalReading("tdmrep", "reserved" if reserves else "allowed", where, words)
        elif covers:
            break  # permitted by this rule, perhaps reserved by the one before it
    if doubtful is not None:
        return SignalReading("tdmrep", "unreadable", where, f"whether this location is meant is not clear: {doubtful}")
    return SignalReading("tdmrep", "silent", where)


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON, unless it has a key twice: parsers differ in which of the two they take."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is there twice")
    return found


def _is_rule(rule: object) -> bool:
    if not isinstance(rule, dict) or not isinstance(rule.get("location"), str):
        return False
    # "TDM_Reservation" beside "tdm-reservation" may be what was meant; which of them counts is not for us to say.
    if any(letters_of(key) in map(letters_of, KEYS) for key in set(rule) - KEYS):
        return False
    value = rule.get("tdm-reservation")
    return isinstance(value, int) and not isinstance(value, bool) and value in (0, 1)


def _covers(location: str, url: str) -> bool | None:
    """Whether a location, a path or a whole URL, covers a URL; ``None`` where that is not clear."""
    location = location.strip()
    if location.lower() in WHOLE_SITE:
        return None
    if "," in location or " " in location:
        found = _covers_exactly(location, url)
        return found if found else None
    covers = _covers_exactly(location, url)
    if covers is False and _may_cover(location, url):
        return None
    return covers


def _may_cover(location: str, url: str) -> bool:
    """Whether a location may have been meant to cover a URL: in another notation, letter case or host name."""
    loose = location.lower().replace("\\", "/").partition("#")[0].replace(".*", "*")
    here, host = url.lower(), (urlsplit(url).hostname or "").lower()
    if "://" in loose or loose.startswith("//"):
        if loose.startswith("//") and matches(loose, path_of(here)):
            return True  # a path with a slash too many
        loose = loose.replace("://www.", "://", 1).replace("//www.", "//", 1)
        return _covers_exactly(loose, here.replace("://www.", "://", 1)) is not False
    first, _, rest = loose.partition("/")
    if "." in first and not first.startswith(("*", ".")):
        names_host = host == first.removeprefix("www.") or f"www.{host}" == first or host.endswith(f".{first}")
        return names_host and matches(f"/{rest}", path_of(here))
    optional = re.sub(r".\?", "", loose)  # "?" in a regular expression: what is before it may be left out
    path = loose.removeprefix(".") if loose.startswith("./") else f"/{loose}" if first and first[0] != "*" else loose
    return matches(path, path_of(here)) or ("?" in loose and matches(optional, path_of(here)))


def _covers_exactly(location: str, url: str) -> bool | None:
    path = location
    if "://" in location or location.startswith("//"):
        try:
            parts = urlsplit(location if "://" in location else f"https:{location}")
        except ValueError:
            return None
        if "*" in parts.netloc:
            return None
        if not same_host(location if "://" in location else f"https:{location}", url):
            return False
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    elif not path.startswith(("/", "*")):
        path = "/" + path
    if matches(path, path_of(url)):
        return True
    if UNSURE.search(path):
        return None
    # "?" may begin a query, or stand for any one character as in file names: of the second TDMRep says nothing.
    glob = ".*".join(re.escape(part).replace(r"\?", ".") for part in path.removesuffix("$").split("*"))
    before_query = path.partition("?")[0]
    if "?" in path and (re.match(glob, path_of(url)) or matches(before_query + "$", path_of(url).partition("?")[0])):
        return None
    return False


def from_headers(answer: Document) -> SignalReading:
    """``tdm-reservation`` among the headers; any reservation wins over other values."""
    values = [part.strip() for value in answer.header("tdm-reservation") for part in value.split(",")]
    return _from_values(values, _strange(answer.headers), answer.url, "tdm-reservation: " + ", ".join(values))


def from_page(page: Page) -> SignalReading:
    """``<meta name="tdm-reservation">`` of a page."""
    values = [value.strip() for value in page.metas("tdm-reservation")]
    strange = _strange((*page.meta, *((rel, href) for rel, _, href in page.links)))
    return _from_values(values, strange, page.url, f"<meta name=tdm-reservation content={', '.join(values)}>")


def _strange(named: Iterable[tuple[str, str]]) -> tuple[str, str] | None:
    """A name and a value that are meant as a reservation and not written as one; a policy alone is such."""
    for name, value in named:
        letters = letters_of(name)
        if name.lower() != "tdm-reservation" and (RESERVATION.fullmatch(letters) or letters == "tdmpolicy"):
            return name, value.strip()
    return None


def _from_values(values: list[str], strange: tuple[str, str] | None, where: str, text: str) -> SignalReading:
    if not values:
        if strange is None:
            return SignalReading("tdmrep", "silent", where)
        says: Says = "reserved" if strange[1] == "1" else "unreadable"
        return SignalReading("tdmrep", says, where, ": ".join(strange))
    if "1" in values:
        return SignalReading("tdmrep", "reserved", where, text)
    return SignalReading("tdmrep", "allowed" if set(values) == {"0"} else "unreadable", where, text)
