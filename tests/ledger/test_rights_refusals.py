"""What is not surely a permission is none, and what does not fit a record is refused: checks no other test needs."""

from __future__ import annotations

import ipaddress
import json

import lance
import pyarrow as pa
import pytest
from ledger.lived import FILE, FILMS, live
from ledger.test_snapshot import changed, read, ship
from ledger.tiny_video import tiny_video

from langit.feed.traces import find_artifacts, read_model
from langit.ledger.add import add_folder
from langit.ledger.archive import Archive, UnprovedError
from langit.ledger.download import FetchLimits, fetch_document
from langit.ledger.exposures import rows_root
from langit.ledger.licence import check_stated, judge
from langit.ledger.network import why_not_public
from langit.ledger.policy import Policy
from langit.ledger.shipped import read_record
from langit.ledger.signals import Document, aipref, cawg, rsl, tdmrep
from langit.ledger.sources_toml import read_sources
from langit.ledger.store import Ledger
from langit.ledger.verdict import RightsVerdict
from langit.ledger.verification import verify_ledger

URL, ROBOTS = "https://films.example/a.mp4", "https://films.example/robots.txt"
NO_ROBOTS = Document(ROBOTS, 404)


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    return live(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def model(lived):
    return read_model(lived.model, [log for logs in find_artifacts(lived.home).runs.values() for log in logs])


@pytest.fixture(scope="module")
def record(lived, model, tmp_path_factory):
    return ship(lived, model, tmp_path_factory.mktemp("record") / "record.zip")


@pytest.mark.parametrize(
    "entries",
    [
        lambda ranges: [*ranges, ranges[-1]],
        lambda ranges: ranges[:-1],
        lambda ranges: [[0, 0], *ranges[:-1], [ranges[-1][0], ranges[-1][1] - 1]],
    ],
)
def test_a_record_whose_entries_are_doubled_or_too_few_is_refused(record, model, tmp_path, entries):
    log = json.loads(Archive(record).part("log.json"))
    log["entries"] = entries(log["entries"])
    with pytest.raises(UnprovedError, match="is not a complete record"):
        read(changed(record, tmp_path / "a.zip", "log.json", json.dumps(log).encode()), model)


def test_packed_rows_that_were_cut_or_name_no_clip_are_refused(record, model, tmp_path):
    rows = Archive(record).part("exposures/scenes")
    with pytest.raises(UnprovedError, match=f"log of {len(rows) - 4} bytes is not whole"):
        read(changed(record, tmp_path / "a.zip", "exposures/scenes", rows[:-4]), model)
    with pytest.raises(UnprovedError, match=r"clip 4294967295 of \d+"):
        read(changed(record, tmp_path / "b.zip", "exposures/scenes", rows[:-4] + b"\xff" * 4), model)
    with pytest.raises(UnprovedError, match="is not the one that the model names"):
        read(changed(record, tmp_path / "c.zip", "exposures/scenes", b""), model)


def test_a_stage_that_saw_nothing_has_an_empty_log(record, model, tmp_path):
    path = changed(record, tmp_path / "a.zip", "exposures/scenes", b"")
    ledger = {"size": model.ledger_size, "root": model.ledger_root}
    stages = {name: {"root": rows_root(b"")} for name in ("scenes", "another")}
    films = model.place / "films.safetensors"
    found = read_record(path, ledger, stages, films.read_bytes())
    assert found.exposures == {"scenes": b""}


def test_a_listing_with_other_tables_is_refused(tmp_path):
    path = tmp_path / "SOURCES.toml"
    path.write_text('licence = "CC0-1.0"\n[[source]]\nfile = "a.mp4"\n')
    with pytest.raises(ValueError, match=r"must hold a list of \[\[source\]\] tables and nothing else"):
        read_sources(path)


def test_an_absolute_path_in_a_listing_is_refused_even_inside_the_folder(tmp_path):
    folder = tmp_path / "footage"
    folder.mkdir()
    (folder / "a.mp4").write_bytes(tiny_video("a"))
    (folder / "SOURCES.toml").write_text(f'[[source]]\nfile = "{folder / "a.mp4"}"\nlicence = "CC0-1.0"\n')
    ledger = Ledger(tmp_path / "ledger")
    done = add_folder(ledger, folder, folder / "SOURCES.toml")
    assert done.problems == (f"{folder / 'a.mp4'}: its path leads out of the folder",)
    assert [(source.title, source.licence) for source in ledger.sources()] == [("a.mp4", None)]


def test_columns_of_a_later_version_are_one_line(tmp_path):
    ledger = Ledger(tmp_path)
    ledger.add([*FILMS])
    lance.dataset(ledger.place.table("source")).add_columns({"camera": "'still'"})
    with pytest.raises(ValueError, match=r"has columns that this Langit does not know \(camera\): upgrade it"):
        Ledger(tmp_path).sources()


def test_a_kind_that_is_not_known_does_not_verify(tmp_path):
    """Its rows are read by nobody: only the comparison of all tables with the log shows it."""
    ledger = Ledger(tmp_path)
    ledger.add([*FILMS, FILE])
    log = lance.dataset(ledger.place.table("log"))
    row = pa.table({"entry": [ledger.size], "kind": ["memo"], "digest": [bytes(32)]}, schema=log.schema)
    lance.write_dataset(row, ledger.place.table("log"), mode="append")
    with pytest.raises(ValueError, match="'memo', which this Langit does not know"):
        verify_ledger(Ledger(tmp_path))


@pytest.mark.parametrize(
    ("address", "public"),
    [("64:ff9b::7f00:1", False), ("64:ff9b::a00:1", False), ("64:ff9b::808:808", True), ("2002:7f00:1::", False)],
)
def test_addresses_within_addresses_are_judged(address, public):
    assert (why_not_public(ipaddress.ip_address(address)) is None) == public


@pytest.mark.parametrize(
    ("expression", "verdict"),
    [
        ("CC0-1.0 WITH Made-up-exception", RightsVerdict.UNKNOWN),
        ("NONE", RightsVerdict.REFUSED),
        ("NOASSERTION", RightsVerdict.UNKNOWN),
        ("our own licence", RightsVerdict.ALLOWED),
        ("LicenseRef-Ours", RightsVerdict.ALLOWED),
        ("licenseref-ours", RightsVerdict.UNKNOWN),
        ("their own licence", RightsVerdict.REFUSED),
        ("CC0-1.0 WITH Special", RightsVerdict.REFUSED),
    ],
)
def test_licences_outside_spdx_count_only_as_the_policy_writes_them(expression, verdict):
    refused = (*Policy().refused, "their own licence", "CC0-1.0 WITH Special")
    policy = Policy(allowed=(*Policy().allowed, "our own licence", "LicenseRef-Ours"), refused=refused)
    assert judge(expression, policy, named=True).verdict is verdict


@pytest.mark.parametrize("stated", ["NONE", "NOASSERTION"])
def test_that_there_is_no_licence_may_be_stated(stated):
    check_stated(stated)


def rsl_document(usage, url="https://films.example/license.xml"):
    body = f'<rsl xmlns="https://rslstandard.org/rsl"><content url="/"><license>{usage}</license></content></rsl>'
    return Document(url, 200, body=body.encode())


def test_of_several_documents_the_refusal_counts():
    yes, no = (
        rsl_document('<permits type="usage">all</permits>'),
        rsl_document('<prohibits type="usage">all</prohibits>'),
    )
    odd = Document("https://films.example/other.xml", 404)
    assert rsl.read(URL, [yes], NO_ROBOTS).says == "allowed"
    for documents, says in (([yes, no], "reserved"), ([yes, odd], "unreadable"), ([odd, no], "reserved")):
        assert rsl.read(URL, documents, NO_ROBOTS).says == says
        assert rsl.read(URL, documents[::-1], NO_ROBOTS).says == says


def test_a_location_that_is_not_clear_is_not_permitted_by_a_later_rule():
    rules = [{"location": "/a?x=1", "tdm-reservation": 1}, {"location": "/", "tdm-reservation": 0}]
    found = tdmrep.read(
        "https://films.example/a", Document("https://films.example/a", 200),
        Document("https://films.example/.well-known/tdmrep.json", 200, body=json.dumps(rules).encode()), None,
    )  # fmt: skip
    assert found.says == "unreadable" and "/a?x=1" in str(found.text)


def test_usage_in_a_line_of_another_name_is_no_usage():
    robots_txt = Document(ROBOTS, 200, body=b"User-agent: *\nDisallow: train-ai=n\nContent-Usage: train-ai=y\n")
    assert aipref.read(URL, Document(URL, 200), robots_txt).says == "allowed"
    robots_txt = Document(ROBOTS, 200, body=b"User-agent: *\nDisallow: train-ai=n\n")
    assert aipref.read(URL, Document(URL, 200), robots_txt).says == "silent"


def test_traces_of_a_manifest_in_no_media_are_unreadable(tmp_path):
    path = tmp_path / "a.y4m"
    path.write_bytes(tiny_video("a") + cawg.TRACES[0])
    reading, manifests = cawg.read(path)
    assert (reading.says, manifests) == ("unreadable", None) and "cannot hold one" in str(reading.text)


def test_a_document_that_is_too_long_says_so(monkeypatch):
    import http.server
    import threading

    class Long(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response_only(200)
            self.end_headers()
            self.wfile.write(b"User-agent: *\n" * 10)

        def log_message(self, *_):
            return

    server = http.server.HTTPServer(("127.0.0.1", 0), Long)
    threading.Thread(target=server.handle_request, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}/robots.txt"
    found = fetch_document(url, FetchLimits(document=100, networks=("127.0.0.0/8",)))
    server.server_close()
    assert (found.whole, found.problem, len(found.body)) == (False, "it is longer than 100 bytes", 100)
