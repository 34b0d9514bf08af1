"""Fetching against a loopback server: what a site says is kept and read as it stood; trouble is never a yes."""

import hashlib
import http.server
import json
import threading
from dataclasses import dataclass, field

import pytest
from ledger.tiny_video import tiny_video

from langit.ledger.derived import Output
from langit.ledger.download import FetchLimits, fetch_document, normalize_url
from langit.ledger.fetch import fetch
from langit.ledger.policy import Policy
from langit.ledger.record import Source
from langit.ledger.store import Ledger
from langit.ledger.synthetic import ModelOutput
from langit.ledger.verdict import RightsVerdict

FILM = tiny_video("film") + (b"FRAME\n" + bytes(384)) * 26
NOTHING = (404, {}, b"none")


@dataclass
class Site:
    """Answers by path as (status, headers, body); ``asked`` is every path that was asked for, in order."""

    answers: dict = field(default_factory=dict)
    asked: list = field(default_factory=list)
    base: str = ""

    def url(self, path="/film.mp4"):
        return self.base + path


@pytest.fixture(scope="module")
def served():
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            site = self.server.site
            site.asked.append(self.path)
            status, headers, body = site.answers.get(self.path, NOTHING)
            if status == "silent":
                site.released.wait(20)
                return
            self.send_response_only(status)
            for key, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def site(served, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    made = Site({"/film.mp4": (200, {"Content-Type": "video/mp4"}, FILM)})
    made.base, made.released = f"http://127.0.0.1:{served.server_address[1]}", threading.Event()
    served.site = made
    yield made
    made.released.set()


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "ledger")


def local(**limits):
    """Limits that permit this machine, where the tests' server is."""
    return FetchLimits(networks=("127.0.0.0/8",), **limits)


def get(ledger, site, tmp_path, path="/film.mp4", **more):
    more.setdefault("limits", local())
    (got,) = fetch(ledger, [site.url(path)], tmp_path / "films", **{"licence": "CC0-1.0", **more})
    return got


def decision(ledger):
    (found,) = ledger.decisions(Policy()).values()
    return found


def test_a_film_of_a_silent_site_with_a_licence_is_allowed_and_its_evidence_kept(ledger, site, tmp_path):
    lines = []
    got = get(ledger, site, tmp_path, report=lines.append)
    assert got.problem is None and got.file.read_bytes() == FILM and lines == [f"{site.url()}: {got.file}"]
    (source,) = ledger.sources()
    assert (source.kind, source.url, source.title) == ("fetched", site.url(), "film.mp4")
    assert {signal.scheme for signal in got.signals} == set(Policy().must_read)
    assert {signal.says for signal in got.signals} == {"silent"} and ledger.signals() == got.signals
    assert decision(ledger).allowed
    kept = [json.loads(ledger.evidence.get(digest).split(b"\n\n", 1)[0]) for digest in source.evidence]
    assert {item["url"].removeprefix(site.base): item["status"] for item in kept} == {
        "/film.mp4": 200,
        "/robots.txt": 404,
        "/.well-known/tdmrep.json": 404,
    }
    assert ["Content-Type", "video/mp4"] in next(item["headers"] for item in kept if item["url"] == site.url())
    assert site.asked == ["/robots.txt", "/film.mp4", "/.well-known/tdmrep.json", "/ai.txt"]
    ledger.check()


def test_without_a_licence_silence_is_not_consent(ledger, site, tmp_path):
    get(ledger, site, tmp_path, licence=None)
    assert decision(ledger).verdict is RightsVerdict.UNKNOWN and "silence" in decision(ledger).rule


RSL = (
    b'<rsl xmlns="https://rslstandard.org/rsl"><content url="/">'
    b"<license><prohibits>ai-train</prohibits></license></content></rsl>"
)


