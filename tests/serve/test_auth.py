"""Who may do what: keys, sessions, other sites' pages, rebound names, rates; and that no key sees another's things."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from serve.conftest import Local, Start

from langit.serve import auth
from langit.serve.app import Services
from langit.serve.database import Database
from langit.serve.keys import FRESH, Keys
from langit.serve.settings import Limits, ServeSettings, is_loopback

PUBLIC = {
    "/healthz",
    "/readyz",
    "/docs",
    "/docs/oauth2-redirect",
    "/redoc",
    "/openapi.json",
}
"""What needs no key. Pages and the detector are listed by :func:`public_paths`."""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def add_key(home: Path, name: str, **limits: int) -> str:
    database = Database.open(ServeSettings(home=home))
    try:
        return Keys(database).add(name, limits)[1]
    finally:
        database.close()


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_beyond_this_machine_keys_are_needed(home: Path, start: Start) -> None:
    for settings in ({"host": "0.0.0.0"}, {"host": "::"}, {"public_url": "https://video.example.com"}):
        with pytest.raises(ValueError, match="langit serve keys add"):
            start(**settings)
    add_key(home, "alice")
    assert start(host="0.0.0.0").get("/v1/videos").status_code == 401


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        *[(host, True) for host in ("127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost")],
        *[(host, False) for host in ("0.0.0.0", "::", "10.0.0.1", "", "localhost.evil.com")],
    ],
)
def test_which_addresses_are_this_machine(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_every_operation_needs_a_key(home: Path, start: Start) -> None:
    add_key(home, "alice")
    client = start()
    paths = client.get("/openapi.json").json()["paths"]
    open_to_all = []
    for path, operations in paths.items():
        for method in operations:
            answer = client.request(method, path.replace("{name}", "x").replace("{id}", "x"))
            if answer.status_code != 401:
                open_to_all.append(f"{method} {path}")
    allowed = {"get /healthz", "get /readyz", "post /session"}
    # The detector and the rights-holder's questions are public on purpose; nothing else of the API is.
    public = ("/v1/detect", "/v1/rights", "/v1/takedowns", "/v1/coverage")
    assert {each for each in open_to_all if not each.split(" ")[1].startswith(public)} <= allowed
    for method in ("GET", "POST", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS"):
        assert client.request(method, "/v1/videos").status_code in (401, 405)


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Bearer sk-langit-wrong", "Basic dXNlcjpwdw==", "bearer\tx", "Bearer é"],
)
def test_other_keys_are_refused(home: Path, start: Start, header: str) -> None:
    add_key(home, "alice")
    answer = start().get("/v1/videos", headers={"Authorization": header.encode("utf-8")})  # type: ignore[dict-item]
    assert answer.status_code == 401 and answer.json()["error"]["code"] == "invalid_api_key"
    assert answer.headers["www-authenticate"] == "Bearer"


def test_keys_are_kept_as_hashes_and_can_be_revoked(home: Path, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    key = add_key(home, "alice")
    client = start()
    assert client.get("/v1/videos", headers=bearer(key)).status_code == 200
    stored = b"".join(path.read_bytes() for path in (home / "serve").glob("jobs.sqlite3*"))
    assert key.encode() not in stored and b"alice" in stored
    with pytest.raises(ValueError, match="exists"):
        client.services.keys.add("alice")
    with pytest.raises(ValueError, match="no limit 'speed'"):
        client.services.keys.add("bob", {"speed": 1})
    with pytest.raises(ValueError, match="allows nothing"):
        client.services.keys.add("bob", {"waiting": 0})
    other = Keys(client.services.database)  # as another process revokes it
    other.revoke("alice")
    now = time.monotonic()
    monkeypatch.setattr("langit.serve.keys.time.monotonic", lambda: now + FRESH)
    assert client.get("/v1/videos", headers=bearer(key)).status_code == 401
    with pytest.raises(ValueError, match="no key 'alice' to revoke"):
        other.revoke("alice")


def test_one_key_sees_nothing_of_another(home: Path, start: Start, clip: bytes, picture: bytes) -> None:
    alice, bob = (bearer(add_key(home, name)) for name in ("alice", "bob"))
    client = start()
    made = client.post("/v1/videos", json={"prompt": "a ball"}, headers={**alice, "Idempotency-Key": "k"}).json()["id"]
    assert (
        client.post("/v1/videos", json={"prompt": "a cube"}, headers={**bob, "Idempotency-Key": "k"}).json()["id"]
        != made
    )
    hook = {"name": "h", "url": "https://example.com/h", "event_types": ["video.completed"]}
    point = client.services.webhooks.add(client.services.jobs.find(made).owner, **hook).id  # type: ignore[union-attr]
    for method, path, body in (
        ("GET", f"/v1/videos/{made}", None),
        ("DELETE", f"/v1/videos/{made}", None),
        ("GET", f"/v1/videos/{made}/content", None),
        ("GET", f"/v1/videos/{made}/preview", None),
        ("GET", f"/v1/videos/{made}/events", None),
        ("POST", f"/v1/videos/{made}/remix", {"prompt": "a cube"}),
        ("POST", "/v1/videos/edits", {"prompt": "a cube", "video": {"id": made}}),
        ("GET", f"/v1/webhook_endpoints/{point}", None),
        ("POST", f"/v1/webhook_endpoints/{point}", {"name": "mine"}),
        ("POST", f"/v1/webhook_endpoints/{point}/rotate_secret", {}),
        ("POST", f"/v1/webhook_endpoints/{point}/test", {"event_type": "video.completed"}),
        ("DELETE", f"/v1/webhook_endpoints/{point}", None),
    ):
        answer = client.request(method, path, json=body, headers=bob)
        status = 400 if path == "/v1/videos/edits" else 404
        assert answer.status_code == status, (method, path, answer.text)
        # A stranger's id and one that nobody has are answered alike.
        text = json.dumps([path, body]).replace(made, "video_0").replace(point, "we_0")
        path, body = json.loads(text)
        nobody = client.request(method, path, json=body, headers=bob)
        assert nobody.status_code == status
        assert nobody.text == answer.text.replace(made, "video_0").replace(point, "we_0")
    assert client.get("/v1/videos", params={"after": made}, headers=bob).status_code == 400
    assert [video["id"] for video in client.get("/v1/videos", headers=alice).json()["data"]] == [made]
    assert len(client.get("/v1/videos", headers=bob).json()["data"]) == 1
    assert client.get("/v1/webhook_endpoints", headers=bob).json()["data"] == []


def test_browsers_log_in_and_out(home: Path, start: Start) -> None:
    key = add_key(home, "alice")
    client = start()
    assert client.get("/session").status_code == 401
    assert client.post("/session", json={"key": "sk-langit-wrong"}).status_code == 401
    answer = client.post("/session", json={"key": key})
    cookie = answer.headers["set-cookie"].lower()
    assert answer.json() == {"name": "alice"} and "httponly" in cookie and "samesite=strict" in cookie
    assert client.get("/session").json() == {"name": "alice", "open": False}
    assert client.post("/v1/videos", json={"prompt": "a ball"}).status_code == 200
    evil = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
    assert client.post("/v1/videos", json={"prompt": "a ball"}, headers=evil).status_code == 403
    assert client.get("/v1/videos", headers={"sec-fetch-site": "cross-site"}).status_code == 403
    client.services.keys.revoke("alice")
    assert client.get("/session").status_code == 401


@pytest.mark.parametrize("change", ["owner", "until", "signature", "nothing", "old"])
def test_sessions_cannot_be_forged(change: str) -> None:
    secret = b"s" * 32
    cookie = auth.sign_session("key_1", secret, time.time() + (100 if change != "old" else -1))
    owner, until, signature = cookie.split(".")
    forged = {
        "owner": f"key_2.{until}.{signature}",
        "until": f"{owner}.{int(until) + 1}.{signature}",
        "signature": f"{owner}.{until}.{signature[:-1]}{'0' if signature[-1] != '0' else '1'}",
        "nothing": "",
        "old": cookie,
    }[change]
    assert auth.read_session(forged, secret) is None
    assert auth.read_session(auth.sign_session("key_1", secret, time.time() + 100), secret) == "key_1"
    assert auth.read_session(auth.sign_session("key_1", b"t" * 32, time.time() + 100), secret) is None


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"host": "localhost:8000"}, 200),
        ({"host": "[::1]:8000"}, 200),
        ({"host": "evil.example"}, 403),  # a name that was rebound to 127.0.0.1
        ({"host": "127.0.0.1.evil.example:8000"}, 403),
        ({"host": ""}, 403),
        ({"origin": "http://127.0.0.1:8000"}, 200),
        ({"origin": "http://localhost:3000"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "same-origin"}, 200),
    ],
)
def test_without_keys_other_sites_pages_are_refused(client: Local, headers: dict[str, str], status: int) -> None:
    assert client.post("/v1/videos", json={"prompt": "a ball"}, headers=headers).status_code == status
    assert client.get("/v1/videos", headers=headers).status_code == status


def test_an_origin_can_be_permitted(start: Start) -> None:
    client = start(origins=("https://app.example",))
    answer = client.get("/v1/videos", headers={"origin": "https://app.example", "sec-fetch-site": "cross-site"})
    assert answer.status_code == 200 and answer.headers["access-control-allow-origin"] == "https://app.example"
    assert "access-control-allow-credentials" not in answer.headers
    assert client.get("/v1/videos", headers={"origin": "https://evil.example"}).status_code == 403


def test_rates_are_by_key(home: Path, start: Start) -> None:
    alice, bob = bearer(add_key(home, "alice", requests_per_minute=3)), bearer(add_key(home, "bob"))
    client = start()
    statuses = [client.get("/v1/videos", headers=alice).status_code for _ in range(5)]
    assert statuses == [200, 200, 200, 429, 429]
    assert client.get("/v1/videos", headers=alice).headers["retry-after"]
    assert client.get("/v1/videos", headers=bob).status_code == 200


def test_keys_are_not_guessed_quickly(home: Path, start: Start) -> None:
    add_key(home, "alice")
    client = start()
    statuses = {client.get("/v1/videos", headers=bearer(f"guess{number}")).status_code for number in range(80)}
    assert statuses == {401, 429}


def test_the_secret_of_sessions_is_private_and_kept(home: Path) -> None:
    secrets = []
    for _ in range(2):
        services = Services.open(ServeSettings(home=home))
        secrets.append(services.secret)
        services.database.close()
    assert secrets[0] == secrets[1] and len(secrets[0]) == 32
    assert (home / "serve" / "session.secret").stat().st_mode & 0o077 == 0


def test_settings_are_checked() -> None:
    for wrong, words in (
        ({"port": 70_000}, "port 70000"),
        ({"models": ()}, "no model"),
        ({"database": "mysql://root:secret@host/x"}, "database 'mysql'"),
        ({"workers": -1}, "workers -1"),
        ({"grace": float("nan")}, "grace"),
        ({"private_networks": ("10.0.0.0/99",)}, "10.0.0.0/99"),
    ):
        with pytest.raises(ValueError, match=words) as error:
            ServeSettings(**wrong)  # type: ignore[arg-type]
        assert "secret" not in str(error.value)
    with pytest.raises(ValueError, match="upload"):
        Limits(upload=0)
