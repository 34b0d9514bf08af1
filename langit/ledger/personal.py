"""Personal data beside the log: the log holds salted commitments, and what they commit to can be erased.

A commitment is SHA-256(salt || data) with 32 random bytes of salt, which are kept and erased with the data. From the
log alone nobody can learn anything of a commitment, nor try names against it; from salt and data anybody can check that
they are what was entered. When both are erased the log is as valid as before. Knows nothing of the law.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import unicodedata
from dataclasses import dataclass
from typing import Any

from langit.config import canonical
from langit.ledger.place import LedgerPlace
from langit.ledger.record import check_sha256

SALT = 32


def commit(salt: bytes, data: bytes) -> str:
    """The commitment to ``data``, in hexadecimal digits."""
    assert len(salt) == SALT
    return hashlib.sha256(salt + data).hexdigest()


@dataclass(frozen=True)
class Personal:
    """The personal data of the ledger at ``place``: one file each, named by its commitment."""

    place: LedgerPlace

    def put(self, data: bytes) -> str:
        """Store bytes; returns a commitment that is new each time, so that no two of them can be linked."""
        salt = secrets.token_bytes(SALT)
        name = commit(salt, data)
        self.place.put(_name(name), salt + data)
        return name

    def put_facts(self, **facts: Any) -> str:
        """Store facts, such as a name and an address, as canonical JSON."""
        return self.put(canonical(facts))

    def get(self, commitment: str) -> bytes | None:
        """The bytes, or ``None`` where they were erased or never stored.

        Raises:
            ValueError: they are not what was committed to.
        """
        check_sha256("commitment", commitment)
        try:
            kept = self.place.get(_name(commitment))
        except FileNotFoundError:
            return None
        if len(kept) < SALT or commit(kept[:SALT], kept[SALT:]) != commitment:
            raise ValueError(f"personal data {commitment} of {self.place} was changed: restore it, or erase it")
        return kept[SALT:]

    def identify(self, commitment: str) -> str:
        """What tells the people of two commitments apart: the name in the facts, or all of the data.

        One person who is on record twice, as after a renewal, has two commitments that cannot be linked without the
        data. Where the data were erased the commitment itself has to do.
        """
        data = self.get(commitment)
        if data is None:
            return commitment
        try:
            facts = json.loads(data)
        except (ValueError, RecursionError):
            facts = None
        name = facts.get("name") if isinstance(facts, dict) else None
        if isinstance(name, str) and name.strip():
            return "name " + " ".join(unicodedata.normalize("NFKC", name).casefold().split())
        return "data " + hashlib.sha256(data).hexdigest()

    def erase(self, commitment: str) -> bool:
        """Erase data and salt; returns whether there were any. Owners of copies have to erase these themselves."""
        check_sha256("commitment", commitment)
        present = _name(commitment) in self.place.names("personal")
        self.place.delete(_name(commitment))
        return present

    def commitments(self) -> tuple[str, ...]:
        """The commitments whose data were not erased, sorted."""
        return tuple(sorted(name.rsplit("/", 1)[1] for name in self.place.names("personal")))


def _name(commitment: str) -> str:
    return f"personal/{commitment}"
