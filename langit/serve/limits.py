"""Rates by key and by address, and the size of bodies, counted while they arrive: before anything is parsed."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from langit.serve.errors import ApiError

MOST_BUCKETS: Final = 50_000
"""Keys and addresses that are remembered; the ones unseen for longest are forgotten."""


@dataclass
class Rates:
    """Token buckets, in the memory of this process: several web processes allow as many times more."""

    _buckets: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)

    def take(self, name: str, per_minute: int) -> None:
        """Count a request.

        Args:
            name: of the bucket.
            per_minute: how fast it fills; it holds a minute's worth.

        Raises:
            ApiError: the bucket is empty.
        """
        now = time.monotonic()
        left, seen = self._buckets.pop(name, (float(per_minute), now))
        left = min(float(per_minute), left + (now - seen) * per_minute / 60)
        self._buckets[name] = max(left - 1, 0) if left >= 1 else left, now
        if len(self._buckets) > MOST_BUCKETS:
            self._buckets.popitem(last=False)
        if left < 1:
            wait = max(1, round((1 - left) * 60 / per_minute))
            raise ApiError(
                429,
                f"more than {per_minute} requests in a minute: wait {wait} s",
                code="rate_limit_exceeded",
                headers={"Retry-After": str(wait)},
            )


class BodyLimit:
    """Refuses bodies over a size: by their header where there is one, else as soon as too much has arrived."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app, self._most = app, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and its body as long as it is not too large."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        length = next((value for name, value in scope["headers"] if name == b"content-length"), None)
        if length is not None and (not length.isdigit() or int(length) > self._most):
            await too_large(self._most).response()(scope, receive, send)
            return
        count, begun = 0, False

        async def counted() -> Message:
            nonlocal count
            message = await receive()
            count += len(message.get("body", b""))
            if count > self._most:
                raise too_large(self._most)
            return message

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, counted, watched)
        except ApiError as error:
            if begun:
                raise
            await error.response()(scope, receive, send)


def too_large(most: int) -> ApiError:
    """The error for a body over ``most`` bytes."""
    return ApiError(
        413,
        f"the request is larger than {most:,} bytes: send a shorter or smaller video",
        code="request_too_large",
        headers={"Connection": "close"},
    )
