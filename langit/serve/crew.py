"""The workers of a database: who lives, told by their heartbeats, and whose jobs have to move on.

A worker counts its heartbeats; others watch the count with their own clocks, so that clocks need not agree. On one
machine a lock on a file tells at once, since the system drops it with the process.
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import filelock
import sqlalchemy as sa

from langit.serve import database as tables
from langit.serve.database import Database
from langit.serve.settings import ServeSettings


@dataclass
class Crew:
    """The view that one process has of all workers. ``worker`` is its own name; a web process has none."""

    database: Database
    settings: ServeSettings
    worker: str = ""
    host: str = field(default_factory=platform.node)
    _seen: dict[str, tuple[int, float]] = field(default_factory=dict)

    @contextmanager
    def join(self) -> Iterator[None]:
        """Be one of the workers."""
        folder = self._folder
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(self._lock_file(self.worker))
        with lock:
            with self.database.begin() as connection:
                connection.execute(
                    tables.workers.insert().values(id=self.worker, host=self.host, started_at=time.time())
                )
            try:
                yield
            finally:
                self.leave()

    def leave(self) -> None:
        """Be one no more."""
        with suppress(sa.exc.SQLAlchemyError), self.database.begin() as connection:
            connection.execute(tables.workers.delete().where(tables.workers.c.id == self.worker))
        self._lock_file(self.worker).unlink(missing_ok=True)

    def beat(self, figures: dict[str, Any]) -> None:
        """Give a sign of life, with the figures since the start."""
        table = tables.workers
        with self.database.begin() as connection:
            changed = connection.execute(
                table.update()
                .where(table.c.id == self.worker)
                .values(beats=table.c.beats + 1, figures=json.dumps(figures))
            ).rowcount
            if not changed:  # taken for dead, wrongly
                connection.execute(
                    table.insert().values(id=self.worker, host=self.host, started_at=time.time(), figures="{}")
                )

    def find_dead(self) -> list[str]:
        """Workers that died: their locks are free, or their heartbeats have stopped for too long."""
        return [worker for worker, is_dead in self._judge().items() if is_dead]

    def find_alive(self) -> list[str]:
        """Workers that may take jobs, as far as this process can tell: a worker joins when it has loaded its models."""
        return [worker for worker, is_dead in self._judge().items() if not is_dead]

    def _judge(self) -> dict[str, bool]:
        """Whether each worker, without this one, is dead."""
        now, found = time.monotonic(), {}
        with self.database.engine.connect() as connection:
            rows = connection.execute(sa.select(tables.workers)).all()
        for row in rows:
            if row.id == self.worker:
                continue
            beats, since = self._seen.get(row.id, (-1, now))
            if beats != row.beats:
                self._seen[row.id] = row.beats, now
                since = now
            gone = row.host == self.host and self._is_free(row.id)
            found[row.id] = gone or now - since > self.settings.dead_after
        return found

    def bury(self, worker: str) -> None:
        """Forget a dead worker, after its jobs were moved on."""
        with self.database.begin() as connection:
            connection.execute(tables.workers.delete().where(tables.workers.c.id == worker))
        self._seen.pop(worker, None)
        self._lock_file(worker).unlink(missing_ok=True)

    @property
    def _folder(self) -> Path:
        return self.settings.folder / "workers"

    def _lock_file(self, worker: str) -> Path:
        return self._folder / f"{worker}.lock"

    def _is_free(self, worker: str) -> bool:
        """Whether nobody holds a worker's lock."""
        path = self._lock_file(worker)
        if not path.exists():
            return True
        lock = filelock.FileLock(path)
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            return False
        lock.release()
        return True


def worker_id() -> str:
    """A name for this process that no other process has had."""
    return f"{platform.node()[:60]}-{os.getpid()}-{os.urandom(4).hex()}"
