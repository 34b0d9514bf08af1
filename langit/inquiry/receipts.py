"""Receipts for strangers: a signed answer to "was it used?", and proofs that a record is in the log.

A signed answer is a C2SP signed note, by the key that signs the ledger's checkpoints. Its second line is JSON, which no
checkpoint has there, so that neither can be taken for the other. It binds the owner to what was said and to the state
of the log at that time; that nothing was overlooked, no receipt can show.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from langit.config import canonical
from langit.ledger import keys, lines, receipt
from langit.ledger.archive import UnprovedError
from langit.ledger.checkpoint import Verifier, open_note
from langit.ledger.record import Record
from langit.ledger.store import Ledger

HEAD: Final = "langit.answer/1"
SUFFIX: Final = ".answer"
TIMES: Final = "answered_at"


def sign_answer(home: Path, answer: dict[str, Any]) -> str:
    """A signed note of an answer, with the time and the state of the ledger that it rests on."""
    ledger = Ledger(home / "ledger")
    signer = keys.signer(home / "ledger")
    state = {"origin": signer.name, "size": ledger.size, "root": ledger.root().hex()}
    said = {**answer, TIMES: datetime.now(UTC).isoformat(timespec="seconds"), "ledger": state}
    return signer.sign(f"{HEAD}\n{canonical(said).decode()}\n")


def is_answer(text: str) -> bool:
    """Whether a text begins as a signed answer does, whole or not."""
    return text.startswith(HEAD.partition("/")[0])


def check_answer(text: str, verifier: Verifier) -> dict[str, Any]:
    """What a signed answer says to somebody who trusts ``verifier``.

    Raises:
        UnprovedError: it was cut or changed, or signed by another key.
    """
    try:
        head, _, body = open_note(text, verifier).partition("\n")
        if head != HEAD:
            raise ValueError(f"{head[:60]!r} is not a form of answer that this Langit knows: upgrade it")
        said = json.loads(body)
        if not isinstance(said, dict):
            raise ValueError("the answer is not an object: get it again")
    except (ValueError, RecursionError) as error:
        raise UnprovedError(str(error).replace("the checkpoint", "the answer")) from error
    return said


def prove_record(home: Path, digest: str) -> str:
    """A receipt that a record is in the ledger, with the records that it names; see ``langit ledger prove``.

    Raises:
        ValueError: there is no such record.
    """
    ledger = Ledger(home / "ledger")
    records = {digest: _find(ledger, digest)}
    waiting = [*lines.references(records[digest])]
    while waiting:
        name = waiting.pop(0)
        if name not in records:
            records[name] = _find(ledger, name)
            waiting += lines.references(records[name])
    first, *named = records.values()
    return receipt.prove(ledger, first, named, keys.signer(home / "ledger"))


def _find(ledger: Ledger, digest: str) -> Record:
    from langit.ledger.derived import KINDS

    if digest in ledger.digests():
        for kind in KINDS.values():
            for record in ledger.read(kind):
                if record.digest == digest:
                    return record
    raise ValueError(f"no record {digest[:64]!r} is in the ledger: check the hash")
