"""May this footage be learnt from? Allowed, refused or unknown, and the rule that fired.

Only ``ALLOWED`` is a yes. What nobody stated is unknown, and unknown is turned away like a refusal. Knows only
what the records say: it reads no files and asks no network.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from langit import config
from langit.ledger.record import Clip, Revocation, Rights, Source


class Verdict(Enum):
    """The three answers. Only the first lets a clip be used."""

    ALLOWED = "allowed"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Decision:
    """An answer and the rule that gave it, in words for a person."""

    verdict: Verdict
    rule: str

    @property
    def allowed(self) -> bool:
        """Whether the footage may be used."""
        return self.verdict is Verdict.ALLOWED


@dataclass(frozen=True)
class Policy:
    """What a model may learn from, by SPDX licence identifiers; any other licence is unknown.

    Licences under ``attribution`` oblige us to name the creator, so a source without one is unknown.
    """

    name: str = "open-1"
    allowed: tuple[str, ...] = ("CC0-1.0", "CC-PDM-1.0", "CC-BY-4.0", "CC-BY-3.0", "CC-BY-2.5", "CC-BY-2.0", "PDDL-1.0")
    attribution: tuple[str, ...] = ("CC-BY-4.0", "CC-BY-3.0", "CC-BY-2.5", "CC-BY-2.0")
    refused: tuple[str, ...] = (
        "CC-BY-NC-4.0",
        "CC-BY-NC-3.0",
        "CC-BY-ND-4.0",
        "CC-BY-ND-3.0",
        "CC-BY-NC-ND-4.0",
        "CC-BY-NC-ND-3.0",
        "CC-BY-NC-SA-4.0",
        "CC-BY-NC-SA-3.0",
        "NONE",
    )

    def __post_init__(self) -> None:
        both = set(self.allowed) & set(self.refused)
        if both:
            raise ValueError(f"policy {self.name!r} both allows and refuses {', '.join(sorted(both))}: decide on one")

    @property
    def digest(self) -> str:
        """``sha256:`` and the hash of the policy."""
        return config.digest(self)


@dataclass(frozen=True)
class Revoked:
    """Revocations, ready to be asked about many records."""

    records: dict[str, Revocation]
    contents: dict[str, Revocation]
    urls: dict[str, Revocation]

    @classmethod
    def of(cls, revocations: Iterable[Revocation]) -> Revoked:
        """Sort revocations by what they name."""
        found: dict[str, dict[str, Revocation]] = {"record": {}, "content": {}, "url": {}}
        for revocation in revocations:
            found[revocation.by].setdefault(revocation.target, revocation)
        return cls(found["record"], found["content"], found["url"])

    def find(self, record: Source | Clip) -> Revocation | None:
        """The revocation that bars a source or a clip, if any. A clip's source has to be asked for itself."""
        url = record.url if isinstance(record, Source) else None
        return (
            self.records.get(record.digest)
            or self.contents.get(record.content_sha256)
            or (self.urls.get(url) if url else None)
        )


def decide(
    source: Source,
    policy: Policy,
    revocations: Iterable[Revocation] | Revoked = (),
    rights: Iterable[Rights] = (),
) -> Decision:
    """Judge a source. ``rights`` may hold statements on other sources too; they are skipped.

    Where a source and later statements name several licences, each of them must be allowed.
    """
    revoked = revocations if isinstance(revocations, Revoked) else Revoked.of(revocations)
    revocation = revoked.find(source)
    if revocation is not None:
        return Decision(Verdict.REFUSED, f"revoked at {revocation.revoked_at}: {revocation.reason}")
    statements = [statement for statement in rights if statement.source == source.digest]
    for statement in statements:
        if statement.consent == "refused":
            return Decision(Verdict.REFUSED, f"consent refused, recorded at {statement.recorded_at}")
    stated = [source.licence, *(statement.licence for statement in statements)]
    licences = list(dict.fromkeys(licence for licence in stated if licence))
    for licence in licences:
        if licence in policy.refused:
            return Decision(Verdict.REFUSED, f"licence {licence} is refused by policy {policy.name}")
    for licence in licences:
        if licence not in policy.allowed:
            return Decision(Verdict.UNKNOWN, f"licence {licence!r} is not on the list of policy {policy.name}")
    named = source.creator or any(statement.holder for statement in statements)
    for licence in licences:
        if licence in policy.attribution and not named:
            return Decision(Verdict.UNKNOWN, f"licence {licence} obliges us to name the creator, and none is on record")
    if not licences:
        return Decision(Verdict.UNKNOWN, "no licence is on record, and silence is not consent")
    return Decision(Verdict.ALLOWED, f"licence {' and '.join(licences)} is allowed by policy {policy.name}")


def decide_clip(clip: Clip, source: Decision, revoked: Revoked) -> Decision:
    """Judge a clip, given the decision on its source: a clip may itself be revoked."""
    revocation = revoked.find(clip)
    if revocation is not None:
        return Decision(Verdict.REFUSED, f"clip revoked at {revocation.revoked_at}: {revocation.reason}")
    return source
