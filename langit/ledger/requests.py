"""Records of what people ask to be taken down, and of the answers. Knows no page, and not who asks.

A request takes nothing down: anybody can make one. What the ledger's owner grants becomes a Revocation, which does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

from langit.ledger.record import Record, check_one_of, check_sha256

RequestReason = Literal["copyright", "likeness", "privacy", "consent-withdrawn", "other"]
RequestSettled = Literal["granted", "declined"]
REASONS: tuple[str, ...] = get_args(RequestReason)


@dataclass(frozen=True)
class TakedownRequest(Record):
    """That somebody asked for footage to be used no longer.

    ``content_sha256`` is the hash of the file that they showed or named; ``looks`` the evidence that holds its
    fingerprints, if they showed it. ``person`` and ``statement`` are salted commitments (see ``personal``) to who
    asks, with an address for the answer, and to their words: both can be erased, and the request stays.
    """

    record: ClassVar[str] = "request"

    content_sha256: str
    reason: str
    asked_at: str
    person: str
    statement: str | None = None
    looks: str | None = None

    def __post_init__(self) -> None:
        check_sha256("content_sha256", self.content_sha256)
        check_sha256("person", self.person)
        for name, value in (("statement", self.statement), ("looks", self.looks)):
            if value is not None:
                check_sha256(name, value)
        check_one_of("reason of a request", self.reason, RequestReason)


@dataclass(frozen=True)
class RequestAnswer(Record):
    """What the ledger's owner decided on a request, and why. ``revocations`` are the records that carry it out."""

    record: ClassVar[str] = "answer"

    request: str
    settled: str
    why: str
    answered_at: str
    revocations: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_sha256("request", self.request)
        check_one_of("answer to a request", self.settled, RequestSettled)
        for value in self.revocations:
            check_sha256("revocations", value)
        if not self.why.strip():
            raise ValueError(f"the answer to request {self.request} gives no reason: say why")
        if (self.settled == "granted") != bool(self.revocations):
            raise ValueError(
                f"request {self.request} is {self.settled} with {len(self.revocations)} revocations:"
                " what is granted is revoked, and nothing else"
            )
