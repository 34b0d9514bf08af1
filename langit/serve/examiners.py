"""Who examines strangers' files for the public tools: a few processes at a time, ended when their asker hangs up."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from fastapi import FastAPI, Request

from langit.inquiry.examine import InquiryTask, examine
from langit.inquiry.limits import ExaminationError, InquiryLimits, TooMuchError
from langit.serve.errors import ApiError

AT_ONCE: Final = 2
MOST_WAITING: Final = 16
LOOK_EVERY: Final = 0.5
"""Seconds between two looks at whether the asker is still there."""


@dataclass
class Examiners:
    """The processes of one server."""

    limits: InquiryLimits = field(default_factory=InquiryLimits)
    _free: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    _waiting: int = 0

    @classmethod
    def of(cls, app: FastAPI) -> Examiners:
        """Those of an application."""
        if not hasattr(app.state, "examiners"):
            app.state.examiners = cls()
        found: Examiners = app.state.examiners
        return found

    async def ask(self, request: Request, file: IO[bytes], task: InquiryTask, home: Path) -> dict[str, Any]:
        """Examine a file, as long as the asker waits.

        Raises:
            ApiError: too much is asked, the file breaks its examiner, or the asker hung up.
        """
        if self._waiting >= MOST_WAITING:
            raise ApiError(
                503, "too many files wait: try again in a minute", code="busy", headers={"Retry-After": "60"}
            )
        self._waiting += 1
        try:
            async with self._free:
                return await self._examine(request, file, task, home)
        except TooMuchError as error:
            raise ApiError(413, str(error), param="file", code="file_too_large") from error
        except ExaminationError as error:
            raise ApiError(422, str(error), param="file", code="file_unreadable") from error
        finally:
            self._waiting -= 1

    async def _examine(self, request: Request, file: IO[bytes], task: InquiryTask, home: Path) -> dict[str, Any]:
        asked = asyncio.create_task(examine(file, task, home, self.limits))
        try:
            while not asked.done():
                await asyncio.wait([asked], timeout=LOOK_EVERY)
                if not asked.done() and await request.is_disconnected():
                    raise ApiError(400, "the connection ended", code="incomplete")
            return await asked
        finally:
            if not asked.done():
                asked.cancel()  # which kills the process
                await asyncio.wait([asked])