@pytest.mark.parametrize(
    ("path", "said", "scheme"),
    [
        ("/robots.txt", (200, {}, b"User-agent: GPTBot\nDisallow: /\n"), "robots"),
        ("/robots.txt", (200, {}, b"User-agent: *\nAllow: /\nContent-Usage: train-ai=n\n"), "aipref"),
        ("/.well-known/tdmrep.json", (200, {}, b'[{"location": "/", "tdm-reservation": 1}]'), "tdmrep"),
        ("/film.mp4", (200, {"TDM-Reservation": "1"}, FILM), "tdmrep"),
        ("/film.mp4", (200, {"Content-Usage": "train-ai=n"}, FILM), "aipref"),
        ("/film.mp4", (200, {"X-Robots-Tag": "noai"}, FILM), "noai"),
        ("/film.mp4", (200, {"Link": '</l.xml>; rel="license"; type="application/rsl+xml"'}, FILM), "rsl"),
    ],
)
def test_a_reservation_refuses_in_spite_of_a_licence(ledger, site, tmp_path, path, said, scheme):
    site.answers |= {path: said, "/l.xml": (200, {}, RSL)}
    assert get(ledger, site, tmp_path).problem is None
    found = decision(ledger)
    assert found.verdict is RightsVerdict.REFUSED and found.rule.startswith(scheme)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/.well-known/tdmrep.json", (500, {}, b"")),
        ("/.well-known/tdmrep.json", (403, {}, b"")),
        ("/.well-known/tdmrep.json", (200, {}, b"<html>welcome</html>")),
        ("/.well-known/tdmrep.json", (200, {"Content-Length": "500"}, b"[]")),
        ("/.well-known/tdmrep.json", (200, {}, b"[" + b" " * 5000 + b"]")),
        ("/film.mp4", (200, {"Content-Usage": "train-ai=?"}, FILM)),
        ("/film.mp4", (200, {"Link": '</none.xml>; rel="license"; type="application/rsl+xml"'}, FILM)),
    ],
)
def test_what_cannot_be_read_is_unknown(ledger, site, tmp_path, path, said):
    site.answers[path] = said
    assert get(ledger, site, tmp_path, limits=local(document=4000)).problem is None
    assert decision(ledger).verdict is RightsVerdict.UNKNOWN and "could not be read" in decision(ledger).rule


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ((200, {}, b"User-agent: *\nDisallow: /film\n"), "robots.txt says 'Disallow: /film'"),
        ((200, {}, b"User-agent: langit\nDisallow: /\n"), "robots.txt says 'Disallow: /'"),
        ((500, {}, b""), "the server answered 500"),
        ((200, {"Content-Length": "500"}, b"User-agent: *\n"), "broke off"),
    ],
)
def test_what_robots_bars_or_may_bar_is_not_fetched(ledger, site, tmp_path, said, why):
    site.answers["/robots.txt"] = said
    got = get(ledger, site, tmp_path)
    assert got.problem.startswith("not fetched") and why in got.problem and got.file is None
    assert "/film.mp4" not in site.asked and ledger.size == 0


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ((404, {}, b"none"), "the server answered 404"),
        ((200, {"Content-Length": str(len(FILM) + 1)}, FILM), "broke off after"),
        ((200, {"Content-Length": "999999"}, FILM), "999999 bytes, more than"),
        ((200, {}, b""), "it is empty"),
        ((200, {"Content-Type": "text/html; charset=utf-8"}, b"<html>"), "it is a web page"),
        ((302, {"Location": "/film.mp4"}, b""), "more than 5 redirects"),
        ((302, {"Location": "file:///etc/passwd"}, b""), "is not a URL that can be fetched"),
        ((302, {"Location": "http://[::1"}, b""), "Invalid IPv6 URL"),
    ],
)
def test_footage_that_does_not_come_whole_leaves_nothing(ledger, site, tmp_path, said, why):
    site.answers["/film.mp4"] = said
    got = get(ledger, site, tmp_path, limits=local(footage=50_000))
    assert why in got.problem and got.file is None and ledger.size == 0
    assert not (tmp_path / "films").exists() or list((tmp_path / "films").iterdir()) == []


def test_a_server_that_says_nothing_is_given_up(ledger, site, tmp_path):
    site.answers["/film.mp4"] = ("silent", {}, b"")
    assert "timed out" in get(ledger, site, tmp_path, limits=local(seconds=0.2)).problem
    site.answers["/robots.txt"] = ("silent", {}, b"")
    assert "timed out" in get(ledger, site, tmp_path, limits=local(seconds=0.2)).problem
    assert ledger.size == 0


