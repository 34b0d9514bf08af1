"""Which clips a policy allows, given everything on record. Knows nothing of where records are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from langit.ledger.policy import Policy
from langit.ledger.record import Clip, Consent, Record, Revocation, Rights, Signal, Source
from langit.ledger.rights import Revocations, decide, decide_clip
from langit.ledger.verdict import Decision

Kind = TypeVar("Kind", bound=Record)


@dataclass(frozen=True)
class Refusal:
    """A clip that may not be used, and why."""

    clip: Clip
    decision: Decision


@dataclass(frozen=True)
class Selection:
    """The clips that a policy allows, in order of entry, and those that it refuses."""

    policy: Policy
    clips: tuple[Clip, ...]
    refused: tuple[Refusal, ...]


def judge(
    policy: Policy,
    sources: Iterable[Source],
    rights: Iterable[Rights],
    signals: Iterable[Signal],
    revocations: Iterable[Revocation],
    outputs: Iterable[str] = (),
) -> dict[str, Decision]:
    """The decision on each source, by its digest; ``outputs`` are content hashes of what models made."""
    revoked, sources = Revocations.of(revocations), tuple(sources)
    made = {*outputs, *(source.content_sha256 for source in sources if source.kind == "synthetic")}
    statements, read = _by("source", rights), _by("source", signals)
    return {
        source.digest: decide(
            source, policy, revoked, statements.get(source.digest, ()), read.get(source.digest, ()), made
        )
        for source in sources
    }


def select(
    policy: Policy,
    sources: Sequence[Source],
    clips: Iterable[Clip],
    decisions: dict[str, Decision],
    consents: Iterable[Consent],
    revocations: Iterable[Revocation],
    on: str | None = None,
    identify: Callable[[str], str] = str,
) -> Selection:
    """Judge each clip, given the decisions on all sources.

    Args:
        policy: what may be learnt from.
        sources: all sources.
        clips: the clips to judge.
        decisions: see :func:`judge`.
        consents: all consents.
        revocations: all revocations.
        on: the day (ISO 8601) on which consent has to be in force; today in UTC if left out.
        identify: names the person of a commitment, see :func:`langit.ledger.rights.decide_clip`.
    """
    revoked, given = Revocations.of(revocations), _by("covers", consents)
    rendered = {source.digest for source in sources if source.kind == "rendered"}
    allowed: list[Clip] = []
    refused: list[Refusal] = []
    for clip in clips:
        covering = [*given.get(clip.digest, ()), *given.get(clip.source, ())] if given else []
        known = clip.source in rendered
        decision = decide_clip(
            clip, decisions[clip.source], revoked, policy, covering, rendered=known, on=on, identify=identify
        )
        if decision.allowed:
            allowed.append(clip)
        else:
            refused.append(Refusal(clip, decision))
    return Selection(policy, tuple(allowed), tuple(refused))


def _by(name: str, records: Iterable[Kind]) -> dict[str, list[Kind]]:
    """Records by the value of a field."""
    found: dict[str, list[Kind]] = {}
    for record in records:
        found.setdefault(getattr(record, name), []).append(record)
    return found
