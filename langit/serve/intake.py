"""Read what a stranger sends to the public tools: a file as the body, or a form with one file and a few words.

The file goes into a nameless one while it arrives, counted, so that nothing is on disk when the process ends.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import IO, Any, Final

from fastapi import Request
from python_multipart.exceptions import FormParserError
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import Message

from langit.inquiry.examine import nameless_file
from langit.inquiry.limits import InquiryLimits
from langit.serve.errors import ApiError

MAX_WORDS: Final = 64_000
"""Bytes of a JSON body."""
CHUNK: Final = 1 << 20


@dataclass(frozen=True)
class Intake:
    """What arrived: words by name, and a file if there was one with any bytes."""

    words: Mapping[str, str] = field(default_factory=dict)
    file: IO[bytes] | None = None


@asynccontextmanager
async def take_in(request: Request, limits: InquiryLimits, names: frozenset[str]) -> AsyncIterator[Intake]:
    """Read a request's body; its file is closed, and so gone, at the end of the block.

    Args:
        request: JSON, a form with a part ``file``, or the bytes of a file.
        limits: of the file.
        names: words that are known.

    Raises:
        ApiError: too large, malformed, or a word that is not known.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    # A form is a little longer than the file in it.
    allowed = MAX_WORDS if kind == "application/json" else limits.bytes + MAX_WORDS * (kind == "multipart/form-data")
    _check_length(request, allowed, limits)
    counted = Request(request.scope, _count(request, allowed, limits))
    with nameless_file() as file:
        try:
            if kind == "application/json":
                words = _read_json(await counted.body())
            elif kind == "multipart/form-data":
                words = await _read_form(counted, file)
            else:
                words = {}
                async for chunk in counted.stream():
                    file.write(chunk)
        except ClientDisconnect as error:
            raise ApiError(400, "the connection ended before the file was whole", code="incomplete") from error
        unknown = sorted(words.keys() - names)
        if unknown:
            known = ", ".join(sorted(names)) or "none"
            raise ApiError(400, f"{unknown[0][:80]!r} is not a field here: use {known}", param=unknown[0][:80])
        file.flush()
        yield Intake(words, file if file.tell() else None)


def _check_length(request: Request, allowed: int, limits: InquiryLimits) -> None:
    length = request.headers.get("content-length", "0")
    if not length.isdigit() or int(length) > allowed:
        raise too_large(limits)


def _count(request: Request, allowed: int, limits: InquiryLimits) -> Any:
    count = 0

    async def receive() -> Message:
        nonlocal count
        message = await request.receive()
        count += len(message.get("body", b""))
        if count > allowed:
            raise too_large(limits)
        return message

    return receive


def too_large(limits: InquiryLimits) -> ApiError:
    """The error for a file that is too large."""
    return ApiError(
        413,
        f"the file is larger than {limits.bytes:,} bytes: give a shorter or smaller one",
        param="file",
        code="request_too_large",
        headers={"Connection": "close"},
    )


def _read_json(body: bytes) -> dict[str, str]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ApiError(400, "the body is not JSON: correct it", code="invalid_json") from error
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise ApiError(400, "the body is not an object of texts: send for example {}", code="invalid_json")
    return found


async def _read_form(request: Request, file: IO[bytes]) -> dict[str, str]:
    try:
        async with request.form(max_files=1, max_fields=20, max_part_size=MAX_WORDS) as form:
            words: dict[str, str] = {}
            for name, value in form.multi_items():
                if isinstance(value, UploadFile):
                    if name != "file":
                        raise ApiError(400, f"{name[:80]!r} is not a file here: name it file", param=name[:80])
                    while chunk := await value.read(CHUNK):
                        file.write(chunk)
                elif name in words:
                    raise ApiError(400, f"{name[:80]!r} is given twice: give it once", param=name[:80])
                else:
                    words[name] = value
            return words
    except (HTTPException, FormParserError) as error:
        detail = error.detail if isinstance(error, HTTPException) else str(error)
        raise ApiError(400, f"the form cannot be read ({detail}): send it again", code="invalid_form") from error
