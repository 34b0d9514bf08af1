"""URLs to documents and files, over HTTP and HTTPS, with limits on everything.

Whatever goes wrong becomes part of the answer (a status, or a problem in words), so that callers can record it.
Redirects are followed one by one, and every address is checked like the first: against the rules of its site by the
caller, and by ``network`` for whether it is public. Knows nothing of rights.
"""

from __future__ import annotations

import hashlib
import http.client
import ipaddress
import os
import secrets
import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import quote, unquote, urljoin, urlsplit, urlunsplit

import langit
from langit.ledger.network import open_url
from langit.ledger.signals import Document

AGENT = f"langit/{langit.__version__} (gathers training data; heeds robots.txt)"
REDIRECTS = 5
PIECE = 1 << 18
FAILURES = (OSError, http.client.HTTPException, ValueError, ssl.SSLError)
"""What is raised for URLs that cannot be fetched; timeouts are ``OSError``."""


@dataclass(frozen=True)
class FetchLimits:
    """Seconds of silence and in all, bytes of a document on rights and of a file, private networks (CIDR) permitted."""

    seconds: float = 30.0
    total: float = 3600.0
    document: int = 1 << 20
    footage: int = 8 << 30
    networks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for network in self.networks:
            try:
                ipaddress.ip_network(network)
            except ValueError as error:
                raise ValueError(f"network {network!r} is not one ({error}): write it as 10.1.0.0/16") from error


def normalize_url(url: str) -> str:
    """A URL with what may not stand in it encoded, and without a fragment.

    Raises:
        ValueError: not http or https, without a host, or with a name and password.
    """
    try:
        parts = urlsplit(url.strip())
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port is not None else ""
        # IDNA also maps full-width digits and dots to ASCII, so that what is judged is what is connected to.
        host = f"[{host}]" if ":" in host else host.encode("idna").decode()
    except ValueError as error:
        raise ValueError(f"{url!r} is not a URL ({error}): give one of http or https") from error
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError(f"{url!r} is not a URL that can be fetched: give one of http or https")
    if parts.username or parts.password:
        raise ValueError(f"{url!r} has a name or a password: leave them out, the ledger would publish them")
    path = quote(_without_dots(parts.path or "/"), safe="/%:@!$&'()*+,;=~-._")
    query = quote(parts.query, safe="/%:@!$&'()*+,;=~-._?")
    return urlunsplit((parts.scheme, host + port, path, query, ""))


def _without_dots(path: str) -> str:
    """A path without "." and ".." (RFC 3986, 5.2.4): rules are about the path that the server takes."""
    kept: list[str] = []
    for part in path.split("/")[1:]:
        plain = unquote(part)
        if plain == "..":
            del kept[-1:]
        elif plain != ".":
            kept.append(part)
    return "/" + "/".join([*kept, ""] if unquote(path.rpartition("/")[2]) in (".", "..") and kept else kept)


def fetch_document(url: str, limits: FetchLimits) -> Document:
    """A document on rights; redirects are followed, also to other hosts, as RFC 9309 wants for robots.txt."""
    headers: tuple[tuple[str, str], ...] = ()
    here = url
    for _ in range(REDIRECTS + 1):
        try:
            here = normalize_url(here)
            with _open(here, limits) as answer:
                status, headers = answer.status, _headers(answer)
                target = answer.headers.get("Location")
                if 300 <= status < 400 and target:
                    here = urljoin(here, target)
                    continue
                body = b"".join(_pieces(answer, limits.document))
                whole, problem = len(body) <= limits.document, None
                if not whole:
                    problem = f"it is longer than {limits.document} bytes"
                elif _is_cut(answer, len(body)):
                    whole, problem = False, "the answer broke off"
                return Document(url, status, headers, body[: limits.document], whole, problem)
        except FAILURES as error:
            return Document(url, None, headers, problem=_error_text(error))
    return Document(url, None, headers, problem=f"more than {REDIRECTS} redirects")


@dataclass(frozen=True)
class Download:
    """What a URL gave: the answer (without its body), the URLs on the way, and the file's hash if it is whole.

    ``refused`` is why ``may`` refused a URL; ``chain`` holds every URL that was requested, in order.
    """

    answer: Document
    chain: tuple[str, ...]
    content_sha256: str | None = None
    refused: str | None = None


def download(url: str, file: Path, may: Callable[[str], str | None], limits: FetchLimits) -> Download:
    """Download a URL into a file, which appears whole or not at all.

    Args:
        url: normalized.
        file: where to.
        may: called with each URL, redirects too, before it is requested: why not, or ``None``.
        limits: of time, size and networks.
    """
    chain = [url]
    for _ in range(REDIRECTS + 1):
        here = chain[-1]
        why = may(here)
        if why is not None:
            return Download(Document(here, None, problem=why), tuple(chain), refused=why)
        headers: tuple[tuple[str, str], ...] = ()
        try:
            with _open(here, limits) as answer:
                headers, target = _headers(answer), answer.headers.get("Location")
                if 300 <= answer.status < 400 and target:
                    chain.append(normalize_url(urljoin(here, target)))
                    continue
                if answer.status != 200:
                    return Download(Document(here, answer.status, headers), tuple(chain))
                digest, problem = _save(answer, file, limits)
                found = Document(here, 200, headers, whole=problem is None, problem=problem)
                return Download(found, tuple(chain), digest)
        except FAILURES as error:
            return Download(Document(here, None, headers, problem=_error_text(error)), tuple(chain))
    return Download(Document(chain[-1], None, problem=f"more than {REDIRECTS} redirects"), tuple(chain))


def _save(answer: http.client.HTTPResponse, file: Path, limits: FetchLimits) -> tuple[str | None, str | None]:
    """The hash of what was saved, or why nothing was."""
    promised = answer.headers.get("Content-Length", "")
    if promised.isdecimal() and int(promised) > limits.footage:
        return None, f"it has {promised} bytes, more than {limits.footage}"
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{secrets.token_hex(8)}.part")
    sha256, size = hashlib.sha256(), 0
    try:
        with partial.open("wb") as opened:
            for piece in _pieces(answer, limits.footage):
                size += len(piece)
                if size > limits.footage:
                    return None, f"it has more than {limits.footage} bytes"
                sha256.update(piece)
                opened.write(piece)
            if _is_cut(answer, size):
                return None, f"the answer broke off after {size} of {promised} bytes"
            if size == 0:
                return None, "it is empty"
            _flush(opened)
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)
    return sha256.hexdigest(), None


def _pieces(answer: http.client.HTTPResponse, most: int) -> Iterator[bytes]:
    """The body as it arrives, until it is longer than ``most``. Time is limited by ``network.open_url``."""
    size = 0
    while size <= most and (piece := answer.read1(PIECE)):
        size += len(piece)
        yield piece


def _is_cut(answer: http.client.HTTPResponse, size: int) -> bool:
    """Whether fewer bytes came than were promised."""
    promised = answer.headers.get("Content-Length", "")
    return promised.isdecimal() and size < int(promised)


def _flush(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _open(url: str, limits: FetchLimits) -> AbstractContextManager[http.client.HTTPResponse]:
    return open_url(url, AGENT, limits.seconds, limits.total, limits.networks)


def _headers(answer: http.client.HTTPResponse) -> tuple[tuple[str, str], ...]:
    return tuple((str(key), str(value)) for key, value in answer.headers.items())


def _error_text(error: BaseException) -> str:
    reason = getattr(error, "reason", None) or error
    return str(reason) or type(error).__name__
