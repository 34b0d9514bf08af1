"""Errors as OpenAI's clients read them: {"error": {message, type, param, code}}. Nothing of the machine is in them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException

from langit.files import full_disk

LOGGER: Final = logging.getLogger("langit.serve")
TYPES: Final[Mapping[int, str]] = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    429: "rate_limit_error",
    500: "server_error",
    503: "server_error",
    507: "server_error",
}
"""Error types by status; all others are ``invalid_request_error``."""


class ApiError(Exception):
    """An answer that is an error.

    Args:
        status: of HTTP.
        message: one sentence that names the value and the mend.
        param: the field that is wrong, if it is one.
        code: a word for programs.
        headers: sent with the answer.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.param, self.code = status, message, param, code
        self.headers = dict(headers or {})

    def response(self) -> JSONResponse:
        """The error as JSON."""
        body = {
            "message": self.message,
            "type": TYPES.get(self.status, "invalid_request_error"),
            "param": self.param,
            "code": self.code,
        }
        return JSONResponse({"error": body}, self.status, headers=self.headers)


def not_found(what: str, name: str) -> ApiError:
    """An error for a thing that is not there, or belongs to somebody else: nobody can tell which."""
    return ApiError(404, f"there is no {what} {name[:80]!r}", param="id", code="not_found")


def describe_validation(error: ValidationError | RequestValidationError) -> ApiError:
    """The first problem of a body that does not fit its model."""
    first = error.errors()[0]
    place = [str(part) for part in first["loc"] if part not in ("body", "query", "path", "header")]
    given = "" if first["type"] == "missing" else f" (given: {str(first.get('input'))[:80]!r})"
    message = str(first["msg"]).removeprefix("Value error, ")
    name = ".".join(place)
    if first["type"] == "extra_forbidden":
        message, given = "is no field of this request: /docs lists them", ""
    return ApiError(400, f"{name}: {message}{given}" if name else message, param=name or None, code="invalid_value")


def add_handlers(app: FastAPI) -> None:
    """Let every error of the application leave in OpenAI's shape."""

    async def api_error(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, ApiError)
        return error.response()

    async def validation(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, (ValidationError, RequestValidationError))
        return describe_validation(error).response()

    async def http(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        messages = {
            404: f"there is nothing at {request.url.path[:200]}: /docs lists the endpoints",
            405: f"{request.method[:20]} is not possible at {request.url.path[:200]}: /docs lists the endpoints",
        }
        message = messages.get(error.status_code, str(error.detail))
        return ApiError(error.status_code, message, headers=error.headers).response()

    async def no_database(request: Request, error: Exception) -> JSONResponse:
        LOGGER.error("the database failed at %s %s", request.method, request.url.path, exc_info=error)
        if "full" in str(error):
            return _full()
        return ApiError(
            503, "the database does not answer: try again", code="not_ready", headers={"Retry-After": "1"}
        ).response()

    async def no_file(request: Request, error: Exception) -> JSONResponse:
        LOGGER.error("a file failed at %s %s", request.method, request.url.path, exc_info=error)
        if full_disk(error) is not None:
            return _full()
        return ApiError(500, "the server could not use one of its files, which its log describes").response()

    async def unexpected(request: Request, error: Exception) -> JSONResponse:
        LOGGER.error("unexpected error at %s %s", request.method, request.url.path, exc_info=error)
        if full_disk(error) is not None:
            return _full()
        return ApiError(
            500, "the server made a mistake, which its log describes; try again", code="internal"
        ).response()

    app.add_exception_handler(ApiError, api_error)
    app.add_exception_handler(RequestValidationError, validation)
    app.add_exception_handler(ValidationError, validation)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(DBAPIError, no_database)
    app.add_exception_handler(OSError, no_file)
    app.add_exception_handler(Exception, unexpected)


def _full() -> JSONResponse:
    return ApiError(507, "the server's disk is full: try again later", code="disk_full").response()
