"""What a rights-holder asks: was my footage used, and the request to take it down. No account; the file is not kept."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse
from starlette.concurrency import run_in_threadpool

from langit.inquiry.receipts import prove_record, sign_answer
from langit.inquiry.takedown import enter_request, find_request
from langit.inquiry.usage import find_usage
from langit.ledger import keys
from langit.ledger.derived import KINDS
from langit.ledger.record import SHA256
from langit.ledger.requests import REASONS
from langit.ledger.store import Ledger
from langit.serve.auth import check_site, count_public, services_of
from langit.serve.errors import ApiError, not_found
from langit.serve.examiners import Examiners
from langit.serve.intake import Intake, take_in

Answer = TypeVar("Answer")
router = APIRouter(prefix="/v1/rights", tags=["public"])
REQUESTS_PER_MINUTE: Final = 3
"""Take-down requests that one address may enter."""
PROVABLE: Final = ("source", "request", "answer")
"""Kinds of records that are proven to anybody who knows their digest."""
HASH: Final = {"type": "string", "pattern": "^[0-9a-fA-F]{64}$"}
FILE: Final = {"type": "string", "format": "binary"}


def _body(required: list[str], words: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "properties": words, "required": required}
    form = {"type": "object", "properties": {**words, "file": FILE}, "required": [x for x in required if x != "sha256"]}
    content = {"application/json": {"schema": schema}, "multipart/form-data": {"schema": form}}
    return {"requestBody": {"required": True, "content": content}}


WORDS: Final = {
    "reason": {"type": "string", "enum": list(REASONS)},
    "name": {"type": "string"},
    "contact": {"type": "string"},
    "statement": {"type": "string"},
}


@router.post("/usage", openapi_extra=_body(["sha256"], {"sha256": HASH}))
async def usage(request: Request) -> dict[str, Any]:
    """Whether footage was used by any model here: by its ``sha256``, or by the file as the part ``file`` of a form.

    ``receipt`` is the answer as a note that the server's ledger signed; `langit ledger check` reads it. A file is also
    compared with the looks of the clips on record, so that copies are found which were encoded again.
    """
    count_public(request)
    home = services_of(request).settings.home
    examiners = Examiners.of(request.app)
    async with take_in(request, examiners.limits, frozenset({"sha256"})) as given:
        seen = await _examine(request, given, home)

    def answer() -> dict[str, Any]:
        found = find_usage(home, seen["sha256"], seen["clips"])
        found["compared_looks"] = bool(seen["looks"])
        found["note"] = seen["not_compared"]
        return {**found, "receipt": sign_answer(home, found), "key": str(keys.signer(home / "ledger").verifier)}

    return await _answer(answer)


@router.post(
    "/requests",
    status_code=201,
    openapi_extra=_body(["sha256", "reason", "name", "contact"], {"sha256": HASH, **WORDS}),
)
async def ask_for_takedown(request: Request) -> dict[str, Any]:
    """Ask that footage be used no longer. The request is entered in the ledger; the server's owner decides.

    Who asks and the statement are kept beside the log, where they can be erased. ``receipt`` proves the entry.
    """
    count_public(request)
    services = services_of(request)
    address = request.client.host if request.client else "unknown"
    services.rates.take(f"request {address}", REQUESTS_PER_MINUTE)
    home = services.settings.home
    examiners = Examiners.of(request.app)
    async with take_in(request, examiners.limits, frozenset({"sha256", *WORDS})) as given:
        seen = await _examine(request, given, home)
        words = dict(given.words)

    def enter() -> dict[str, Any]:
        entered = enter_request(
            Ledger(home / "ledger"),
            content=seen["sha256"],
            reason=words.get("reason", ""),
            name=words.get("name", ""),
            contact=words.get("contact", ""),
            statement=words.get("statement", ""),
            looks=seen["looks"],
        )
        return {
            "object": "takedown_request",
            "id": entered.digest,
            "standing": "open",
            "sha256": entered.content_sha256,
            "asked_at": entered.asked_at,
            "receipt": prove_record(home, entered.digest),
            "key": str(keys.signer(home / "ledger").verifier),
        }

    return await _answer(enter)


@router.get("/requests/{digest}")
async def show_request(digest: str, request: Request) -> dict[str, Any]:
    """How a request stands: open, granted or declined, and why."""
    count_public(request)
    home = services_of(request).settings.home

    def show() -> dict[str, Any]:
        try:
            found = find_request(Ledger(home / "ledger"), _digest(digest))
        except ValueError as error:
            raise not_found("request", digest) from error
        return {
            "object": "takedown_request",
            "id": found.request.digest,
            "standing": found.standing,
            "sha256": found.request.content_sha256,
            "asked_at": found.request.asked_at,
            "answered_at": found.answer.answered_at if found.answer else None,
            "why": found.answer.why if found.answer else None,
            "answer": found.answer.digest if found.answer else None,
        }

    return await _answer(show)


@router.get("/proofs/{digest}", response_class=PlainTextResponse)
async def prove(digest: str, request: Request) -> PlainTextResponse:
    """A receipt (C2SP tlog-proof) that a source, a request or an answer is in the ledger."""
    count_public(request)
    home = services_of(request).settings.home

    def proof() -> str:
        ledger, name = Ledger(home / "ledger"), _digest(digest)
        kind = next((kind for kind in PROVABLE if name in _digests_of(ledger, kind)), None)
        if kind is None:
            raise not_found("record", digest)
        return prove_record(home, name)

    text = await _answer(proof)
    headers = {"Content-Disposition": f'attachment; filename="{_digest(digest)[:16]}.tlog-proof"'}
    return PlainTextResponse(text, headers=headers)


@router.get("/key", response_class=PlainTextResponse)
async def show_key(request: Request) -> PlainTextResponse:
    """The public key that receipts are checked with."""
    check_site(request, services_of(request).settings)
    home = services_of(request).settings.home
    return PlainTextResponse(await run_in_threadpool(lambda: f"{keys.signer(home / 'ledger').verifier}\n"))


async def _examine(request: Request, given: Intake, home: Path) -> dict[str, Any]:
    """The hash and looks of what was given: a file, or a hash alone."""
    named = given.words.get("sha256", "").strip().lower().removeprefix("sha256:")
    if given.file is not None:
        seen = await Examiners.of(request.app).ask(request, given.file, "looks", home)
        if named and named != seen["sha256"]:
            raise ApiError(
                400,
                f"the file has the hash {seen['sha256']}, not {named[:80]}: give one of them",
                param="sha256",
                code="contradiction",
            )
        return seen
    if not SHA256.fullmatch(named):
        raise ApiError(
            400,
            f"{named[:80]!r} is not a SHA-256: give the file, or its hash of 64 hexadecimal digits",
            param="sha256",
            code="invalid_value",
        )
    return {"sha256": named, "looks": [], "clips": {}, "not_compared": "looks were not compared: no file was shown"}


def _digest(text: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        raise not_found("record", text)
    return text


def _digests_of(ledger: Ledger, kind: str) -> set[str]:
    return {record.digest for record in ledger.read(KINDS[kind])}


async def _answer(work: Callable[[], Answer]) -> Answer:
    """Do what reads or writes the ledger beside the event loop; its refusals are the asker's mistakes."""
    try:
        return await run_in_threadpool(work)
    except ValueError as error:
        raise ApiError(400, str(error), code="invalid_value") from error
