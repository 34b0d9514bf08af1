"""Requests to take footage down: entered for anybody, answered by the ledger's owner.

A request holds a file's hash and, if the file was shown, its fingerprints; who asks and in which words lies beside the
log, where it can be erased. A granted request becomes revocations of the content and of its looks. Knows no page.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from langit.config import canonical
from langit.ledger.record import RevokedBy, check_sha256
from langit.ledger.requests import RequestAnswer, TakedownRequest
from langit.ledger.store import Ledger

MAX_STATEMENT: Final = 4000
MAX_CONTACT: Final = 300
"""Characters of a name and of an address."""
MOST_OPEN: Final = 1000
"""Requests that wait for an answer; beyond that no page enters more, so that nobody can fill the disk."""
ADDRESS: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


@dataclass(frozen=True)
class StandingRequest:
    """A request with its answer, if there is one, and what was kept of who asks; None where that was erased."""

    request: TakedownRequest
    answer: RequestAnswer | None
    name: str | None
    contact: str | None
    statement: str | None

    @property
    def standing(self) -> str:
        """open, granted or declined."""
        return "open" if self.answer is None else self.answer.settled


def enter_request(
    ledger: Ledger,
    *,
    content: str,
    reason: str,
    name: str,
    contact: str,
    statement: str = "",
    looks: Collection[Mapping[str, Sequence[str]]] = (),
) -> TakedownRequest:
    """Enter a request.

    Args:
        ledger: where.
        content: SHA-256 of the file.
        reason: one of ``langit.ledger.requests.REASONS``.
        name: who asks.
        contact: an e-mail address, for the answer.
        statement: their words.
        looks: fingerprints of the file, in hexadecimal digits, if it was shown.

    Raises:
        ValueError: something is missing, too long or malformed; or too many requests wait.
    """
    content = content.strip().lower().removeprefix("sha256:")
    check_sha256("hash", content)
    name, contact, statement = name.strip(), contact.strip(), statement.strip()
    for what, text, most in (
        ("name", name, MAX_CONTACT),
        ("address", contact, MAX_CONTACT),
        ("statement", statement, MAX_STATEMENT),
    ):
        if len(text) > most:
            raise ValueError(f"the {what} has {len(text)} characters: shorten it to {most} or fewer")
    if not name:
        raise ValueError("the request names nobody: say who asks")
    if not ADDRESS.fullmatch(contact):
        raise ValueError(f"{contact[:80]!r} is not an e-mail address: the answer has to reach somebody")
    waiting = sum(standing.answer is None for standing in list_requests(ledger, names=False))
    if waiting >= MOST_OPEN:
        raise ValueError(f"{waiting} requests wait for an answer, the most that are taken: write to the server's owner")
    request = TakedownRequest(
        content_sha256=content,
        reason=reason,  # checked before anything personal is kept
        asked_at=datetime.now(UTC).isoformat(timespec="seconds"),
        person="0" * 64,
    )
    person = ledger.personal.put_facts(name=name, contact=contact)
    kept = ledger.personal.put(statement.encode()) if statement else None
    shown = ledger.evidence.put(canonical({"looks": [dict(one) for one in looks]})) if looks else None
    request = TakedownRequest(
        content_sha256=content,
        reason=reason,
        asked_at=request.asked_at,
        person=person,
        statement=kept,
        looks=shown,
    )
    ledger.add([request])
    return request


def list_requests(ledger: Ledger, names: bool = True) -> tuple[StandingRequest, ...]:
    """All requests in order of entry; ``names`` reads who asks as well."""
    answers = {answer.request: answer for answer in ledger.answers()}  # a later answer counts
    return tuple(
        StandingRequest(request, answers.get(request.digest), *(_read(ledger, request) if names else (None,) * 3))
        for request in ledger.requests()
    )


def find_request(ledger: Ledger, digits: str) -> StandingRequest:
    """The request whose digest begins with some digits.

    Raises:
        ValueError: none, or several, do.
    """
    found = [one for one in list_requests(ledger) if one.request.digest.startswith(digits.lower().strip())]
    if len(found) != 1 or not digits.strip():
        which = "no request" if not found else f"{len(found)} requests"
        raise ValueError(f"{which} in the ledger begins with {digits!r}: `langit ledger requests` lists them")
    return found[0]


def decline_request(ledger: Ledger, standing: StandingRequest, why: str) -> RequestAnswer:
    """Enter that a request is declined.

    Raises:
        ValueError: it was answered before, or no reason is given.
    """
    return _answer(ledger, standing, "declined", why, ())


def grant_request(ledger: Ledger, standing: StandingRequest, why: str) -> RequestAnswer:
    """Revoke the content that a request is about, and what looks like it, and enter that it is granted.

    Raises:
        ValueError: it was answered before, or no reason is given.
    """
    _check_open(standing, why)
    request = standing.request
    targets: list[tuple[RevokedBy, str]] = [("content", request.content_sha256)]
    if request.looks is not None:
        targets.append(("looks", request.looks))
    entered = [ledger.revoke(target, why, by=by) for by, target in targets]
    return _answer(ledger, standing, "granted", why, tuple(item.digest for item in entered))


def _answer(
    ledger: Ledger, standing: StandingRequest, settled: str, why: str, revocations: tuple[str, ...]
) -> RequestAnswer:
    _check_open(standing, why)
    answer = RequestAnswer(
        request=standing.request.digest,
        settled=settled,
        why=why,
        answered_at=datetime.now(UTC).isoformat(timespec="seconds"),
        revocations=revocations,
    )
    ledger.add([answer])
    return answer


def _check_open(standing: StandingRequest, why: str) -> None:
    digest = standing.request.digest
    if standing.answer is not None:
        raise ValueError(
            f"request {digest[:16]} was {standing.answer.settled} at {standing.answer.answered_at} already"
        )
    if not why.strip():
        raise ValueError(f"the answer to request {digest[:16]} gives no reason: say why")


def _read(ledger: Ledger, request: TakedownRequest) -> tuple[str | None, str | None, str | None]:
    kept = ledger.personal.get(request.person)
    facts: dict[str, Any] = json.loads(kept) if kept is not None else {}
    words = ledger.personal.get(request.statement) if request.statement is not None else None
    return facts.get("name"), facts.get("contact"), None if words is None else words.decode("utf-8", "replace")


def erase_person(ledger: Ledger, standing: StandingRequest) -> bool:
    """Erase who asked and in which words; the request stays in the log. Returns whether there was anything."""
    request = standing.request
    names = [request.person, *([request.statement] if request.statement is not None else [])]
    erased = [ledger.personal.erase(name) for name in names]  # all of them, not only the first
    return any(erased)
