"""Webhooks: endpoints of a key, signed deliveries, and retries that survive a restart.

A delivery goes to public addresses alone: the name is resolved once and the connection goes to what was judged
(``ledger/network``). Signatures are those of Standard Webhooks, which OpenAI's clients check.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import sqlalchemy as sa

from langit.ledger.network import post_url, resolve
from langit.serve import database as tables
from langit.serve.database import Database
from langit.serve.errors import ApiError, not_found
from langit.serve.jobs import Job, new_id

WORKFLOW: Final = "deliver"
MAX_ENDPOINTS: Final = 20
"""Endpoints of a key."""
RETRIES: Final = (1.0, 5.0, 30.0, 120.0, 600.0, 3600.0, 6 * 3600.0, 24 * 3600.0)
"""Seconds to wait before each further attempt."""
SECONDS: Final = 10.0
"""For one attempt, in all."""
AGENT: Final = "langit-webhooks/1"


@dataclass(frozen=True)
class WebhookEndpoint:
    """Where events of a key go. ``secret`` is shown when it is made."""

    id: str
    name: str
    url: str
    event_types: tuple[str, ...]
    secret: str
    created_at: float
    updated_at: float

    @classmethod
    def of(cls, row: sa.Row[Any]) -> WebhookEndpoint:
        """A row of the table."""
        values = {name: row._mapping[name] for name in cls.__dataclass_fields__}
        return cls(**{**values, "event_types": tuple(json.loads(values["event_types"]))})


@dataclass(frozen=True)
class Webhooks:
    """The endpoints of a database."""

    database: Database
    networks: tuple[str, ...] = ()

    def add(self, owner: str, name: str, url: str, event_types: Sequence[str]) -> WebhookEndpoint:
        """Enter an endpoint with a new secret.

        Raises:
            ApiError: the URL is not one, or there are too many.
        """
        check_url(url)
        now, table = time.time(), tables.endpoints
        made = WebhookEndpoint(new_id("we"), name, url, tuple(dict.fromkeys(event_types)), new_secret(), now, now)
        with self.database.begin() as connection:
            count = sa.select(sa.func.count()).select_from(table).where(table.c.owner == owner)
            if connection.execute(count).scalar_one() >= MAX_ENDPOINTS:
                raise ApiError(400, f"a key may have {MAX_ENDPOINTS} webhook endpoints: delete one", code="too_many")
            values = {**vars(made), "event_types": json.dumps(made.event_types), "owner": owner}
            connection.execute(table.insert().values(**values))
        return made

    def list(self, owner: str) -> list[WebhookEndpoint]:
        """All endpoints of an owner, the oldest first."""
        table = tables.endpoints
        with self.database.engine.connect() as connection:
            rows = connection.execute(sa.select(table).where(table.c.owner == owner).order_by(table.c.number)).all()
        return list(map(WebhookEndpoint.of, rows))

    def get(self, owner: str, name: str) -> WebhookEndpoint:
        """An endpoint.

        Raises:
            ApiError: there is none.
        """
        found = next((each for each in self.list(owner) if each.id == name), None)
        if found is None:
            raise not_found("webhook endpoint", name)
        return found

    def update(self, owner: str, endpoint: str, /, **changes: Any) -> WebhookEndpoint:
        """Change an endpoint; None leaves a value.

        Raises:
            ApiError: there is none, or the URL is not one.
        """
        kept = self.get(owner, endpoint)
        if changes.get("url") is not None:
            check_url(changes["url"])
        values = {key: value for key, value in changes.items() if value is not None and value != getattr(kept, key)}
        if values:
            if "event_types" in values:
                values["event_types"] = json.dumps(list(dict.fromkeys(values["event_types"])))
            table, now = tables.endpoints, time.time()
            with self.database.begin() as connection:
                connection.execute(table.update().where(table.c.id == endpoint).values(**values, updated_at=now))
        return self.get(owner, endpoint)

    def rotate(self, owner: str, name: str) -> WebhookEndpoint:
        """Give an endpoint a new secret.

        Raises:
            ApiError: there is none.
        """
        return self.update(owner, name, secret=new_secret())

    def delete(self, owner: str, name: str) -> None:
        """Delete an endpoint; what was not delivered to it yet never is.

        Raises:
            ApiError: there is none.
        """
        self.get(owner, name)
        with self.database.begin() as connection:
            connection.execute(tables.endpoints.delete().where(tables.endpoints.c.id == name))

    def test(self, owner: str, name: str, event_type: str) -> int:
        """Send a sample event at once; returns the status of the answer.

        Raises:
            ApiError: there is no such endpoint, or it cannot be reached.
        """
        endpoint = self.get(owner, name)
        event = new_id("evt")
        try:
            return send(endpoint, event, event_body(event, event_type, "video_test", time.time()), self.networks)
        except (OSError, http.client.HTTPException) as error:
            raise ApiError(
                400, f"{endpoint.url} cannot be reached: {error}", param="url", code="unreachable"
            ) from error

    def deliver(self, name: str) -> bool:
        """Try a delivery once; True if nothing is left to do."""
        table, ends = tables.deliveries, tables.endpoints
        with self.database.engine.connect() as connection:
            row = connection.execute(sa.select(table).where(table.c.id == name)).first()
            if row is None or row.delivered_at is not None:
                return True
            kept = connection.execute(sa.select(ends).where(ends.c.id == row.endpoint)).first()
        if kept is None:
            return True
        problem: str | None = None
        try:
            # The id is that of the event, so that a receiver knows a second delivery from a second event.
            status = send(WebhookEndpoint.of(kept), name.partition(".")[0], row.body, self.networks)
            problem = None if 200 <= status < 300 else f"status {status}"
        except (OSError, http.client.HTTPException) as error:
            problem = str(error)[:300] or type(error).__name__
        with self.database.begin() as connection:
            delivered = time.time() if problem is None else None
            connection.execute(
                table.update()
                .where(table.c.id == name)
                .values(attempts=table.c.attempts + 1, delivered_at=delivered, problem=problem)
            )
        return problem is None


def enter_deliveries(database: Database, connection: sa.Connection, job: Job, now: float) -> None:
    """Enter the deliveries of a job's last event to all endpoints of its owner that want it, and queue them.

    Names follow from the job's: however often this runs, there is one event.
    """
    table, kind = tables.endpoints, f"video.{job.status}"
    event = "evt_" + hashlib.sha256(f"{job.id} {kind}".encode()).hexdigest()[:32]
    for row in connection.execute(sa.select(table).where(table.c.owner == job.owner)).all():
        if kind not in json.loads(row.event_types):
            continue
        name = f"{event}.{row.id}"
        connection.execute(
            tables.deliveries.insert().values(
                id=name, endpoint=row.id, body=event_body(event, kind, job.id, now), created_at=now
            )
        )
        database.client.enqueue_in_transaction(
            connection,
            {
                "workflow_name": WORKFLOW,
                "queue_name": tables.HOOKS,
                "workflow_id": name,
                "app_version": tables.VERSION,
            },
            name,
        )


def event_body(event: str, kind: str, job: str, now: float) -> str:
    """An event as JSON."""
    return json.dumps(
        {"id": event, "object": "event", "created_at": int(now), "type": kind, "data": {"id": job}},
        separators=(",", ":"),
    )


def new_secret() -> str:
    """A signing secret: whsec_ and 24 random bytes in base64."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()


