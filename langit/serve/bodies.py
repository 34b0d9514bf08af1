"""Bodies of requests as nested values: JSON, or forms whose names have brackets. Files stay files. Opens no path."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final, TypeVar

from fastapi import Request
from pydantic import BaseModel
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from langit.config import parse_json
from langit.serve.errors import ApiError

MAX_FIELDS: Final = 200
MAX_FILES: Final = 66
MAX_FIELD: Final = 32_000_000
"""Bytes of a form's field: pictures may come as data: URLs."""
TEXTS: Final = frozenset({"prompt", "name", "x_negative", "x_style"})
NAME: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]{0,60})((?:\[[A-Za-z0-9_]{0,60}\]){0,3})")

Wire = TypeVar("Wire", bound=BaseModel)


async def read_body(request: Request, kind: type[Wire]) -> Wire:
    """The body of a request as one of the protocol's models.

    Raises:
        ApiError: it is neither JSON nor a form, or cannot be read.
        ValidationError: it does not fit the model.
    """
    return kind.model_validate(await read_fields(request))


async def read_fields(request: Request) -> dict[str, Any]:
    """The fields of a request's body; files are :class:`UploadFile`.

    Raises:
        ApiError: it is neither JSON nor a form, or cannot be read.
    """
    content = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if content in ("multipart/form-data", "application/x-www-form-urlencoded"):
            form = await request.form(max_files=MAX_FILES, max_fields=MAX_FIELDS, max_part_size=MAX_FIELD)
            return nest_fields([(name, value) for name, value in form.multi_items()])
        if content not in ("application/json", ""):
            raise ApiError(
                415, f"content type {content[:80]!r} is not read: use application/json or multipart/form-data"
            )
        body = await request.body()
    except HTTPException as error:
        raise ApiError(400, f"the form cannot be read: {error.detail}", code="invalid_body") from error
    except ClientDisconnect as error:
        raise ApiError(400, "the connection ended in the middle of the request") from error
    try:
        found = parse_json(body or b"{}", "the body", constants=True)
    except ValueError as error:
        raise ApiError(400, f"the body is not JSON: {str(error)[:200]}", code="invalid_body") from error
    if not isinstance(found, dict):
        raise ApiError(400, "the body is not a JSON object: use {}", code="invalid_body")
    return found


def nest_fields(items: list[tuple[str, str | UploadFile]]) -> dict[str, Any]:
    """Fields of a form as nested values.

    ``a[b]`` is ``{"a": {"b": …}}``; ``a[]``, and a name given twice, is a list; JSON of an object or a list stands for
    it, except where people write.

    Raises:
        ApiError: a name is not one, or two contradict each other.
    """
    found: dict[str, Any] = {}
    for name, value in items:
        match = NAME.fullmatch(name)
        if match is None:
            raise ApiError(400, f"{name[:80]!r} is not the name of a field", code="invalid_body")
        path = [match[1], *re.findall(r"\[(\w*)\]", match[2])]
        _put(found, path, value if name in TEXTS else _plain(value), name)
    return found


def _put(found: dict[str, Any], path: list[str], value: Any, name: str) -> None:
    is_list = path[-1] == "" and len(path) > 1
    *way, last = path[:-1] if is_list else path
    here = found
    for part in way:
        here = here.setdefault(part, {})
        if not isinstance(here, dict):
            raise ApiError(400, f"{name[:80]!r} is given as a value and as an object", code="invalid_body")
    if last in here and not is_list and not isinstance(here[last], list):
        here[last] = [here[last]]
    if is_list and not isinstance(here.setdefault(last, []), list):
        raise ApiError(400, f"{name[:80]!r} is given as a value and as a list", code="invalid_body")
    if isinstance(here.get(last), list):
        here[last] += value if isinstance(value, list) else [value]
    else:
        here[last] = value


def _plain(value: str | UploadFile) -> Any:
    if isinstance(value, UploadFile) or value[:1] not in ("{", "["):
        return value
    try:
        found = parse_json(value, "field")
    except ValueError:
        return value
    return found if isinstance(found, (dict, list)) else value


def fields_digest(fields: Any, files: Mapping[str, str]) -> str:
    """A digest of what a request says, whatever its encoding; ``files`` are digests of what it gives."""
    from hashlib import sha256

    plain = json.dumps([fields, files], sort_keys=True, default=str)
    return sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()
