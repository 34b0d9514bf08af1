"""A worker's side of a job's row: begun, moved on, and ended by the latest attempt; older ones change nothing.

Knows nothing of models or files.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import sqlalchemy as sa

from langit.serve import database as tables
from langit.serve.database import Database
from langit.serve.hooks import enter_deliveries
from langit.serve.jobs import Job

MAX_STALLS: Final = 10
"""Attempts in a row that end before anything was saved; then the job counts as one that kills its worker."""
LAST: Final = 99
"""The progress of a job that is not completed, at most."""


@dataclass(frozen=True)
class JobProgress:
    """How far a job is; see :class:`langit.studio.StudioProgress`."""

    steps: int = 0
    total: int = 0
    stage: str = "preparing"
    details: str = ""
    previews: int = 0

    @property
    def percent(self) -> int:
        """Of the whole job: the last steps leave room for the release."""
        return min(LAST, round(95 * self.steps / self.total)) if self.total else 0


@dataclass(frozen=True)
class Attempts:
    """Attempts at the jobs of a database by one worker."""

    database: Database
    worker: str

    def begin(self, job: str) -> Job | None:
        """Take a job; None if there is nothing to do: it is over, cancelled, or stalled too often."""
        table = tables.jobs
        with self.database.begin() as connection:
            connection.execute(
                table.update()
                .where(table.c.id == job, table.c.status.in_(("queued", "in_progress")), table.c.cancelled.is_(False))
                .values(
                    attempt=table.c.attempt + 1,
                    stalls=table.c.stalls + 1,
                    worker=self.worker,
                    status="in_progress",
                    stage="preparing",
                    started_at=sa.func.coalesce(table.c.started_at, time.time()),
                )
            )
            row = connection.execute(sa.select(table).where(table.c.id == job)).first()
        if row is None or row.status != "in_progress" or row.cancelled:
            return None
        found = Job.of(row)
        if row.stalls > MAX_STALLS:
            self.fail(
                found,
                "worker_died",
                f"the worker died {MAX_STALLS} times while it made this video, which is not tried again",
            )
            return None
        return found

    def is_current(self, job: Job) -> bool:
        """Whether this attempt is the latest, and nobody cancelled the job. One indexed read."""
        table = tables.jobs
        with self.database.engine.connect() as connection:
            row = connection.execute(
                sa.select(table.c.attempt, table.c.cancelled, table.c.status).where(table.c.id == job.id)
            ).first()
        return row is not None and row.attempt == job.attempt and not row.cancelled and row.status == "in_progress"

    def advance(self, job: Job, progress: JobProgress, saved: bool = False) -> None:
        """Write how far a job is. ``saved`` says that a later attempt would not begin anew."""
        values: dict[str, Any] = {
            "steps": progress.steps,
            "total": progress.total,
            "stage": progress.stage,
            "details": progress.details,
            "previews": progress.previews,
            "progress": progress.percent,
        }
        if saved:
            values["stalls"] = 0
        with self.database.begin() as connection:
            connection.execute(self._mine(job).values(**values))

    def complete(self, job: Job, result: Mapping[str, Any], keep: float) -> bool:
        """End a job whose file is there; False if this attempt is no longer the latest.

        Args:
            job: as :meth:`begin` returned it.
            result: fields of the answer.
            keep: seconds until it is deleted.
        """
        now = time.time()
        values = {"progress": 100, "stage": "done", "result": json.dumps(result), "expires_at": now + keep}
        return self._end(job, "completed", now, values)

    def fail(self, job: Job, code: str, message: str) -> bool:
        """End a job with an error; False if this attempt is no longer the latest."""
        error = {"code": code, "message": message}
        return self._end(job, "failed", time.time(), {"stage": "failed", "error": json.dumps(error)})

    def note_nearest(self, job: Job, clips: list[dict[str, Any]]) -> None:
        """Add the nearest training clips to a completed job's answer."""
        table = tables.jobs
        with self.database.begin() as connection:
            kept = connection.execute(sa.select(table.c.result).where(table.c.id == job.id)).scalar()
            if kept is not None:
                result = json.dumps({**json.loads(kept), "x_nearest": clips})
                connection.execute(table.update().where(table.c.id == job.id).values(result=result))

    def _end(self, job: Job, status: Literal["completed", "failed"], now: float, values: dict[str, Any]) -> bool:
        """Change the status, and enter the deliveries to webhooks, in one transaction."""
        with self.database.begin() as connection:
            changed = connection.execute(self._mine(job).values(status=status, completed_at=now, **values)).rowcount
            if changed and job.kind == "video":
                enter_deliveries(self.database, connection, replace(job, status=status), now)
        return bool(changed)

    def _mine(self, job: Job) -> sa.Update:
        table = tables.jobs
        return table.update().where(
            table.c.id == job.id,
            table.c.attempt == job.attempt,
            table.c.status == "in_progress",
            table.c.cancelled.is_(False),
        )
