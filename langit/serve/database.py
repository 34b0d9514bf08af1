"""The database of the server: its tables, and the connection that they share with DBOS's queue.

SQLite in a file, or Postgres by URL. A job's row and its place in the queue are written in one transaction, so there is
never one without the other. Knows nothing of videos.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import filelock
import sqlalchemy as sa
from dbos import DBOS, DBOSClient, Serializer

from langit.files import make_private
from langit.serve.settings import ServeSettings

FILE: Final = "jobs.sqlite3"
APPLICATION: Final = "langit"
VERSION: Final = "1"
"""Of the workflows: processes of one version take each other's jobs over. It changes when their steps do."""
MIGRATION_LOCK: Final = 0x6C616E67
"""Key of Postgres' advisory lock under which tables are created."""
QUEUE: Final = "videos"
"""The queue of jobs."""
HOOKS: Final = "webhooks"
"""The queue of deliveries to webhooks."""

metadata = sa.MetaData()

jobs = sa.Table(
    "langit_jobs",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(64), nullable=False, unique=True),
    sa.Column("owner", sa.String(64), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("request", sa.Text, nullable=False),  # JSON: what the worker makes
    sa.Column("shown", sa.Text, nullable=False),  # JSON: fields of the answer that are known before
    sa.Column("result", sa.Text),  # JSON: fields that are known afterwards
    sa.Column("error", sa.Text),  # JSON: code and message
    sa.Column("progress", sa.Integer, nullable=False, server_default="0"),
    sa.Column("steps", sa.Integer, nullable=False, server_default="0"),
    sa.Column("total", sa.Integer, nullable=False, server_default="0"),
    sa.Column("stage", sa.String(16), nullable=False, server_default="queued"),
    sa.Column("details", sa.Text, nullable=False, server_default=""),
    sa.Column("previews", sa.Integer, nullable=False, server_default="0"),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("started_at", sa.Float),
    sa.Column("completed_at", sa.Float),
    sa.Column("expires_at", sa.Float),
    sa.Column("remixed_from", sa.String(64)),
    sa.Column("fields", sa.String(64), nullable=False, server_default=""),  # digest of what the request said
    sa.Column("tag", sa.Integer, nullable=False),  # its turn in the fair queue
    sa.Column("cancelled", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("deleted", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("attempt", sa.Integer, nullable=False, server_default="0"),  # who runs it: only the latest attempt may
    sa.Column("stalls", sa.Integer, nullable=False, server_default="0"),  # attempts in a row that got no further
    sa.Column("worker", sa.String(128)),
    sa.Index("langit_jobs_of_owner", "owner", "deleted", "number"),
    sa.Index("langit_jobs_by_status", "status", "owner"),
    sa.Index("langit_jobs_by_tag", "started_at", "tag"),
)
idempotency = sa.Table(
    "langit_idempotency",
    metadata,
    sa.Column("owner", sa.String(64), primary_key=True),
    sa.Column("key", sa.String(300), primary_key=True),
    sa.Column("fields", sa.String(64), nullable=False),
    sa.Column("job", sa.String(64), nullable=False),
    sa.Column("created_at", sa.Float, nullable=False),
)
keys = sa.Table(
    "langit_keys",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(200), nullable=False, unique=True),
    sa.Column("sha256", sa.String(64), nullable=False, unique=True),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("revoked_at", sa.Float),
    sa.Column("limits", sa.Text, nullable=False, server_default="{}"),  # JSON: limits that differ from the server's
)
characters = sa.Table(
    "langit_characters",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("owner", sa.String(64), nullable=False),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("consent", sa.String(64), nullable=False),
    sa.Column("created_at", sa.Float, nullable=False),
)
endpoints = sa.Table(
    "langit_webhook_endpoints",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(64), nullable=False, unique=True),
    sa.Column("owner", sa.String(64), nullable=False),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("event_types", sa.Text, nullable=False),  # JSON
    sa.Column("secret", sa.Text, nullable=False),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("updated_at", sa.Float, nullable=False),
)
deliveries = sa.Table(
    "langit_webhook_deliveries",
    metadata,
    sa.Column("id", sa.String(128), primary_key=True),
    sa.Column("endpoint", sa.String(64), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("delivered_at", sa.Float),
    sa.Column("problem", sa.Text),
)
workers = sa.Table(
    "langit_workers",
    metadata,
    sa.Column("id", sa.String(128), primary_key=True),
    sa.Column("host", sa.String(300), nullable=False),
    sa.Column("beats", sa.Integer, nullable=False, server_default="0"),
    sa.Column("started_at", sa.Float, nullable=False),
    sa.Column("figures", sa.Text, nullable=False, server_default="{}"),  # JSON: counters for /metrics
)
models = sa.Table(
    "langit_models",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("card", sa.Text, nullable=False),  # JSON: sizes, rate and settings, as a worker read them
    sa.Column("created_at", sa.Float, nullable=False),
)


class JsonSerializer(Serializer):
    """DBOS's values as JSON: its own default unpickles what it reads from the database."""

    def serialize(self, data: Any) -> str:
        return json.dumps(data, default=str)

    def deserialize(self, serialized_data: str) -> Any:
        return json.loads(serialized_data)

    def name(self) -> str:
        return "langit_json"


@dataclass(frozen=True)
class Database:
    """An open database. ``client`` puts work into its queues."""

    url: str
    engine: sa.Engine
    client: DBOSClient

    @classmethod
    def open(cls, settings: ServeSettings, durable: bool = True) -> Database:
        """Open the database of these settings, and create what is missing in it.

        Args:
            settings: see there.
            durable: whether commits survive a power failure; for SQLite. The death of a process loses none either way.

        Raises:
            OSError: the file cannot be written to, or Postgres does not answer.
        """
        make_private(settings.folder)  # prompts, keys, and what people gave
        settings.videos.mkdir(parents=True, exist_ok=True)
        url = database_url(settings)
        engine = create_engine(url, durable)
        try:
            _create_tables(url, engine, settings.folder)
            client = DBOSClient(
                system_database_engine=engine, serializer=JsonSerializer(), application_name=APPLICATION
            )
        except sa.exc.OperationalError as error:
            engine.dispose()
            raise ConnectionError(
                f"the database does not answer ({_first_line(error)}): start it, or correct its URL"
            ) from error
        return cls(url, engine, client)

    @contextmanager
    def begin(self) -> Iterator[sa.Connection]:
        """A transaction, committed at the end of the block."""
        with self.engine.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close all connections."""
        self.client.destroy()
        self.engine.dispose()


def database_url(settings: ServeSettings) -> str:
    """The database's URL as SQLAlchemy reads it."""
    if settings.database is None:
        return f"sqlite:///{settings.folder / FILE}"
    return "postgresql+psycopg://" + settings.database.split("://", 1)[1]


def create_engine(url: str, durable: bool = True) -> sa.Engine:
    """Connections to a database; see :meth:`Database.open`."""
    if not url.startswith("sqlite"):
        return sa.create_engine(url, pool_size=16, max_overflow=16, pool_pre_ping=True)
    # Every thread of the web process may wait for the one writer; none should wait for a connection besides.
    engine = sa.create_engine(url, pool_size=16, max_overflow=48)

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: Any, _: object) -> None:
        # Writers queue up at BEGIN, where SQLite can wait; a read lock that is upgraded later would fail at once.
        connection.isolation_level = "IMMEDIATE"
        connection.execute("PRAGMA busy_timeout=30000")
        connection.execute("PRAGMA journal_mode=WAL")  # readers do not wait for the writer
        # Flushed where jobs are accepted; a worker's progress is flushed with the next of those, and not waited for.
        connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
        connection.execute("PRAGMA foreign_keys=ON")

    return engine


def _create_tables(url: str, engine: sa.Engine, folder: Path) -> None:
    """Create DBOS's tables and ours, one process at a time."""
    if url.startswith("sqlite"):
        with filelock.FileLock(folder / ".tables.lock"):
            engine.connect().close()
            DBOS.migrate(url)
            metadata.create_all(engine)
        return
    with engine.connect() as connection:
        connection.execute(sa.select(sa.func.pg_advisory_lock(MIGRATION_LOCK)))
        connection.commit()
        try:
            DBOS.migrate(url)
            metadata.create_all(engine)
        finally:
            connection.execute(sa.select(sa.func.pg_advisory_unlock(MIGRATION_LOCK)))
            connection.commit()


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:200]
