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
ERASED = "erased"
"""In place of a person's name, where it was erased."""
TITLES = frozenset("dr prof mr mrs ms miss sir dame lady lord ir drs hj haji bapak ibu pak bu".split())  # noqa: SIM905
LATIN = str.maketrans("\u0430\u0435\u043e\u0440\u0441\u0445\u0443\u0456\u03bf\u03b1\u03bd", "aeopcxyioav")
"""Letters of Cyrillic and Greek that look like Latin ones."""


def commit(salt: bytes, data: bytes) -> str:
    """The commitment to ``data``, in hexadecimal digits."""
    assert len(salt) == SALT
    return hashlib.sha256(salt + data).hexdigest()


def comparable_name(name: str) -> str:
    """A name for comparison: without accents, titles, invisible characters, and the order of its parts.

    It takes two people for one rather than one for two, since consent is counted by people.
    """
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", name).casefold()).translate(LATIN)
    kept = "".join(letter for letter in plain if not unicodedata.category(letter).startswith(("M", "C")))
    words = "".join(letter if letter.isalnum() else " " for letter in kept).split()
    return " ".join(sorted(word for word in words if word not in TITLES) or words)


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
        data. Where the data were erased they are ``ERASED``: it may be anybody.
        """
        data = self.get(commitment)
        if data is None:
            return ERASED
        try:
            facts = json.loads(data)
        except (ValueError, RecursionError):
            facts = None
        name = facts.get("name") if isinstance(facts, dict) else None
        if isinstance(name, str) and name.strip():
            return f"name {comparable_name(name)}"
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
