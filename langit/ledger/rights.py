"""May this footage be learnt from? Allowed, refused or unknown, and the rule that decided.

Only ``ALLOWED`` is a yes. What nobody stated is unknown, and unknown footage is not used, like refused footage. Knows
only what the records say: it reads no files and no network.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from langit.ledger.addresses import comparable_address
from langit.ledger.correction import superseded_digests
from langit.ledger.personal import ERASED
from langit.ledger.policy import Policy
from langit.ledger.record import Clip, Consent, Revocation, Rights, Signal, Source
from langit.ledger.verdict import Decision, RightsVerdict

__all__ = ["Decision", "Policy", "Revocations", "RightsVerdict", "decide", "decide_clip"]


@dataclass(frozen=True)
class Revocations:
    """Revocations by what they name. Those by looks are compared where pictures are: see ``curate.takedown``."""

    records: dict[str, Revocation]
    contents: dict[str, Revocation]
    urls: dict[str, Revocation]
    fingerprints: dict[str, Revocation]

    @classmethod
    def of(cls, revocations: Iterable[Revocation]) -> Revocations:
        """Sort revocations by what they name; of several of one thing the first counts."""
        found: dict[str, dict[str, Revocation]] = {
            kind: {} for kind in ("record", "content", "url", "fingerprint", "looks")
        }
        for revocation in revocations:
            target = comparable_address(revocation.target) if revocation.by == "url" else revocation.target
            found[revocation.by].setdefault(target, revocation)
        return cls(found["record"], found["content"], found["url"], found["fingerprint"])

    def find(self, record: Source | Clip | Consent) -> Revocation | None:
        """The revocation that bars a record, if any. A clip's source has to be asked for separately."""
        if isinstance(record, Consent):
            return self.records.get(record.digest)
        if isinstance(record, Clip):
            other = self.fingerprints.get(record.fingerprint_sha256) if record.fingerprint_sha256 else None
        else:
            other = self.of_address(record.url) if record.url else None
        return self.records.get(record.digest) or self.contents.get(record.content_sha256) or other

    def of_address(self, url: str) -> Revocation | None:
        """The revocation that bars an address, however it is spelt."""
        return self.urls.get(comparable_address(url))


def decide(
    source: Source,
    policy: Policy,
    revocations: Iterable[Revocation] | Revocations = (),
    rights: Iterable[Rights] = (),
    signals: Iterable[Signal] = (),
    outputs: Collection[str] = (),
) -> Decision:
    """Judge a source. ``rights`` and ``signals`` may be of other sources too; those are skipped.

    ``outputs`` are content hashes of what models made: of a file that was entered before that was known, it still
    counts.

    Where a source and later statements name several licences, each of them must be allowed, except those that a later
    statement superseded.
    """
    revoked = revocations if isinstance(revocations, Revocations) else Revocations.of(revocations)
    revocation = revoked.find(source)
    if revocation is not None:
        return Decision(RightsVerdict.REFUSED, f"revoked at {revocation.revoked_at}: {revocation.reason}")
    statements = [statement for statement in rights if statement.source == source.digest]
    for statement in statements:
        if statement.consent == "refused":
            return Decision(RightsVerdict.REFUSED, f"consent refused, recorded at {statement.recorded_at}")
    made_by_model = source.kind == "synthetic" or source.content_sha256 in outputs
    if made_by_model and policy.synthetic == "refuse":
        made_by = f" by {source.generator}" if source.generator else ""
        return Decision(RightsVerdict.REFUSED, f"it was made{made_by}, and policy {policy.name} refuses model outputs")
    licence = _judge_licences(source, statements, policy)
    if licence.verdict is RightsVerdict.REFUSED:
        return licence
    signal = _judge_signals(source, policy, [item for item in signals if item.source == source.digest], licence.allowed)
    if signal is not None and (licence.allowed or signal.verdict is RightsVerdict.REFUSED):
        return signal
    return licence


def _judge_licences(source: Source, statements: list[Rights], policy: Policy) -> Decision:
    """What the licences on record come to."""
    from langit.ledger.licence import judge  # its parser takes a third of a second to load

    gone = superseded_digests(statements)
    stated = [source.licence if source.digest not in gone else None]
    stated += [statement.licence for statement in statements if statement.digest not in gone]
    licences = list(dict.fromkeys(licence for licence in stated if licence))
    if not licences:
        return Decision(RightsVerdict.UNKNOWN, "no licence is on record, and silence is not consent")
    named = bool(source.creator or any(statement.holder for statement in statements))
    parts = [judge(licence, policy, named) for licence in licences]
    for verdict in (RightsVerdict.REFUSED, RightsVerdict.UNKNOWN):
        for part in parts:
            if part.verdict is verdict:
                return part
    return Decision(RightsVerdict.ALLOWED, f"licence {' and '.join(licences)} is allowed by policy {policy.name}")


