"""Is a ledger as it was entered and signed? All of it hashed again, and proofs that its log only grew.

Knows nothing of models: audits do.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from langit.ledger import history
from langit.ledger.archive import UnprovedError
from langit.ledger.checkpoint import LogCheckpoint, Signer
from langit.ledger.derived import KINDS, Manifest
from langit.ledger.likeness import LikenessConsent
from langit.ledger.log import consistency_proof
from langit.ledger.record import Consent, Record
from langit.ledger.requests import TakedownRequest
from langit.ledger.store import Ledger


def verify_ledger(ledger: Ledger) -> dict[str, Any]:
    """Hash every record, all evidence and all personal data, and compare with the log and its signed states.

    Raises:
        ValueError: something is missing or was changed; the first thing is named.
    """
    ledger.check()
    records = [record for kind in KINDS.values() for record in ledger.read(kind)]
    evidence = {digest for record in records for digest in _evidence_of(record)}
    for digest in sorted(evidence):
        ledger.evidence.get(digest)
    commitments = {item for record in records for item in _commitments_of(record)}
    kept = sum(ledger.personal.get(commitment) is not None for commitment in sorted(commitments))
    states = [history.check_continues(ledger, ledger.place, note) for note in history.kept_notes(ledger.place)]
    signed = [f"{state.origin} at {state.size} entries, root {state.root.hex()}" for state in states]
    counts = Counter(record.record for record in records)
    return {
        "verified": f"{ledger.size} entries, root {ledger.root().hex()}",
        "records": ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())) or "none",
        "evidence": f"{len(evidence)} files",
        "personal data": f"{kept} kept, {len(commitments) - kept} erased",
        "signed states": list(dict.fromkeys(signed)) or "none: no state of this ledger was ever signed",
    }


def prove_consistency(ledger: Ledger, signer: Signer, old: int | str) -> dict[str, Any]:
    """Prove that the log continues an earlier state of it (RFC 6962, 2.1.2), under a checkpoint that is signed now.

    Args:
        ledger: whose log.
        signer: the ledger's key.
        old: a number of entries, or a signed checkpoint.

    Raises:
        UnprovedError: the checkpoint is another log's, or the log does not continue it.
        ValueError: the log never had so many entries.
    """
    note = ledger.checkpoint(signer.name, signer)
    new = LogCheckpoint.parse(note, signer.verifier)
    try:
        before = LogCheckpoint.parse(old, signer.verifier) if isinstance(old, str) else None
    except ValueError as error:
        raise UnprovedError(str(error)) from error
    size = old if isinstance(old, int) else before.size if before is not None else 0
    if before is not None and size > new.size:
        raise UnprovedError(f"log {new.origin!r} was cut back from {size} to {new.size} entries: restore it")
    proof = consistency_proof(ledger.leaves(), size)
    top = ledger.root_at(size)
    assert top is not None
    state = before or LogCheckpoint(new.origin, size, top)
    try:
        new.check_extends(state, proof)
    except ValueError as error:
        raise UnprovedError(str(error)) from error
    return {
        "consistent": f"the first {size} of {new.size} entries are the log that it was",
        "old root": state.root.hex(),
        "new root": new.root.hex(),
        "proof": [item.hex() for item in proof],
        "checkpoint": note,
    }


def _evidence_of(record: Record) -> tuple[str, ...]:
    listing = (record.listing,) if isinstance(record, Manifest) else ()
    looks = (record.looks,) if isinstance(record, TakedownRequest) and record.looks is not None else ()
    return (*getattr(record, "evidence", ()), *listing, *looks)


def _commitments_of(record: Record) -> tuple[str, ...]:
    if isinstance(record, TakedownRequest):
        return (record.person,) if record.statement is None else (record.person, record.statement)
    if not isinstance(record, (Consent, LikenessConsent)):
        return ()
    return (record.person,) if record.form is None else (record.person, record.form)
