"""Which URLs name one document? For take-downs, which must not be escaped by another spelling of an address.

Only compares spellings: follows no redirect and asks no network.
"""

from __future__ import annotations

import posixpath
from urllib.parse import unquote, urlsplit

DEFAULT_PORTS = (80, 443)


def comparable_address(url: str) -> str:
    """A URL's spelling for comparison: equal for addresses that lead to one document.

    Left out are what servers do not see or most do not tell apart: http or https, the port where it is a default, a
    name and password, upper case and a final dot in the host, "." and ".." and a final "/" in the path, what is
    percent-encoded without need, and the fragment. A take-down rather bars a neighbour than misses a spelling.
    """
    text = url.strip()
    try:
        parts = urlsplit(text)
        host, port = (parts.hostname or "").rstrip("."), parts.port
        if host and ":" not in host:
            host = host.encode("idna").decode()
    except ValueError:
        return text  # no URL that could be fetched; it is compared as it stands
    if parts.scheme not in ("http", "https") or not host:
        return text
    place = host if port is None or port in DEFAULT_PORTS else f"{host}:{port}"
    path = posixpath.normpath("/" + unquote(parts.path).lstrip("/")).rstrip("/")
    query = f"?{unquote(parts.query)}" if parts.query else ""
    return f"{place}{path}{query}"