def _judge_signals(source: Source, policy: Policy, signals: list[Signal], licensed: bool) -> Decision | None:
    """The opt-out signal that bars a source, or ``None``. Of several readings of a scheme each one counts."""
    heeded = [signal for signal in signals if signal.scheme in policy.heed]
    for signal in heeded:
        if signal.says == "reserved" and not (licensed and signal.scheme in policy.outweighed):
            words = f" ({signal.text})" if signal.text else ""
            rule = f"{signal.scheme} reserves it, read from {signal.where} at {signal.read_at}{words}"
            return Decision(RightsVerdict.REFUSED, rule)
    for signal in heeded:
        if signal.says == "unreadable":
            why = signal.text or "no reason is on record"
            rule = f"{signal.scheme} could not be read from {signal.where} at {signal.read_at}: {why}"
            return Decision(RightsVerdict.UNKNOWN, rule)
    missing = [scheme for scheme in policy.must_read if scheme not in {signal.scheme for signal in signals}]
    if source.fetched_at is not None and missing:
        return Decision(RightsVerdict.UNKNOWN, f"the signals {', '.join(missing)} were not read when it was fetched")
    return None


def decide_clip(
    clip: Clip,
    source: Decision,
    revoked: Revocations,
    policy: Policy | None = None,
    consents: Iterable[Consent] = (),
    rendered: bool = False,
    on: str | None = None,
    identify: Callable[[str], str] = str,
) -> Decision:
    """Judge a clip, given the decision on its source: a clip may itself be revoked, or show people.

    Args:
        clip: the clip.
        source: the decision on the clip's source.
        revoked: all revocations, of consents too.
        policy: says what consent has to cover.
        consents: those that cover the clip or its source; others are skipped.
        rendered: whether we rendered the source, so that nobody can be in it.
        on: the day (ISO 8601) on which consent must be in force; today in UTC if left out.
        identify: names the person of a commitment, so that one person who is on record twice counts once.
    """
    revocation = revoked.find(clip)
    if revocation is not None:
        return Decision(RightsVerdict.REFUSED, f"clip revoked at {revocation.revoked_at}: {revocation.reason}")
    if not source.allowed or rendered:
        return source
    faces = _count_faces(clip)
    if faces is None:
        counted = clip.measured["faces"]
        return Decision(RightsVerdict.UNKNOWN, f"the number of faces in the clip, {counted!r}, is not a number")
    if clip.likeness is None:
        return Decision(RightsVerdict.UNKNOWN, "nobody has looked whether a person can be recognised in the clip")
    # A count of faces contradicts "nobody can be recognised": the more careful of the two statements counts.
    if not clip.likeness and faces == 0:
        return source
    day, policy = on or datetime.now(UTC).date().isoformat(), policy or Policy()
    people: set[str] = set()
    for consent in consents:
        if consent.covers not in (clip.digest, clip.source):
            continue
        withdrawn = revoked.find(consent)
        if withdrawn is not None:
            return Decision(RightsVerdict.REFUSED, f"consent withdrawn at {withdrawn.revoked_at}: {withdrawn.reason}")
        if set(policy.consent) <= set(consent.purposes) and consent.in_force(day):
            people.add(identify(consent.person))
    if len(people) > 1:
        people.discard(ERASED)  # whoever that was may be one of the others
    wanted = max(faces, 1)
    if len(people) >= wanted:
        return Decision(source.verdict, f"{source.rule}; consent of {len(people)} on record")
    shown = f"{wanted} people" if wanted > 1 else "a person"
    lack = f"consent to {', '.join(policy.consent)} in force on {day} is on record for {len(people)} of them"
    return Decision(RightsVerdict.UNKNOWN, f"the clip shows {shown}, and {lack}")


def _count_faces(clip: Clip) -> int | None:
    """The ``faces`` that curation counted, 0 where it did not; ``None`` where that is not a number."""
    counted = clip.measured.get("faces", "0")
    return int(counted) if counted.isascii() and counted.isdecimal() else None
