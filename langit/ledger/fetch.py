"""Footage from the web, with its site's preferences at that moment: headers, robots.txt, tdmrep.json, RSL.

Everything is kept as evidence and read at once, so that a preference is judged as it was when the footage was fetched.
robots.txt is heeded: what it bars is not downloaded. A document that cannot be read permits nothing: the footage is
recorded as unknown, and policies refuse it. Fetching never grants a licence: the caller states one, or there is none.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

from langit.config import canonical
from langit.ledger.derived import Drop
from langit.ledger.download import FetchLimits, download, fetch_document, normalize_url
from langit.ledger.record import Rights, Signal, Source
from langit.ledger.rights import Revocations
from langit.ledger.signals import Document, SignalReading, aipref, cawg, media, noai, page, robots, rsl, tdmrep
from langit.ledger.store import Ledger
from langit.ledger.synthetic import ModelOutput, find_model_output, why_not_footage

READER = "langit-signals-1"
"""The version of the readers, on record with what they read."""
Report = Callable[[str], None]
UNSAFE = re.compile(r"[^\w.-]+")


@dataclass(frozen=True)
class FetchResult:
    """One URL: the file and its source's digest, or the problem in words; ``made_by`` is the model that made it."""

    url: str
    file: Path | None = None
    source: str | None = None
    signals: tuple[Signal, ...] = ()
    problem: str | None = None
    made_by: str | None = None


def fetch(
    ledger: Ledger,
    urls: Iterable[str],
    folder: Path,
    report: Report | None = None,
    licence: str | None = None,
    creator: str | None = None,
    title: str | None = None,
    found_on: str | None = None,
    limits: FetchLimits | None = None,
    why_barred: Callable[[Path], str | None] | None = None,
    find_mark: Callable[[Path], ModelOutput | None] | None = None,
) -> list[FetchResult]:
    """Download footage into a folder and enter it with its evidence, one URL after another.

    A URL that fails is reported, and the next one is tried. Footage that is in the ledger already under the same URL
    and content gets no second source, but a new reading of its signals is added.

    Args:
        ledger: where to enter it.
        urls: of http or https.
        folder: where files go; it is created.
        report: called with a line about each URL.
        licence: an SPDX expression that the caller vouches for; ``None`` leaves the rights unknown.
        creator: creator of the footage.
        title: title of the footage; the URL's last part if left out.
        found_on: a web page that offers the footage, whose own signals count too.
        limits: of time, size and networks.
        why_barred: called with each file: why it may not be entered, or ``None``; for take-downs by looks.
        find_mark: called with each file of which nothing else says that a model made it: what its watermark says.

    Raises:
        OSError: the folder or the ledger cannot be written.
    """
    site, stated = _Site(limits or FetchLimits()), _Stated(licence, creator, title, found_on, why_barred, find_mark)
    done: list[FetchResult] = []
    for url in urls:
        try:
            got = _one(ledger, normalize_url(url), folder, site, stated)
        except ValueError as error:
            got = FetchResult(url, problem=str(error))
        done.append(got)
        if report is not None:
            made = f", made by {got.made_by}" if got.made_by else ""
            report(f"{url}: {got.problem or f'{got.file}{made}'}")
    return done


@dataclass(frozen=True)
class _Stated:
    """What the caller says of all footage of a call, and asks of each file."""

    licence: str | None
    creator: str | None
    title: str | None
    found_on: str | None
    why_barred: Callable[[Path], str | None] | None
    find_mark: Callable[[Path], ModelOutput | None] | None


class _Site:
    """Documents of sites, each fetched once in a call, so that all footage of a site is judged by the same words."""

    def __init__(self, limits: FetchLimits) -> None:
        self.limits = limits
        self._known: dict[str, Document] = {}

    def get(self, url: str) -> Document:
        if url not in self._known:
            self._known[url] = fetch_document(url, self.limits)
        return self._known[url]

    def robots(self, url: str) -> Document:
        return self.get(urljoin(url, "/robots.txt"))

    def may(self, url: str) -> str | None:
        return robots.why_barred(self.robots(url), url)


def _one(ledger: Ledger, url: str, folder: Path, site: _Site, stated: _Stated) -> FetchResult:
    partial = folder / f".{hashlib.sha256(url.encode()).hexdigest()[:16]}.fetched"
    try:
        return _enter(ledger, url, folder, partial, site, stated)
    finally:
        partial.unlink(missing_ok=True)


