"""Characters: people who agreed to be shown. Each is a consent in the ledger's likeness registry, with its evidence.

The registry is the server's: prompts that name a person are judged by it whoever asks. An id belongs to one key.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from langit.serve import database as tables
from langit.serve.database import Database
from langit.serve.errors import ApiError, not_found
from langit.serve.jobs import new_id

if TYPE_CHECKING:
    from langit.ledger.store import Ledger


@dataclass(frozen=True)
class Character:
    """A person by the name that prompts may use; ``consent`` is the digest of the ledger's record."""

    id: str
    name: str
    consent: str
    created_at: float


@dataclass(frozen=True)
class Characters:
    """The characters of a database, and the ledger of a home."""

    database: Database
    home: Path

    def add(self, owner: str, name: str, scopes: Sequence[str], evidence: Path, until: str | None) -> Character:
        """Enter a person's consent.

        Raises:
            ApiError: the name is not a full one, or a scope or date is wrong.
        """
        from langit.release.gates import likeness  # with the ledger, which takes a second to import

        try:
            entered = likeness.grant(self._ledger, name, scopes, evidence, until)
        except ValueError as error:
            message = str(error).replace(str(evidence), "x_consent").replace("--until", "x_until")
            raise ApiError(400, message, code="invalid_consent") from error
        made = Character(new_id("char"), " ".join(name.split()), entered.digest, time.time())
        with self.database.begin() as connection:
            connection.execute(tables.characters.insert().values(**vars(made), owner=owner))
        return made

    def get(self, owner: str, name: str) -> Character:
        """A character.

        Raises:
            ApiError: there is none.
        """
        table = tables.characters
        with self.database.engine.connect() as connection:
            row = connection.execute(sa.select(table).where(table.c.id == name, table.c.owner == owner)).first()
        if row is None:
            raise not_found("character", name)
        return Character(row.id, row.name, row.consent, row.created_at)

    def check(self, owner: str, names: Sequence[str]) -> None:
        """Refuse characters whose consent is not in force today.

        Raises:
            ApiError: one is not, or does not exist.
        """
        if not names:
            return
        from langit.release.gates import likeness

        try:
            wanted = [self.get(owner, name) for name in names]
        except ApiError as error:
            raise ApiError(400, error.message, param="x_characters", code=error.code) from error
        standing = {grant.digest: grant.standing for grant in likeness.grants(self._ledger)}
        for character in wanted:
            found = standing.get(character.consent, "revoked")
            if found != "in force":
                raise ApiError(
                    400,
                    f"the consent of character {character.id!r} is {found}: leave the character out",
                    param="x_characters",
                    code="consent_not_in_force",
                )

    @property
    def _ledger(self) -> Ledger:
        from langit.ledger.store import Ledger

        return Ledger(self.home / "ledger")
