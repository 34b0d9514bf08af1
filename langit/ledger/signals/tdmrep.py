"""TDMRep (W3C Community Group, 10 May 2024): ``/.well-known/tdmrep.json``, headers, and meta elements of a page.

What stands closer to the work overrides what stands further away: file, then headers, then the page. Only a readable
word overrides: what is unreadable leaves a reservation standing. Knows nothing of the network.
"""

from __future__ import annotations

import json
from typing import Any

from langit.ledger.signals.page import Page
from langit.ledger.signals.reading import Document, SignalReading, decode_utf8, is_absent, read_problem
from langit.ledger.signals.robots import matches, path_of

WELL_KNOWN = "/.well-known/tdmrep.json"


def read(url: str, answer: Document, well_known: Document, page: Page | None = None) -> SignalReading:
    """What TDMRep says of ``url``."""
    readings = [from_file(well_known, url), from_headers(answer)]
    if page is not None:
        readings.append(from_page(page))
    said = [reading for reading in readings if reading.says != "silent"]
    if not said:
        return readings[0]
    last = said[-1]
    if last.says != "unreadable" and any(reading.says == "unreadable" for reading in said) and last.says == "allowed":
        return next(reading for reading in said if reading.says == "unreadable")
    if last.says == "unreadable":
        return next((reading for reading in said if reading.says == "reserved"), last)
    return last


def from_file(document: Document, url: str) -> SignalReading:
    """The first rule whose location matches."""
    where = document.url
    if is_absent(document):
        return SignalReading("tdmrep", "silent", where, f"the server answered {document.status}")
    problem = read_problem(document)
    if problem is not None:
        return SignalReading("tdmrep", "unreadable", where, problem)
    text = decode_utf8(document.body)
    try:
        rules: Any = None if text is None else json.loads(text)
    except (ValueError, RecursionError):
        rules = None
    if not isinstance(rules, list) or not all(_is_rule(rule) for rule in rules):
        return SignalReading(
            "tdmrep", "unreadable", where, "it is no list of locations with a tdm-reservation of 0 or 1"
        )
    for rule in rules:
        if matches(_path(rule["location"]), path_of(url)):
            said = json.dumps(rule, ensure_ascii=False)
            return SignalReading("tdmrep", "reserved" if rule["tdm-reservation"] == 1 else "allowed", where, said)
    return SignalReading("tdmrep", "silent", where)


def _is_rule(rule: object) -> bool:
    if not isinstance(rule, dict) or not isinstance(rule.get("location"), str):
        return False
    value = rule.get("tdm-reservation")
    return isinstance(value, int) and not isinstance(value, bool) and value in (0, 1)


def _path(location: str) -> str:
    return location if location.startswith(("/", "*")) else "/" + location


def from_headers(answer: Document) -> SignalReading:
    """``tdm-reservation`` among the headers; any reservation wins over other values."""
    values = [part.strip() for value in answer.header("tdm-reservation") for part in value.split(",")]
    return _value(values, answer.url, "tdm-reservation: " + ", ".join(values))


def from_page(page: Page) -> SignalReading:
    """``<meta name="tdm-reservation">`` of a page."""
    values = [value.strip() for value in page.metas("tdm-reservation")]
    return _value(values, page.url, f"<meta name=tdm-reservation content={', '.join(values)}>")


def _value(values: list[str], where: str, text: str) -> SignalReading:
    if not values:
        return SignalReading("tdmrep", "silent", where)
    if "1" in values:
        return SignalReading("tdmrep", "reserved", where, text)
    return SignalReading("tdmrep", "allowed" if set(values) == {"0"} else "unreadable", where, text)
