"""Fetching reaches public addresses alone, at every hop, however the address is written or the name resolves."""

from __future__ import annotations

import http.server
import ipaddress
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ledger.tiny_video import tiny_video

from langit.ledger import network
from langit.ledger.download import FetchLimits, fetch_document, normalize_url
from langit.ledger.fetch import fetch
from langit.ledger.network import open_url, resolve, why_not_public
from langit.ledger.store import Ledger

PRIVATE = [
    "127.0.0.1",
    "10.0.0.1",
    "172.16.3.4",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fc00::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::1",
    "fec0::1",  # site-local
    "3fff::1",  # documentation
    "5f00::1",  # segment routing
    "64:ff9b:1::7f00:1",  # local NAT64
    "::127.0.0.1",
    "::ffff:0:127.0.0.1",
    "2001:0:4136:e378:8000:63bf:80ff:fffe",  # Teredo of 127.0.0.1
    "192.0.0.9",
    "192.88.99.1",
]


class Server:
    """A server of this machine that counts its visitors; ``answers`` maps paths to (status, headers, body)."""

    def __init__(self) -> None:
        self.visits: list[str] = []
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.visits.append(f"{self.headers['Host']} {self.path}")
                status, headers, body = outer.answers.get(self.path, (404, {}, b""))
                self.send_response(status)
                for key, value in ({"Content-Length": str(len(body))} | headers).items():
                    self.send_header(key, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.http.server_address[1]
        threading.Thread(target=self.http.serve_forever, daemon=True).start()


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()
    yield found
    found.http.shutdown()
    found.http.server_close()


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_that_are_not_public(address: str) -> None:
    assert why_not_public(ipaddress.ip_address(address)) is not None


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "::ffff:93.184.216.34"])
def test_addresses_that_are_public(address: str) -> None:
    assert why_not_public(ipaddress.ip_address(address)) is None


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "127.0.0.1",
        "127.1",
        "0x7f000001",
        "2130706433",
        "0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "\uff11\uff12\uff17.0.0.1",
        "127\u30020\u30020\u30021",
        "127\uff0e0\uff0e0\uff0e1",
    ],
)
def test_no_spelling_of_this_machine_is_fetched(server: Server, host: str) -> None:
    found = fetch_document(f"http://{host}:{server.port}/robots.txt", FetchLimits(seconds=2))
    assert found.status is None and not server.visits
    assert found.problem is not None and ("not a public address" in found.problem or "not a URL" in found.problem)


def test_a_name_with_one_private_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    places = [(socket.AF_INET, 0, 0, "", (address, 80)) for address in ("93.184.216.34", "192.168.0.9")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: places)
    with pytest.raises(OSError, match=r"192\.168\.0\.9, not a public address"):
        resolve("films.example", 80)
    assert len(resolve("films.example", 80, ["192.168.0.0/16"])) == 2


