"""Webhooks: signed as OpenAI's clients check them, retried, once for each event, and never to a private address."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import openai
import pytest
import sqlalchemy as sa
from serve.conftest import Local, Start

from langit.serve import database as tables
from langit.serve.attempts import Attempts
from langit.serve.hooks import sign_event

LOOPBACK = ("127.0.0.0/8",)


class Receiver(HTTPServer):
    """Keeps what it is sent, and answers with the statuses that it was given, the last one again and again."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.statuses = [200]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook?a=b"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server = self.server
        assert isinstance(server, Receiver)
        body = self.rfile.read(int(self.headers["content-length"]))
        server.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(server.statuses.pop(0) if len(server.statuses) > 1 else server.statuses[0])
        self.send_header("location", "http://127.0.0.1:1/")
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def enter(client: Local, url: str, *kinds: str) -> dict[str, str]:
    body = {"name": "mine", "url": url, "event_types": list(kinds or ("video.completed", "video.failed"))}
    answer = client.post("/v1/webhook_endpoints", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, str] = answer.json()
    return found


def finish(client: Local, code: str = "") -> str:
    """A job that a worker ends; returns its id."""
    name = client.post("/v1/videos", json={"prompt": "a ball"}).json()["id"]
    attempts = Attempts(client.services.database, "w")
    job = attempts.begin(name)
    assert job is not None
    for _ in range(2):  # the second one changes nothing
        if code:
            attempts.fail(job, code, "why")
        else:
            attempts.complete(job, {}, 60)
    return str(name)


def deliveries(client: Local) -> list[str]:
    with client.services.database.engine.connect() as connection:
        return list(connection.execute(sa.select(tables.deliveries.c.id)).scalars())


def test_events_are_signed_so_that_openais_client_takes_them(start: Start, receiver: Receiver) -> None:
    client = start(private_networks=LOOPBACK)
    point = enter(client, receiver.url)
    name = finish(client)
    (delivery,) = deliveries(client)
    assert client.services.webhooks.deliver(delivery)
    ((headers, body),) = receiver.got
    event = json.loads(body)
    assert event["type"] == "video.completed" and event["data"] == {"id": name} and event["object"] == "event"
    assert headers["webhook-id"] == event["id"] == delivery.partition(".")[0]
    ask = openai.OpenAI(api_key="none", webhook_secret=point["signing_secret"])
    ask.webhooks.verify_signature(body.decode(), headers)
    assert ask.webhooks.unwrap(body.decode(), headers).type == "video.completed"
    with pytest.raises(openai.InvalidWebhookSignatureError):
        ask.webhooks.verify_signature(body.decode().replace("completed", "failed"), headers)
    other = openai.OpenAI(api_key="none", webhook_secret="whsec_b3RoZXI=")
    with pytest.raises(openai.InvalidWebhookSignatureError):
        other.webhooks.verify_signature(body.decode(), headers)
    assert client.services.webhooks.deliver(delivery) and len(receiver.got) == 1  # once


def test_the_signature_of_the_standards_example() -> None:
    # Standard Webhooks, specification, "Verifying signatures".
    signed = sign_event(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, '{"test": 2432232314}'
    )
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_what_fails_is_tried_again(start: Start, receiver: Receiver) -> None:
    client = start(private_networks=LOOPBACK)
    enter(client, receiver.url, "video.failed")
    finish(client)  # completed: nobody asked for it
    assert deliveries(client) == []
    finish(client, "moderation_blocked")
    (delivery,) = deliveries(client)
    receiver.statuses = [500, 302, 204]
    hooks = client.services.webhooks
    assert [hooks.deliver(delivery) for _ in range(3)] == [False, False, True]  # redirects are not followed
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
    with client.services.database.engine.connect() as connection:
        row = connection.execute(sa.select(tables.deliveries)).one()
    assert row.attempts == 3 and row.delivered_at is not None and row.problem is None


def test_a_deleted_endpoint_gets_nothing(start: Start, receiver: Receiver) -> None:
    client = start(private_networks=LOOPBACK)
    point = enter(client, receiver.url)
    finish(client)
    assert client.delete(f"/v1/webhook_endpoints/{point['id']}").json()["deleted"] is True
    (delivery,) = deliveries(client)
    assert client.services.webhooks.deliver(delivery) and receiver.got == []


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "localhost", "10.0.0.1", "192.168.1.1", "169.254.169.254", "[::1]", "0x7f000001", "2130706433"),
        *("[::ffff:127.0.0.1]", "0.0.0.0", "100.64.0.1", "[fd00::1]", "127.1"),
    ],
)
def test_private_addresses_are_refused(client: Local, host: str) -> None:
    body = {"name": "mine", "url": f"http://{host}/hook", "event_types": ["video.completed"]}
    answer = client.post("/v1/webhook_endpoints", json=body)
    assert answer.status_code == 400 and answer.json()["error"]["code"] == "address_not_public"


def test_an_address_that_became_private_is_refused_at_delivery(client: Local, receiver: Receiver) -> None:
    # As a name does that is rebound after it was entered.
    client.services.webhooks.add("local", "mine", receiver.url, ["video.completed"])
    finish(client)
    (delivery,) = deliveries(client)
    assert not client.services.webhooks.deliver(delivery)
    assert receiver.got == []


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "gopher://x",
        "https://",
        "https://user:pw@example.com",
        "//x",
        "x",
        "https://a b/c",
        "http://[x",
    ],
)
def test_what_is_no_url_is_refused(client: Local, url: str) -> None:
    body = {"name": "mine", "url": url, "event_types": ["video.completed"]}
    answer = client.post("/v1/webhook_endpoints", json=body)
    assert answer.status_code == 400 and answer.json()["error"]["param"] == "url"


def test_openais_client_manages_endpoints(start: Start, receiver: Receiver) -> None:
    client = start(private_networks=LOOPBACK)
    ask = openai.OpenAI(base_url="http://127.0.0.1:8000/v1", api_key="none", http_client=client)  # type: ignore[arg-type]
    made = ask.webhooks.create(name="mine", url=receiver.url, event_types=["video.completed"])
    assert made.signing_secret.startswith("whsec_")
    kept = ask.webhooks.retrieve(made.id)
    assert kept.name == "mine" and kept.signing_secret_hint and made.signing_secret not in kept.model_dump_json()
    changed = ask.webhooks.update(made.id, name="ours", event_types=["video.failed"])
    assert (changed.name, changed.event_types, changed.url) == ("ours", ["video.failed"], receiver.url)
    rotated = ask.webhooks.rotate_secret(made.id)
    assert rotated.signing_secret != made.signing_secret
    tested = ask.webhooks.test(made.id, event_type="video.completed")
    assert tested.status_code == 200 and len(receiver.got) == 1
    assert [each.id for each in ask.webhooks.list()] == [made.id]
    assert ask.webhooks.delete(made.id).deleted
    with pytest.raises(openai.NotFoundError):
        ask.webhooks.retrieve(made.id)


def test_a_key_may_have_only_so_many_endpoints(start: Start) -> None:
    client = start()
    for number in range(20):
        client.services.webhooks.add("local", str(number), "https://example.com", ["video.completed"])
    body = {"name": "mine", "url": "https://1.1.1.1/", "event_types": ["video.completed"]}
    assert client.post("/v1/webhook_endpoints", json=body).json()["error"]["code"] == "too_many"
