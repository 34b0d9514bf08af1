"""Jobs as rows: created once, read by every server, moved on by the worker that holds the latest attempt.

Every call is one short transaction. Knows nothing of how videos are made.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from uuid import uuid4

import sqlalchemy as sa

from langit.serve import database as tables
from langit.serve.database import Database
from langit.serve.errors import ApiError, not_found
from langit.serve.settings import DAY, Limits

Status = Literal["queued", "in_progress", "completed", "failed"]
Kind = Literal["video", "image"]
Order = Literal["asc", "desc"]
KEPT_KEYS: Final = DAY
"""Seconds for which an idempotency key is remembered."""
RESENT: Final = 600.0
"""Seconds within which a client that got no answer sends a request again."""
WORKFLOW: Final = "make_video"


@dataclass(frozen=True)
class NewJob:
    """What a request asks for, checked.

    kind: video or image.
    model: its name.
    request: what the worker makes, see :mod:`langit.serve.requests`.
    shown: fields of the answer that are known before: prompt, size, seconds, x_seed ...
    remixed_from: the job whose video it begins with.
    id: chosen before where files were stored under it.
    fields: a digest of what the request said.
    """

    kind: Kind
    model: str
    request: Mapping[str, Any]
    shown: Mapping[str, Any]
    remixed_from: str | None = None
    id: str = field(default_factory=lambda: new_id("video"))
    fields: str = ""


@dataclass(frozen=True)
class Job:
    """A job as it stands. Times are seconds since 1970."""

    id: str
    owner: str
    kind: str
    status: Status
    model: str
    request: Mapping[str, Any]
    shown: Mapping[str, Any]
    result: Mapping[str, Any]
    error: Mapping[str, Any] | None
    progress: int
    steps: int
    total: int
    stage: str
    details: str
    previews: int
    created_at: float
    started_at: float | None
    completed_at: float | None
    expires_at: float | None
    remixed_from: str | None
    attempt: int
    cancelled: bool
    deleted: bool
    number: int

    @classmethod
    def of(cls, row: sa.Row[Any]) -> Job:
        """A row of the table."""
        values = {name: row._mapping[name] for name in cls.__dataclass_fields__}
        for name in ("request", "shown", "result", "error"):
            values[name] = json.loads(values[name]) if values[name] else (None if name == "error" else {})
        return cls(**values)

    @property
    def is_over(self) -> bool:
        """Whether nothing will change any more."""
        return self.status in ("completed", "failed")


@dataclass(frozen=True)
class Jobs:
    """The jobs of a database. ``owner`` is the id of a key, or ``local``; nobody sees another's jobs.

    on_new: is called when a job has been entered, to wake who makes it.
    """

    database: Database
    on_new: Callable[[], object] = lambda: None

    def create(
        self, owner: str, new: NewJob, limits: Limits, key: str | None = None, is_resent: bool = False
    ) -> tuple[Job, bool]:
        """Enter a job and put it into the queue, at once or not at all.

        Args:
            owner: whose it is.
            new: the job.
            limits: of the owner.
            key: the client's idempotency key: one key gives one job for 24 hours.
            is_resent: whether the client says that it sends a request again: then a job of the same fields that was
                entered a moment ago is the one that it means.

        Returns:
            The job, and whether it is new.

        Raises:
            ApiError: the key was used with other fields, or the owner has too many jobs.
        """
        now = time.time()
        with self.database.begin() as connection:
            known = self._known(connection, owner, key, new, now) if key is not None else None
            if known is None and key is None and is_resent:
                known = self._resent(connection, owner, new, now)
            if known is not None:
                return known, False
            self._check_quotas(connection, owner, limits, now)
            tag = self._next_turn(connection, owner)
            values = {
                "id": new.id,
                "owner": owner,
                "kind": new.kind,
                "status": "queued",
                "model": new.model,
                "request": json.dumps(new.request),
                "shown": json.dumps(new.shown),
                "created_at": now,
                "remixed_from": new.remixed_from,
                "fields": new.fields,
                "tag": tag,
            }
            connection.execute(tables.jobs.insert().values(**values))
            self.enqueue(connection, new.id, tag)
            (row,) = connection.execute(sa.select(tables.jobs).where(tables.jobs.c.id == new.id))
        self.on_new()
        return Job.of(row), True

    def enqueue(self, connection: sa.Connection, job: str, tag: int) -> None:
        """Put a job into the queue; the lowest tag is next."""
        self.database.client.enqueue_in_transaction(
            connection,
            {
                "workflow_name": WORKFLOW,
                "queue_name": tables.QUEUE,
                "workflow_id": job,
                "priority": tag,
                "app_version": tables.VERSION,
            },
            job,
        )

    def _known(self, connection: sa.Connection, owner: str, key: str, new: NewJob, now: float) -> Job | None:
        """The job that a key made before; otherwise the key is kept for this one."""
        table = tables.idempotency
        connection.execute(table.delete().where(table.c.created_at < now - KEPT_KEYS))
        kept = connection.execute(sa.select(table).where(table.c.owner == owner, table.c.key == key)).first()
        if kept is None:
            values = {"owner": owner, "key": key, "fields": new.fields, "job": new.id, "created_at": now}
            connection.execute(table.insert().values(**values))
            return None
        if kept.fields != new.fields:
            raise ApiError(
                409,
                f"Idempotency-Key {key[:80]!r} was used with other fields in the last 24 hours: use another key",
                param="Idempotency-Key",
                code="idempotency_key_reused",
            )
        row = connection.execute(sa.select(tables.jobs).where(tables.jobs.c.id == kept.job)).first()
        if row is None or row.deleted:
            raise not_found("video", kept.job)
        return Job.of(row)

    def _resent(self, connection: sa.Connection, owner: str, new: NewJob, now: float) -> Job | None:
        """The newest job of the same fields that was entered a moment ago."""
        table = tables.jobs
        row = connection.execute(
            sa.select(table)
            .where(table.c.owner == owner, table.c.deleted.is_(False), table.c.fields == new.fields)
            .where(table.c.created_at > now - RESENT)
            .order_by(table.c.number.desc())
        ).first()
        return None if row is None else Job.of(row)

    def _check_quotas(self, connection: sa.Connection, owner: str, limits: Limits, now: float) -> None:
        table = tables.jobs
        count = sa.select(sa.func.count()).select_from(table).where(table.c.owner == owner)
        waiting = connection.execute(
            count.where(table.c.status.in_(("queued", "in_progress")), table.c.deleted.is_(False))
        ).scalar_one()
        if waiting >= limits.waiting:
            raise ApiError(
                429,
                f"{waiting} videos are waiting, the most that this key may have: wait until one is done, or delete one",
                code="too_many_waiting",
                headers={"Retry-After": "10"},
            )
        today = connection.execute(count.where(table.c.created_at > now - DAY)).scalar_one()
        if today >= limits.jobs_per_day:
            raise ApiError(
                429,
                f"{today} videos in 24 hours are the most that this key may ask for: try again later",
                code="quota_exceeded",
                headers={"Retry-After": "3600"},
            )

    def _next_turn(self, connection: sa.Connection, owner: str) -> int:
        """The turn of a new job: start-time fair queueing (Goyal, Vin, Cheng 1997) with jobs of equal length.

        A key's jobs follow each other one turn apart, beginning at the turn that is served now. So keys alternate,
        and one that comes later does not wait for all that another has piled up.
        """
        table = tables.jobs
        served = connection.execute(sa.select(sa.func.max(table.c.tag)).where(table.c.started_at.is_not(None)))
        last = connection.execute(sa.select(sa.func.max(table.c.tag)).where(table.c.owner == owner))
        return max(served.scalar_one() or 0, last.scalar_one() or 0) + 1

    def get(self, owner: str, job: str, kind: Kind = "video") -> Job:
        """A job of one kind.

        Raises:
            ApiError: there is none, it was deleted, or it is another owner's.
        """
        table = tables.jobs
        query = sa.select(table).where(table.c.id == job, table.c.owner == owner, table.c.kind == kind)
        with self.database.engine.connect() as connection:
            row = connection.execute(query.where(table.c.deleted.is_(False))).first()
        if row is None:
            raise not_found(kind, job)
        return Job.of(row)

    def find(self, job: str) -> Job | None:
        """A job of anybody, deleted or not: for workers."""
        with self.database.engine.connect() as connection:
            row = connection.execute(sa.select(tables.jobs).where(tables.jobs.c.id == job)).first()
        return None if row is None else Job.of(row)

    def list(
        self, owner: str, *, after: str | None = None, limit: int = 20, order: Order = "desc", kind: Kind = "video"
    ) -> tuple[Sequence[Job], bool]:
        """Jobs in the order of creation, and whether there are more.

        Args:
            owner: whose.
            after: the id of a job: those behind it are listed.
            limit: how many at most.
            order: desc begins with the newest.
            kind: video or image.

        Raises:
            ApiError: ``after`` is no job of this owner.
        """
        table = tables.jobs
        query = sa.select(table).where(table.c.owner == owner, table.c.deleted.is_(False), table.c.kind == kind)
        with self.database.engine.connect() as connection:
            if after is not None:
                # A deleted job still says where to go on.
                number = connection.execute(
                    sa.select(table.c.number).where(table.c.id == after, table.c.owner == owner, table.c.kind == kind)
                ).scalar()
                if number is None:
                    raise ApiError(
                        400,
                        f"after {after[:80]!r} is no {kind} of this list: use the last_id of the page before",
                        param="after",
                        code="invalid_cursor",
                    )
                query = query.where(table.c.number > number if order == "asc" else table.c.number < number)
            query = query.order_by(table.c.number.asc() if order == "asc" else table.c.number.desc())
            rows = connection.execute(query.limit(limit + 1)).all()
        return [Job.of(row) for row in rows[:limit]], len(rows) > limit

    def delete(self, owner: str, job: str, kind: Kind = "video") -> Job:
        """Delete a job: what waits or runs is cancelled, and what was asked is forgotten. Its files are the caller's.

        Raises:
            ApiError: there is none.
        """
        found = self.get(owner, job, kind)
        self.mark_deleted(job)
        return found

    def mark_deleted(self, job: str) -> None:
        """Mark a job as deleted and cancelled, and erase what a person wrote."""
        table = tables.jobs
        erased = {"request": "{}", "shown": "{}", "result": None, "error": None}
        with self.database.begin() as connection:
            connection.execute(
                table.update()
                .where(table.c.id == job)
                .values(
                    deleted=True,
                    cancelled=True,
                    status=sa.case((table.c.status == "completed", "completed"), else_="failed"),
                    **erased,
                )
            )


def new_id(prefix: str) -> str:
    """A name that nobody can guess: "video_…"."""
    return f"{prefix}_{uuid4().hex}"