def test_a_name_is_resolved_once_and_the_checked_address_is_used(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def rebinding(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        asked.append(host)
        address = "127.0.0.1" if len(asked) == 1 else "10.9.9.9"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    server.answers["/a"] = (200, {}, b"words")
    with open_url(f"http://films.example:{server.port}/a", "agent", 2, 5, ["127.0.0.0/8"]) as answer:
        assert answer.read() == b"words"
    assert asked == ["films.example"] and server.visits == [f"films.example:{server.port} /a"]


def test_a_redirect_inside_is_refused(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A public site (here a name that is let through) that redirects to an address inside."""
    inside = f"http://127.0.0.1:{server.port}/secret"
    server.answers["/film.mp4"] = (302, {"Location": inside}, b"")
    server.answers["/robots.txt"] = (302, {"Location": inside}, b"")
    server.answers["/secret"] = (200, {}, b"secret")
    real = network.resolve

    def public_name(host: str, port: int, networks: object = ()) -> object:
        permitted = ["127.0.0.0/8"] if host == "films.example" else []
        return real("127.0.0.1" if host == "films.example" else host, port, permitted)

    monkeypatch.setattr(network, "resolve", public_name)
    base = f"http://films.example:{server.port}"
    document = fetch_document(f"{base}/robots.txt", FetchLimits(seconds=2))
    assert document.status is None and "not a public address" in str(document.problem)
    server.answers["/robots.txt"] = (404, {}, b"")
    (got,) = fetch(Ledger(tmp_path / "ledger"), [f"{base}/film.mp4"], tmp_path / "films", limits=FetchLimits(seconds=2))
    assert got.problem is not None and got.file is None
    assert not any(visit.endswith("/secret") for visit in server.visits)


def test_rights_documents_do_not_reach_inside(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """robots.txt names a licence inside: it is not fetched, and the footage is unknown."""
    inside = f"http://127.0.0.1:{server.port}/admin?delete=all"
    server.answers["/robots.txt"] = (200, {}, f"License: {inside}\n".encode())
    server.answers["/film.mp4"] = (
        200,
        {"Link": f'<{inside}>; rel="license"; type="application/rsl+xml"'},
        tiny_video("a"),
    )
    real = network.resolve

    def public_name(host: str, port: int, networks: object = ()) -> object:
        permitted = ["127.0.0.0/8"] if host == "films.example" else []
        return real("127.0.0.1" if host == "films.example" else host, port, permitted)

    monkeypatch.setattr(network, "resolve", public_name)
    url = f"http://films.example:{server.port}/film.mp4"
    ledger = Ledger(tmp_path / "ledger")
    (got,) = fetch(ledger, [url], tmp_path / "films", limits=FetchLimits(seconds=2), licence="CC0-1.0")
    assert not any("/admin" in visit for visit in server.visits)
    assert [signal.says for signal in got.signals if signal.scheme == "rsl"] == ["unreadable"]


def test_a_network_is_permitted_by_name(server: Server) -> None:
    server.answers["/robots.txt"] = (200, {}, b"User-agent: *\n")
    url = f"http://127.0.0.1:{server.port}/robots.txt"
    assert fetch_document(url, FetchLimits(networks=("127.0.0.0/8",))).status == 200
    assert fetch_document(url, FetchLimits(networks=("10.0.0.0/8",))).status is None
    with pytest.raises(ValueError, match="write it as"):
        FetchLimits(networks=("my network",))


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy"])
def test_proxies_are_not_used(server: Server, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, f"http://127.0.0.1:{server.port}")
    assert fetch_document("http://10.255.255.1/", FetchLimits(seconds=1)).status is None
    assert not server.visits


@pytest.mark.parametrize("first", [b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b""])
def test_a_server_that_drips_runs_out_of_time(first: bytes) -> None:
    """Headers, a body or a status line, one byte at a time: each byte comes well within the seconds of silence."""
    listening = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def drip() -> None:
        opened, _ = listening.accept()
        with opened:
            opened.recv(1 << 16)
            try:
                opened.sendall(first or b"H")
                while not stop.wait(0.05):
                    opened.sendall(b"a")
            except OSError:
                pass

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    limits = FetchLimits(seconds=5, total=0.5, networks=("127.0.0.0/8",))
    begun = time.monotonic()
    found = fetch_document(f"http://127.0.0.1:{listening.getsockname()[1]}/", limits)
    assert "longer than 0.5 s" in str(found.problem) and time.monotonic() - begun < 4
    stop.set()
    thread.join()
    listening.close()


def test_ports_and_hosts_are_said_as_they_are(server: Server) -> None:
    server.answers["/a?b=c"] = (200, {}, b"")
    url = normalize_url(f"http://127.0.0.1:{server.port}/a?b=c#part")
    assert fetch_document(url, FetchLimits(networks=("127.0.0.0/8",))).status == 200
    assert server.visits == [f"127.0.0.1:{server.port} /a?b=c"]


def test_a_name_with_many_dead_addresses_costs_no_more_than_the_total(monkeypatch: pytest.MonkeyPatch) -> None:
    places = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"8.8.8.{number}", 80)) for number in range(1, 200)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: places)
    tried: list[float] = []

    class Dead(socket.socket):
        def connect(self, place: object) -> None:
            tried.append(float(self.gettimeout() or 0))
            time.sleep(0.05)
            raise TimeoutError("timed out")

    monkeypatch.setattr(socket, "socket", Dead)
    begun = time.monotonic()
    with pytest.raises(OSError, match="many addresses"), open_url("http://films.example/", "test", 30, 0.2):
        pass
    assert time.monotonic() - begun < 2 and 1 < len(tried) < 10 and max(tried) <= 0.2


@pytest.mark.parametrize(
    "path", ["/a/../video.mp4", "/./video.mp4", "/%2e%2e/video.mp4", "/a/%2E%2E/./video.mp4", "/../video.mp4"]
)
def test_rules_are_about_the_path_that_the_server_takes(path: str) -> None:
    assert normalize_url(f"https://films.example{path}") == "https://films.example/video.mp4"
    assert normalize_url("https://films.example/a/b/..") == "https://films.example/a/"
