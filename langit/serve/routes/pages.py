"""The pages for people: files of our own, no script or font from elsewhere, and a policy that says so to browsers.

The files hold nothing of anybody: what is shown in them is fetched from the API, with the browser's session.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import resources
from typing import Final

from fastapi import APIRouter, Request, Response

from langit.serve.errors import not_found

router = APIRouter(include_in_schema=False)
TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}
PAGES: Final = {"": "index.html", "detect": "detect.html", "rights": "rights.html", "docs": "docs.html"}
POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        "manifest-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-cache",  # with the ETag: a new version is seen at once
}


@cache
def _files() -> dict[str, tuple[bytes, str]]:
    """Every file of the page by its name, with its ETag. Names of requests are looked up here, never opened."""
    folder = resources.files("langit.serve") / "page"
    found = {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}
    return {name: (data, f'"{hashlib.sha256(data).hexdigest()[:16]}"') for name, data in found.items()}


def _send(name: str, request: Request) -> Response:
    data, tag = _files()[name]
    headers = HEADERS | {"ETag": tag}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(data, media_type=TYPES[name[name.rindex(".") :]], headers=headers)


@router.get("/")
@router.get("/detect")
@router.get("/rights")
@router.get("/docs")
def page(request: Request) -> Response:
    """A page."""
    return _send(PAGES[request.url.path.strip("/")], request)


@router.get("/page/{name}")
def asset(name: str, request: Request) -> Response:
    """A file that a page needs."""
    if name not in _files() or name in PAGES.values():
        raise not_found("file", name)
    return _send(name, request)
