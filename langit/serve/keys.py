"""API keys: made once, shown once, kept as hashes. A key is 32 random bytes, so a plain hash tells nothing of it."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

import sqlalchemy as sa

from langit.serve import database as tables
from langit.serve.database import Database
from langit.serve.jobs import new_id
from langit.serve.settings import Limits

PREFIX: Final = "sk-langit-"
FRESH: Final = 2.0
"""Seconds for which a key that was looked up is remembered: a revoked one works no longer than that."""


@dataclass(frozen=True)
class ApiKey:
    """A key on record. ``limits`` are those that differ from the server's."""

    id: str
    name: str
    created_at: float
    revoked_at: float | None
    limits: Mapping[str, Any]

    def limits_within(self, general: Limits) -> Limits:
        """The limits of this key."""
        return replace(general, **self.limits)


@dataclass(frozen=True)
class Keys:
    """The keys of a database."""

    database: Database
    _seen: dict[str, tuple[float, ApiKey | None]] = field(default_factory=dict, repr=False, compare=False)

    def add(self, name: str, limits: Mapping[str, Any] | None = None) -> tuple[ApiKey, str]:
        """Make a key; the second value is the key itself, which is not kept.

        Raises:
            ValueError: the name is taken or empty, or there is no such limit.
        """
        if not name.strip() or len(name) > 200 or not name.isprintable():
            raise ValueError(f"{name[:40]!r} is not a name for a key: use up to 200 letters, for example alice")
        wrong = sorted(set(limits or {}) - set(asdict(Limits())))
        if wrong:
            raise ValueError(f"there is no limit {wrong[0]!r}: use {', '.join(asdict(Limits()))}")
        Limits(**(limits or {}))  # its ValueError names a limit that allows nothing
        secret = PREFIX + secrets.token_urlsafe(32)
        key = ApiKey(new_id("key"), name, time.time(), None, dict(limits or {}))
        try:
            with self.database.begin() as connection:
                connection.execute(
                    tables.keys.insert().values(
                        id=key.id,
                        name=name,
                        sha256=_digest(secret),
                        created_at=key.created_at,
                        limits=json.dumps(key.limits),
                    )
                )
        except sa.exc.IntegrityError as error:
            raise ValueError(f"a key {name!r} exists: use another name; names of revoked keys stay taken") from error
        return key, secret

    def revoke(self, name: str) -> None:
        """Revoke a key.

        Raises:
            ValueError: there is no key of that name, or it is revoked.
        """
        table = tables.keys
        with self.database.begin() as connection:
            changed = connection.execute(
                table.update().where(table.c.name == name, table.c.revoked_at.is_(None)).values(revoked_at=time.time())
            ).rowcount
        if not changed:
            raise ValueError(f"there is no key {name!r} to revoke: langit serve keys list shows them")
        self._seen.clear()

    def list(self) -> tuple[ApiKey, ...]:
        """All keys in the order of creation."""
        with self.database.engine.connect() as connection:
            rows = connection.execute(sa.select(tables.keys).order_by(tables.keys.c.created_at)).all()
        return tuple(map(_key, rows))

    @property
    def exist(self) -> bool:
        """Whether any key is valid."""
        return any(key.revoked_at is None for key in self.list())

    def find(self, secret: str) -> ApiKey | None:
        """The valid key with this secret."""
        return self._cached("sha256", _digest(secret))

    def by_id(self, name: str) -> ApiKey | None:
        """The valid key with this id."""
        return self._cached("id", name)

    def _cached(self, column: str, value: str) -> ApiKey | None:
        now = time.monotonic()
        seen = self._seen.get(value)
        if seen is not None and now - seen[0] < FRESH:
            return seen[1]
        table = tables.keys
        with self.database.engine.connect() as connection:
            row = connection.execute(
                sa.select(table).where(table.c[column] == value, table.c.revoked_at.is_(None))
            ).first()
        found = None if row is None else _key(row)
        if len(self._seen) > 10_000:  # of strangers who try keys
            self._seen.clear()
        self._seen[value] = now, found
        return found


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def _key(row: sa.Row[Any]) -> ApiKey:
    return ApiKey(row.id, row.name, row.created_at, row.revoked_at, json.loads(row.limits))
