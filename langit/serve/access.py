"""A line of the log for each request that changes something or fails: who, what, how long; no query and no body."""

from __future__ import annotations

import logging
import time
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOGGER: Final = logging.getLogger("langit.serve.access")


class AccessLog:
    """Logs requests as they end."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and log it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, status = time.monotonic(), 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            quiet = scope["method"] in ("GET", "HEAD") and 200 <= status < 400
            LOGGER.log(
                logging.DEBUG if quiet else logging.INFO,
                "request",
                extra={
                    "method": scope["method"][:20],
                    "path": scope["path"][:300],
                    "status": status,
                    "seconds": round(time.monotonic() - begun, 4),
                    "owner": scope.get("state", {}).get("owner"),
                },
            )
