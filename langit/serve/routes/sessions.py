"""Browsers log in with a key and get a cookie; programs send the key with every request."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from langit.serve import auth
from langit.serve.auth import AnyCaller, services_of
from langit.serve.errors import ApiError
from langit.serve.protocol import StartSession

router = APIRouter(prefix="/session", tags=["session"])


@router.post("")
def start(body: StartSession, request: Request, response: Response) -> dict[str, str]:
    """Log a browser in: the answer sets a cookie that no script can read."""
    services = services_of(request)
    auth.count_public(request)
    if services.is_open:
        auth.check_host(request, services.settings)
        return {"name": auth.LOCAL}
    key = services.keys.find(body.key.strip())
    if key is None:
        raise ApiError(401, "this key is not valid: copy it again, or ask for another", code="invalid_api_key")
    secure = request.url.scheme == "https" or (services.settings.public_url or "").startswith("https:")
    auth.start_session(response, key.id, services.secret, secure)
    return {"name": key.name}


@router.get("")
def show(caller: AnyCaller, request: Request) -> dict[str, str | bool]:
    """Who is logged in. ``open`` says that no key is needed."""
    return {"name": caller.name, "open": services_of(request).is_open}


@router.delete("")
def end(response: Response, _: AnyCaller) -> dict[str, bool]:
    """Log the browser out."""
    response.delete_cookie(auth.COOKIE, path="/")
    return {"ended": True}
