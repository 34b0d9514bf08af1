"""Checks of the server that hang on one condition: addresses of webhooks, hosts, sites, sizes, keys, sessions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from serve.conftest import CARD, Local, Start
from starlette.requests import Request

from langit.serve import auth, hooks
from langit.serve.database import Database
from langit.serve.errors import ApiError
from langit.serve.keys import Keys
from langit.serve.routes.videos import idempotency_key
from langit.serve.settings import ServeSettings
from langit.serve.sizes import choose_size

PUBLIC = "https://93.184.216.34/hook"


def asked(method: str = "GET", **headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    return Request({"type": "http", "method": method, "headers": raw, "path": "/", "query_string": b""})


# Webhooks


@pytest.mark.parametrize("url", ["http://127.0.0.1/hook", "http://10.1.2.3/", "http://[::1]/", "http://0x7f000001/"])
def test_an_endpoint_is_not_moved_to_a_private_address(client: Local, url: str) -> None:
    """The address that is entered is judged, and so is the one that it is changed to."""
    made = client.post("/v1/webhook_endpoints", json={"name": "a", "url": PUBLIC, "event_types": ["video.completed"]})
    place = f"/v1/webhook_endpoints/{made.json()['id']}"
    answer = client.post(place, json={"url": url})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "address_not_public")
    assert client.post(place, json={"url": "https://a:b@93.184.216.34/"}).json()["error"]["code"] == "invalid_url"
    assert client.get(place).json()["url"] == PUBLIC


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/",
        "https:///hook",
        "https://ayu:secret@example.org/",
        "https://example.org/a b",
        "https://example.org/\u00e4",
        "https://example.org/\x7f",
        "https://example.org:0/",
        "https://example.org:99999/",
    ],
)
def test_what_is_no_address_is_none(url: str) -> None:
    with pytest.raises(ApiError, match="cannot be delivered to"):
        hooks.check_url(url)
    hooks.check_url("https://example.org:8443/hook?a=b")


def test_of_several_endpoints_the_one_that_is_named_is_changed(client: Local) -> None:
    said = {"name": "a", "url": PUBLIC, "event_types": ["video.completed"]}
    one, two = (client.post("/v1/webhook_endpoints", json=said).json()["id"] for _ in range(2))
    client.post(f"/v1/webhook_endpoints/{two}", json={"name": "b"})
    names = [client.get(f"/v1/webhook_endpoints/{which}").json()["name"] for which in (one, two)]
    assert names == ["a", "b"]
    client.delete(f"/v1/webhook_endpoints/{two}")
    assert [each["id"] for each in client.get("/v1/webhook_endpoints").json()["data"]] == [one]


# Hosts, sites, sessions


def test_without_keys_only_names_of_this_machine_are_served(client: Local, start: Start) -> None:
    for host in ("rebound.example", "127.0.0.1.rebound.example", ""):
        for place in ("/v1/videos", "/v1/webhook_endpoints"):
            answer = client.get(place, headers={"host": host})
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "unknown_host")
        assert client.post("/session", json={"key": "a"}, headers={"host": host}).status_code == 403
    assert client.get("/v1/videos", headers={"host": "localhost:8000"}).status_code == 200


def test_a_public_name_is_one_of_this_machines(tmp_path: Path) -> None:
    settings = ServeSettings(home=tmp_path, public_url="https://video.example.com")
    auth.check_host(asked(host="video.example.com"), settings)
    with pytest.raises(ApiError, match="is not called 'other.example.com'"):
        auth.check_host(asked(host="other.example.com"), settings)


@pytest.mark.parametrize(
    ("method", "headers", "passes"),
    [
        ("GET", {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"}, True),  # a link to a page of ours
        ("POST", {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"}, False),  # a form that is sent here
        ("GET", {"sec_fetch_site": "cross-site", "sec_fetch_mode": "cors"}, False),
        ("GET", {"sec_fetch_site": "same-site"}, False),
        ("GET", {"sec_fetch_site": "same-origin"}, True),
        ("GET", {}, True),
        ("POST", {"origin": "https://elsewhere.example"}, False),
        ("POST", {"origin": "http://127.0.0.1:8000"}, True),
    ],
)
def test_other_sites(tmp_path: Path, method: str, headers: dict[str, str], passes: bool) -> None:
    request = asked(method, host="127.0.0.1:8000", **headers)
    if passes:
        auth.check_site(request, ServeSettings(home=tmp_path))
    else:
        with pytest.raises(ApiError, match="pages of other sites"):
            auth.check_site(request, ServeSettings(home=tmp_path))


@pytest.mark.parametrize(("url", "secure"), [("https://video.example.com", True), ("http://video.example.com", False)])
def test_cookies_of_https_never_leave_without_it(tmp_path: Path, start: Start, url: str, secure: bool) -> None:
    database = Database.open(ServeSettings(home=tmp_path / "home"))
    secret = Keys(database).add("alice")[1]
    database.close()
    found = start(public_url=url).post("/session", json={"key": secret})
    cookie = found.headers["set-cookie"].lower()
    assert ("; secure" in cookie, "httponly" in cookie, "samesite=strict" in cookie) == (secure, True, True)


def test_a_blank_key_is_no_key(tmp_path: Path, start: Start) -> None:
    database = Database.open(ServeSettings(home=tmp_path / "home"))
    Keys(database).add("alice")
    for name in ("", " ", "a" * 201, "a\nb", "\x1b[2J"):
        with pytest.raises(ValueError, match="is not a name for a key"):
            Keys(database).add(name)
    database.close()
    for header in ("Bearer ", "Bearer", "Basic YTpi"):
        assert start().get("/v1/videos", headers={"authorization": header}).status_code == 401


# Sizes


@pytest.mark.parametrize("size", ["0x32", "32x0", "65537x32", "32x65537", "\u0663x32", "32x\u0663", "-32x32", "32"])
def test_sizes_that_are_none(size: str) -> None:
    with pytest.raises(ApiError, match=CARD.name):
        choose_size(CARD, size, True)
    assert choose_size(CARD, "64x64", True)[:2] in CARD.sizes


def test_a_body_that_grows_beyond_the_limit_is_cut_off_without_a_length(client: Local) -> None:
    """Nobody says how long it is, so it is counted as it comes."""

    def pieces() -> Iterator[bytes]:
        for _ in range(400):
            yield bytes(1000)

    answer = client.post("/v1/videos", content=pieces(), headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request_too_large")


@pytest.mark.parametrize("key", ["", "a" * 1000, "\u00e4", "a\tb", "\x1b[2J"])
def test_a_key_of_a_request_is_short_and_printable(key: str) -> None:
    with pytest.raises(ApiError, match="printable characters"):
        idempotency_key(asked("POST", idempotency_key=key))
    assert idempotency_key(asked("POST", idempotency_key="a-1")) == "a-1" and idempotency_key(asked("POST")) is None