def _enter(ledger: Ledger, url: str, folder: Path, partial: Path, site: _Site, stated: _Stated) -> FetchResult:
    revoked = Revocations.of(ledger.revocations())

    def may(here: str) -> str | None:
        taken = revoked.of_address(here)  # of every step, so that a redirect to it is refused as well
        return site.may(here) if taken is None else f"{here} was revoked at {taken.revoked_at}"

    got = download(url, partial, may, site.limits)
    if got.content_sha256 is None:
        problem = got.refused or got.answer.problem or f"the server answered {got.answer.status}"
        return FetchResult(url, problem=f"not fetched: {problem}")
    kind = " ".join(got.answer.header("content-type")).lower()
    if kind.startswith(("text/html", "application/xhtml")):
        return FetchResult(
            url, problem="it is a web page, not footage: give the URL of the file, and the page by --found-on"
        )
    why = why_not_footage(partial) or (stated.why_barred(partial) if stated.why_barred is not None else None)
    if why is not None:
        ledger.add([Drop(stage="fetch", reason="refused", detail=why, title=stated.title or _name(url))])
        return FetchResult(url, problem=f"refused: {why}")
    when = datetime.now(UTC).isoformat(timespec="seconds")
    found = _read(got.answer, got.chain, partial, site, stated.found_on)
    kept = {name: ledger.evidence.put(data) for name, data in found.evidence.items()}
    output = find_model_output(partial, got.content_sha256, ledger.outputs(), found.evidence.get("c2pa"))
    if output is None and stated.find_mark is not None:
        output = stated.find_mark(partial)
    old = [source for source in ledger.sources() if source.url == url and source.content_sha256 == got.content_sha256]
    source = (
        old[0]
        if old
        else Source(
            kind="fetched" if output is None else "synthetic",
            title=stated.title or _name(url),
            content_sha256=got.content_sha256,
            creator=stated.creator,
            licence=stated.licence,
            generator=None if output is None else output.made_by,
            url=url,
            fetched_at=when,
            evidence=tuple(dict.fromkeys(kept.values())),
            parents=() if output is None else output.parents,
        )
    )
    signals = tuple(
        Signal(
            source=source.digest,
            scheme=reading.scheme,
            says=reading.says,
            where=reading.where,
            read_at=when,
            reader=READER,
            text=reading.text,
            evidence=tuple(dict.fromkeys(kept[name] for name in names if name in kept)),
        )
        for reading, names in found.readings
    )
    file = folder / f"{got.content_sha256[:12]}-{_name(url)}"
    partial.replace(file)
    later = [] if not old or not stated.licence else [Rights(source.digest, when, stated.licence, stated.creator)]
    ledger.add([source, *later, *signals])
    return FetchResult(url, file, source.digest, signals, made_by=source.generator)


@dataclass(frozen=True)
class _Readings:
    """Each reading with the names of its evidence, and the evidence by name."""

    readings: tuple[tuple[SignalReading, tuple[str, ...]], ...]
    evidence: dict[str, bytes]


def _read(answer: Document, chain: tuple[str, ...], file: Path, site: _Site, found_on: str | None) -> _Readings:
    """Read all signals on a file, for each URL that led to it and for the page that offers it."""
    evidence = {answer.url: _evidence_bytes(answer)}
    readings: list[tuple[SignalReading, tuple[str, ...]]] = []
    offering = None if found_on is None else site.get(normalize_url(found_on))
    html = None if offering is None else page.read(offering)
    for here in dict.fromkeys((*chain, *(() if found_on is None else (normalize_url(found_on),)))):
        robots_txt, well_known = site.robots(here), site.get(urljoin(here, tdmrep.WELL_KNOWN))
        about = answer if here == answer.url else offering if offering is not None and here not in chain else None
        about = about or Document(here, 200)
        licences = [site.get(link) for link in rsl.links(about, robots_txt, html)]
        ai_txt, inside = site.get(urljoin(here, noai.AI_TXT)), rsl.in_page(html)
        about_ai = noai.read_ai_txt(ai_txt, here)
        kept = (robots_txt, well_known, *([ai_txt] if about_ai.says != "silent" else []))
        for document in (*kept, *licences, *([offering] if offering is not None else [])):
            evidence[document.url] = _evidence_bytes(document)
        readings += [
            (robots.read(robots_txt, here), (robots_txt.url,)),
            (aipref.read(here, about, robots_txt), (about.url, robots_txt.url)),
            (tdmrep.read(here, about, well_known, html), (about.url, well_known.url)),
            (
                rsl.read(here, (*licences, *inside), robots_txt),
                (robots_txt.url, *(licence.url for licence in licences)),
            ),
            (noai.read(about, html), (about.url, *(() if html is None else (html.url,)))),
            *([(about_ai, (ai_txt.url,))] if about_ai.says != "silent" else []),
        ]
    reading, manifests = cawg.read(file)
    if manifests is not None:
        evidence["c2pa"] = manifests
    readings += [(reading, ("c2pa",)), *((found, ()) for found in media.read(file))]
    return _Readings(tuple(dict.fromkeys(readings)), evidence)


def _evidence_bytes(document: Document) -> bytes:
    """A document as evidence: the request and the answer's head as JSON, an empty line, and the body as it came."""
    head = {"url": document.url, "status": document.status, "headers": document.headers, "whole": document.whole}
    return canonical(head | ({"problem": document.problem} if document.problem else {})) + b"\n\n" + document.body


def _name(url: str) -> str:
    """A file's name from a URL: letters and digits of any script, no path, not hidden, not too long."""
    last = unquote(urlsplit(url).path.rstrip("/").rsplit("/", 1)[-1])
    stem, dot, ending = UNSAFE.sub("_", last).strip("._").rpartition(".")
    return (f"{stem[:60]}.{ending[:10]}" if dot else ending[:60]) or "footage"
