"""Correct what was stated of a licence: a new statement supersedes the old ones, and all of them stay in the log.

Only statements on licences can be superseded. A revocation, or a consent that was refused, cannot: whoever could
correct those away could undo a take-down. Knows nothing of what a policy makes of the licence.
"""

from __future__ import annotations

from datetime import UTC, datetime

from langit.ledger.correction import superseded_digests
from langit.ledger.record import Rights, Source
from langit.ledger.store import Ledger


def correct_licence(
    ledger: Ledger,
    source: Source,
    licence: str,
    reason: str,
    holder: str | None = None,
    evidence: tuple[str, ...] = (),
) -> tuple[Rights, ...]:
    """Enter a licence that supersedes every licence stated of a source so far; returns the new statements.

    Raises:
        ValueError: no reason is given, or no licence was ever stated: there is nothing to correct.
    """
    if not reason.strip():
        raise ValueError("a correction needs a reason: say why the earlier statement was wrong")
    stated = [item for item in ledger.rights() if item.source == source.digest and item.licence is not None]
    gone = superseded_digests(stated)
    old = [item.digest for item in stated if item.digest not in gone]
    if source.licence is not None and source.digest not in gone:
        old.insert(0, source.digest)
    if not old:
        raise ValueError(f"no licence is on record for {source.title!r}: `langit ledger add` states one")
    when = datetime.now(UTC).isoformat(timespec="seconds")
    new = tuple(Rights(source.digest, when, licence, holder, None, evidence, digest, reason.strip()) for digest in old)
    ledger.add(new)
    return new
