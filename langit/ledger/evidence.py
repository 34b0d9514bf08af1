"""Evidence, stored by its SHA-256: licence texts, headers, robots.txt, terms, lists of clips.

Written whole or not at all, and checked whenever it is read. Knows nothing of what it proves.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from langit.ledger.place import LedgerPlace
from langit.ledger.record import check_sha256


@dataclass(frozen=True)
class Evidence:
    """The evidence of the ledger at ``place``."""

    place: LedgerPlace

    def put(self, data: bytes) -> str:
        """Store bytes; returns their SHA-256, by which they are found again. The same bytes are stored once."""
        digest = hashlib.sha256(data).hexdigest()
        if not self.has(digest):
            self.place.put(_name(digest), data)
        return digest

    def get(self, digest: str) -> bytes:
        """The bytes.

        Raises:
            ValueError: they are missing, or were changed.
        """
        check_sha256("evidence", digest)
        try:
            data = self.place.get(_name(digest))
        except FileNotFoundError as error:
            raise ValueError(f"evidence {digest} is not in {self.place}: restore it") from error
        if hashlib.sha256(data).hexdigest() != digest:
            raise ValueError(f"evidence {digest} of {self.place} was changed: restore it")
        return data

    def has(self, digest: str) -> bool:
        """Whether the bytes are there and unchanged."""
        try:
            self.get(digest)
        except ValueError:
            return False
        return True

    def digests(self) -> tuple[str, ...]:
        """The SHA-256 of everything that is stored, sorted."""
        return tuple(sorted(name.rsplit("/", 1)[1] for name in self.place.names("evidence")))


def _name(digest: str) -> str:
    return f"evidence/{digest[:2]}/{digest}"