def test_too_large_a_film_without_a_length_is_cut_off(ledger, site, tmp_path):
    site.answers["/film.mp4"] = (200, {"Content-Length": "", "Connection": "close"}, FILM)
    assert "more than 5000 bytes" in get(ledger, site, tmp_path, limits=local(footage=5000)).problem


def test_each_step_of_a_redirect_is_judged(ledger, site, tmp_path):
    site.answers["/go"] = (302, {"Location": "/film.mp4"}, b"")
    got = get(ledger, site, tmp_path, "/go")
    assert got.file.read_bytes() == FILM and decision(ledger).allowed
    site.answers["/robots.txt"] = (200, {}, b"User-agent: *\nDisallow: /film.mp4\n")
    assert "robots.txt says" in get(Ledger(tmp_path / "other"), site, tmp_path, "/go").problem
    site.answers["/robots.txt"] = (200, {}, b"User-agent: GPTBot\nDisallow: /go\n")
    other = Ledger(tmp_path / "third")
    get(other, site, tmp_path, "/go")
    assert decision(other).verdict is RightsVerdict.REFUSED


def test_an_address_that_was_revoked_is_not_fetched_by_any_road(ledger, site, tmp_path):
    site.answers["/go"] = (302, {"Location": "/film.mp4"}, b"")
    ledger.revoke(site.url("/x/../film.mp4#end"), "its owner asked", by="url")
    for road in ("/film.mp4", "/%66ilm.mp4", "/film.mp4#start", "/go"):
        assert "was revoked at" in get(ledger, site, tmp_path, road).problem, road
    assert ledger.sources() == () and "/film.mp4" not in site.asked
    site.answers["/other.mp4"] = (200, {}, FILM)
    assert get(ledger, site, tmp_path, "/other.mp4").file is not None


def test_robots_that_moved_are_followed(site):
    site.answers |= {"/robots.txt": (301, {"Location": "/r"}, b""), "/r": (200, {}, b"User-agent: *\n")}
    found = fetch_document(site.url("/robots.txt"), local())
    assert (found.url, found.status, found.body) == (site.url("/robots.txt"), 200, b"User-agent: *\n")


def test_the_page_that_offers_a_film_is_heeded(ledger, site, tmp_path):
    site.answers["/page"] = (200, {"Content-Type": "text/html"}, b"<meta name=robots content=noai>")
    get(ledger, site, tmp_path, found_on=site.url("/page"))
    assert decision(ledger).verdict is RightsVerdict.REFUSED and decision(ledger).rule.startswith("noai")


def test_fetching_again_adds_what_is_said_now_and_no_second_source(ledger, site, tmp_path):
    first = get(ledger, site, tmp_path)
    assert decision(ledger).allowed
    site.answers["/robots.txt"] = (200, {}, b"User-agent: CCBot\nDisallow: /\n")
    assert get(ledger, site, tmp_path).source == first.source
    assert len(ledger.sources()) == 1 and decision(ledger).verdict is RightsVerdict.REFUSED


def test_other_bytes_from_the_same_address_are_another_source(ledger, site, tmp_path):
    get(ledger, site, tmp_path)
    site.answers["/film.mp4"] = (200, {"Content-Type": "video/mp4"}, tiny_video("other"))
    site.answers["/copy.mp4"] = (200, {"Content-Type": "video/mp4"}, FILM)
    assert [get(ledger, site, tmp_path, path).problem for path in ("/film.mp4", "/copy.mp4")] == [None, None]
    found = [(one.url.removeprefix(site.base), one.content_sha256) for one in ledger.sources()]
    assert len(found) == len(set(found)) == 3 and [url for url, _ in found] == ["/film.mp4", "/film.mp4", "/copy.mp4"]
    again = get(ledger, site, tmp_path, licence=None)  # nothing new is stated: the source stays, its signals are new
    assert again.problem is None and len(ledger.sources()) == 3 and not ledger.rights()