def sign_event(secret: str, event: str, timestamp: int, body: str) -> str:
    """The signature of a delivery: v1 and HMAC-SHA256 of "{id}.{timestamp}.{body}" in base64."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{event}.{timestamp}.{body}".encode(), hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def send(endpoint: WebhookEndpoint, event: str, body: str, networks: Sequence[str]) -> int:
    """Deliver an event once; returns the status of the answer, whose body is not read.

    Raises:
        OSError, HTTPException: the address is not public, or nothing answered in time.
    """
    timestamp = int(time.time())
    headers = {
        "Content-Type": "application/json",
        "webhook-id": event,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign_event(endpoint.secret, event, timestamp, body),
    }
    return post_url(endpoint.url, AGENT, body.encode(), headers, seconds=SECONDS, total=SECONDS, networks=networks)


def check_url(url: str) -> None:
    """Refuse what is no URL to deliver to. Addresses are judged at every delivery, since names change theirs.

    Raises:
        ApiError: names the problem.
    """
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
        good = (
            good and (parts.port is None or parts.port > 0) and url.isascii() and url.isprintable() and " " not in url
        )
    except ValueError:
        good = False
    if not good:
        raise ApiError(
            400,
            f"url {url[:80]!r} cannot be delivered to: use https://HOST/PATH without a password in it",
            param="url",
            code="invalid_url",
        )


def check_address(url: str, networks: Sequence[str]) -> None:
    """Refuse a URL whose host is not public now, so that a mistake shows at once.

    Raises:
        ApiError: it is no URL, its host is private or has no address.
    """
    check_url(url)
    parts = urlsplit(url)
    try:
        resolve(parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80), networks)
    except OSError as error:
        message = str(error).split(": --allow-network")[0]
        raise ApiError(400, f"url {url[:80]!r}: {message}", param="url", code="address_not_public") from error
