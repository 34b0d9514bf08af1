"""JSON over HTTP to one address that a person named: chat completions, moderations.

Redirects are refused, because the key and the prompt are meant for that address alone. Nothing is retried. An endpoint
that fails raises `EndpointError`, which says how. Knows nothing of prompts.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

LARGEST_ANSWER = 1_000_000  # bytes
_QUOTED = 200  # characters of a server's own words that a message repeats


class RefuseRedirects(urllib.request.HTTPRedirectHandler):
    """Makes urllib raise an answer of 3xx as an HTTPError."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


class EndpointError(OSError):
    """An endpoint gave no usable answer.

    `failure` says what happened and reads on from the endpoint's name ("answered HTTP 401"); `status` is the HTTP
    status, if there was one; `location` where a redirect leads; `detail` is what the server said, without the key.
    """

    def __init__(self, failure: str, status: int | None = None, location: str = "", detail: str = "") -> None:
        super().__init__(failure)
        self.failure, self.status, self.location, self.detail = failure, status, location, detail


@dataclass(frozen=True)
class JsonEndpoint:
    """An address that answers JSON with JSON; `timeout` in seconds of silence."""

    url: str
    timeout: float
    key: str | None = field(default=None, repr=False)

    def post(self, body: dict[str, Any]) -> Any:
        """Send an object, return the parsed answer.

        Raises:
            EndpointError: no connection, no answer in time, an HTTP error, an endless answer, or not JSON.
        """
        request = urllib.request.Request(self.url, json.dumps(body).encode(), {"Content-Type": "application/json"})
        if self.key is not None:
            request.add_unredirected_header("Authorization", f"Bearer {self.key}")
        late = f"gave no answer within {self.timeout:g} s"
        try:
            with urllib.request.build_opener(RefuseRedirects).open(request, timeout=self.timeout) as answer:
                content: bytes = answer.read(LARGEST_ANSWER + 1)
        except urllib.error.HTTPError as error:
            raise self._http_error(error) from None
        except TimeoutError:
            raise EndpointError(late) from None
        except urllib.error.URLError as error:
            timed_out = isinstance(error.reason, TimeoutError)
            raise EndpointError(late if timed_out else f"cannot be reached ({error.reason})") from None
        except (OSError, http.client.HTTPException) as error:
            raise EndpointError(f"broke off ({type(error).__name__}): is it an HTTP server?") from None
        if len(content) > LARGEST_ANSWER:
            raise EndpointError(f"answered with more than {LARGEST_ANSWER} bytes: is it the right one?")
        try:
            return json.loads(content)
        except (ValueError, RecursionError):  # deeply nested brackets exhaust the parser's stack
            start = content[:60].decode("utf-8", "replace")
            raise EndpointError(f"answered no JSON ({start!r}): check the address") from None

    def _http_error(self, error: urllib.error.HTTPError) -> EndpointError:
        detail = " ".join(error.read(2000).decode("utf-8", "replace").split())
        if self.key:
            detail = detail.replace(self.key, "…")  # some servers repeat the request, key included
        location = error.headers.get("Location", "") if 300 <= error.code < 400 else ""
        return EndpointError(f"answered HTTP {error.code}", error.code, location, detail[:_QUOTED])


def split_model_and_url(text: str) -> tuple[str, str] | None:
    """The parts of "MODEL@http://HOST…", or None if the text is not of this form."""
    match = re.fullmatch(r"(.+?)@(\w+://.+)", text)
    return None if match is None else (match[1], match[2])


def has_secrets(url: str) -> bool:
    """Whether an address holds more than host and path: a password, a query or a fragment."""
    return re.search(r"[@?#]", url) is not None


def is_address(url: str) -> bool:
    """Whether an address is http or https and names a host."""
    try:
        parts = urllib.parse.urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # "http://[here", a port that is no number
        return False


def api_url(base: str, call: str) -> str:
    """The full address of an OpenAI-compatible call ("chat/completions") under HOST, HOST/v1 or the full address."""
    base = base.rstrip("/")
    if base.endswith(f"/{call}"):
        return base
    return f"{base}/{call}" if re.search(r"/v\d+$", base) else f"{base}/v1/{call}"


def key_from_environment(variables: Sequence[str]) -> str | None:
    """The value of the first of these environment variables that is set."""
    return next((os.environ[name] for name in variables if os.environ.get(name)), None)