def test_one_bad_url_does_not_stop_the_others(ledger, site, tmp_path):
    urls = ["ftp://x.example/a", "http://sri:secret@x.example/a", "nonsense", "http://", site.url("/none"), site.url()]
    got = fetch(ledger, urls, tmp_path / "films", limits=local())
    assert [item.problem is None for item in got] == [False] * 5 + [True]
    assert site.asked.count("/robots.txt") == 1, "a site's documents are asked for once"


@pytest.mark.parametrize("body", [b"<html>words, whatever the server calls them", b"words", b"{}", FILM[:30]])
def test_what_is_no_footage_is_refused_and_on_record(ledger, site, tmp_path, body):
    site.answers["/film.mp4"] = (200, {"Content-Type": "video/mp4"}, body)
    got = get(ledger, site, tmp_path)
    assert got.problem is not None and got.problem.startswith("refused: it is not a video") and got.file is None
    (drop,) = ledger.drops()
    assert (drop.stage, drop.title) == ("fetch", "film.mp4") and ledger.sources() == ()
    assert list((tmp_path / "films").iterdir()) == []


def test_footage_that_was_taken_down_by_its_looks_is_refused(ledger, site, tmp_path):
    got = get(ledger, site, tmp_path, why_barred=lambda path: f"it looks revoked ({path.stat().st_size})")
    assert got.problem == f"refused: it looks revoked ({len(FILM)})" and ledger.sources() == ()


def test_what_a_model_made_is_entered_as_that(ledger, site, tmp_path):
    """Released by this ledger, or found by its watermark: with its licence, and not learnt from."""
    ledger.add([Output(hashlib.sha256(FILM).hexdigest(), "ab" * 32, "2026-01-01T00:00:00+00:00", parents=("cd" * 32,))])
    other = tiny_video("another")
    site.answers["/other.mp4"] = (200, {}, other)
    lines = []
    get(ledger, site, tmp_path, report=lines.append)
    get(ledger, site, tmp_path, "/other.mp4", find_mark=lambda path: ModelOutput("a model, by its watermark"))
    first, second = ledger.sources()
    assert (first.kind, first.generator, first.parents) == ("synthetic", f"model {'ab' * 32}", ("cd" * 32,))
    assert (second.kind, second.generator) == ("synthetic", "a model, by its watermark")
    assert lines[0].endswith(f", made by model {'ab' * 32}")
    for found in ledger.decisions(Policy()).values():
        assert found.verdict is RightsVerdict.REFUSED and "refuses model outputs" in found.rule
    assert all(found.allowed for found in ledger.decisions(Policy(synthetic="judge")).values())


def test_the_signals_of_what_a_model_made_are_still_needed(ledger):
    """If a policy judges model outputs, one that was fetched needs all readings, like other footage."""
    made = {"generator": "a model", "licence": "CC0-1.0", "url": "https://films.example/a.mp4"}
    ledger.add([Source("synthetic", "a.mp4", "ab" * 32, fetched_at="2026-01-01T00:00:00+00:00", **made)])
    (found,) = ledger.decisions(Policy(synthetic="judge")).values()
    assert found.verdict is RightsVerdict.UNKNOWN and "were not read when it was fetched" in found.rule


def test_names_of_files_are_tame(ledger, site, tmp_path):
    odd = "/a/%2e%2e%2f%2e%2e%2fetc%2fpasswd%00.mp4"
    site.answers[odd] = (200, {}, FILM)
    file = get(ledger, site, tmp_path, odd).file
    assert file.parent == tmp_path / "films" and file.name.endswith(".mp4") and "passwd" in file.name


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("HTTP://Films.Example/a b?q=ä#part", "http://films.example/a%20b?q=%C3%A4"),
        ("https://bücher.example", "https://xn--bcher-kva.example/"),
        ("http://[::1]:8080/x", "http://[::1]:8080/x"),
        ("https://x.example/%2Fa%20b", "https://x.example/%2Fa%20b"),
    ],
)
def test_urls_are_normal(url, expected):
    assert normalize_url(url) == expected == normalize_url(expected)
