"""Who calls: a key in the header, a browser's session, or anybody on this machine while there are no keys.

Without keys the server listens on loopback alone, and a browser is the danger: any page may send it requests, or give a
name of its own the address 127.0.0.1. So the Host header must name this machine, and requests of other sites' pages are
refused, as they are for sessions.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import urlsplit

from fastapi import Depends, Request, Response
from fastapi.security import HTTPBearer

from langit.serve.errors import ApiError
from langit.serve.settings import LOCAL_NAMES, Limits, ServeSettings

if TYPE_CHECKING:
    from langit.serve.app import Services

LOCAL: Final = "local"
"""The owner of everything while there are no keys."""
COOKIE: Final = "langit_session"
SESSION: Final = 7 * 86_400
"""Seconds for which a browser stays logged in."""
SCHEME: Final = HTTPBearer(auto_error=False, description="An API key: langit serve keys add NAME")


@dataclass(frozen=True)
class Caller:
    """Who calls. ``owner`` is the key's id; everything is stored and looked up under it."""

    owner: str
    name: str
    limits: Limits


def services_of(request: Request) -> Services:
    """The services of the application."""
    found: Services = request.app.state.services
    return found


def find_caller(request: Request, _: Annotated[object, Depends(SCHEME)]) -> Caller:
    """Who calls, with the request counted against their rate.

    Raises:
        ApiError: nobody who may; or too often.
    """
    services = services_of(request)
    caller = _identify(request, services)
    request.state.owner = caller.owner  # for the log
    services.rates.take(f"key {caller.owner}", caller.limits.requests_per_minute)
    return caller


def count_public(request: Request) -> None:
    """Count a request that needs no account against its address' rate.

    Raises:
        ApiError: too often, or from another site's page.
    """
    services = services_of(request)
    check_site(request, services.settings)
    address = request.client.host if request.client else "unknown"
    services.rates.take(f"address {address}", services.settings.limits.public_per_minute)


AnyCaller = Annotated[Caller, Depends(find_caller)]
"""A parameter of every endpoint that needs a key."""


def _identify(request: Request, services: Services) -> Caller:
    header = request.headers.get("authorization", "")
    scheme, _, secret = header.partition(" ")
    general = services.settings.limits
    if services.is_open:
        # Clients that insist on a key may send any.
        check_host(request, services.settings)
        check_site(request, services.settings)
        return Caller(LOCAL, LOCAL, general)
    if scheme.lower() == "bearer" and secret.strip():
        key = services.keys.find(secret.strip())
    else:
        check_site(request, services.settings)
        owner = read_session(request.cookies.get(COOKIE, ""), services.secret)
        key = services.keys.by_id(owner) if owner is not None else None
    if key is None:
        address = request.client.host if request.client else "unknown"
        services.rates.take(f"failed {address}", 60)
        raise ApiError(
            401,
            "a valid API key is missing: send Authorization: Bearer KEY",
            code="invalid_api_key",
            headers={"WWW-Authenticate": "Bearer"},
        )
    return Caller(key.id, key.name, key.limits_within(general))


def check_host(request: Request, settings: ServeSettings) -> None:
    """Refuse names that this server does not have, against DNS rebinding.

    Raises:
        ApiError: the Host header is another one.
    """
    name = _host_name(request.headers.get("host", ""))
    known = {*LOCAL_NAMES, settings.host.lower()}
    if settings.public_url is not None:
        known.add(_host_name(urlsplit(settings.public_url).netloc))
    if name not in known:
        raise ApiError(
            403,
            f"this server is not called {name[:80]!r}: use 127.0.0.1, or name it with --public-url",
            code="unknown_host",
        )


def check_site(request: Request, settings: ServeSettings) -> None:
    """Refuse what another site's page sent, against cross-site requests; opening a page of ours by a link is allowed.

    Raises:
        ApiError: the request comes from another site.
    """
    origin = request.headers.get("origin")
    if origin in settings.origins:
        return
    if request.method == "GET" and request.headers.get("sec-fetch-mode") == "navigate":
        return
    site = request.headers.get("sec-fetch-site", "none")
    own = origin is None or urlsplit(origin).netloc.lower() == request.headers.get("host", "").lower()
    if not own or site not in ("none", "same-origin"):
        raise ApiError(
            403, "pages of other sites may not use this server: --origin permits one", code="cross_site_request"
        )


def start_session(response: Response, owner: str, secret: bytes, secure: bool) -> None:
    """Log a browser in."""
    response.set_cookie(
        COOKIE,
        sign_session(owner, secret, time.time() + SESSION),
        max_age=SESSION,
        httponly=True,  # no script reads it
        samesite="strict",
        secure=secure,
        path="/",
    )


def sign_session(owner: str, secret: bytes, until: float) -> str:
    """The value of a session's cookie."""
    text = f"{owner}.{int(until)}"
    return f"{text}.{hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()}"


def read_session(cookie: str, secret: bytes) -> str | None:
    """The owner in a session's cookie, if it is ours and not over."""
    text, _, signature = cookie.rpartition(".")
    wanted = hmac.new(secret, text.encode("utf-8", "replace"), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(wanted.encode(), signature.encode("utf-8", "replace")):
        return None
    owner, _, until = text.rpartition(".")
    return owner if int(until) > time.time() else None


def _host_name(netloc: str) -> str:
    """A host without its port, in small letters; IPv6 addresses keep their brackets."""
    name = netloc.lower()
    if name.startswith("["):
        return name.partition("]")[0] + "]"
    return name.partition(":")[0]
