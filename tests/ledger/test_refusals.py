"""Refusals that no other test needs: each fails here if its check is taken out."""

from __future__ import annotations

import base64
import dataclasses
import http.server
import itertools
import threading
import zipfile

import pytest

from langit.ledger import proof as proofs
from langit.ledger.archive import Archive, UnprovedError, write_parts
from langit.ledger.checkpoint import LogCheckpoint, Signer, Verifier
from langit.ledger.derived import Manifest, Output
from langit.ledger.download import FetchLimits, fetch_document, normalize_url
from langit.ledger.exposures import ROW, count_exposures, parse_rows, rows_root
from langit.ledger.licence import LONGEST, check_stated, judge
from langit.ledger.likeness import LikenessConsent
from langit.ledger.policy import Policy
from langit.ledger.receipt import check_signed
from langit.ledger.record import Rights, Signal, Source
from langit.ledger.store import Ledger
from langit.ledger.verdict import RightsVerdict

HASH, WHEN = "ab" * 32, "2026-01-01T00:00:00+00:00"
LIKENESS = LikenessConsent(HASH, ("all",), "2026-01-01", WHEN)
MANIFEST = Manifest("films", 2, HASH, HASH, HASH, 1, HASH, WHEN)
OUTPUT = Output(HASH, HASH, WHEN)
SIGNER = Signer("ledger.example", bytes(range(32)))


@pytest.mark.parametrize(
    ("record", "field", "value"),
    [
        (Rights(HASH, WHEN, licence="CC0-1.0"), "evidence", ("terms.pdf",)),
        (Signal(HASH, "tdmrep", "silent", "here", WHEN, "1"), "evidence", ("headers",)),
        (LIKENESS, "person", "Anna"),
        (LIKENESS, "form", "form.pdf"),
        (MANIFEST, "config", "curate.toml"),
        (OUTPUT, "mark", "xy"),
        (OUTPUT, "mark", "0"),
        (OUTPUT, "parents", ("a.mp4",)),
        (OUTPUT, "looks", ("blue",)),
        (OUTPUT, "prompt", "a red ball"),
        (Source("file", "a", HASH), "evidence", ("terms.pdf",)),
        (Source("file", "a", HASH), "parents", ("a.mp4",)),
    ],
)
def test_what_should_be_a_hash_is_one(record, field, value):
    """A name or a path in its place would say what nobody can check, or publish what is personal."""
    with pytest.raises(ValueError, match=f"{field} .* is (not a SHA-256|malformed)"):
        dataclasses.replace(record, **{field: value})


@pytest.mark.parametrize("read", [count_exposures, rows_root, lambda data: list(parse_rows(data))])
def test_a_cut_exposure_log_is_not_read_as_a_shorter_one(read):
    rows = ROW.pack(1, bytes(32)) + ROW.pack(2, bytes(32))
    read(rows)
    for end in (1, 35, 37, 71):
        with pytest.raises(ValueError, match=f"{end} bytes is not a whole number of rows"):
            read(rows[:end])


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ftp://films.example/a.mp4", "not a URL that can be fetched"),
        ("file://films.example/etc/passwd", "not a URL that can be fetched"),
        ("http:///a.mp4", "not a URL"),
        ("https://", "not a URL"),
        ("http://[::1", "not a URL"),
        ("http://films.example:port/", "not a URL"),
        ("http://films.example:99999/", "not a URL"),
        ("http://anna@films.example/a.mp4", "has a name or a password"),
        ("http://:secret@films.example/a.mp4", "has a name or a password"),
        ("http://anna:secret@films.example/a.mp4", "has a name or a password"),
    ],
)
def test_what_is_no_address_of_the_web_is_not_fetched(url, message):
    with pytest.raises(ValueError, match=message):
        normalize_url(url)


def test_a_document_that_drips_runs_out_of_time():
    """Each piece comes soon enough, and there are always more."""

    class Dripping(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response_only(200)
            self.end_headers()
            for _ in itertools.takewhile(lambda _: not over.wait(0.02), itertools.repeat(0, 500)):
                self.wfile.write(b"#\n")

        def log_message(self, *_):
            return

    over = threading.Event()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Dripping)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        url = f"http://127.0.0.1:{server.server_address[1]}/robots.txt"
        found = fetch_document(url, FetchLimits(seconds=5, total=0.3, networks=("127.0.0.0/8",)))
    finally:
        over.set()
        server.shutdown()
        server.server_close()
    assert found.status is None and "longer than" in str(found.problem)


@pytest.mark.parametrize("network", ["10.1.0.0/40", "inside", "10.1.2.3/16"])
def test_a_network_that_is_none_is_refused(network):
    with pytest.raises(ValueError, match=f"network '{network}' is not one"):
        FetchLimits(networks=(network,))


def test_a_licence_of_a_thousand_words_is_not_parsed():
    long = " OR ".join(["CC0-1.0"] * LONGEST)
    with pytest.raises(ValueError, match="longer than"):
        check_stated(long)
    assert judge(long, Policy(), named=True).verdict is RightsVerdict.UNKNOWN


@pytest.mark.parametrize("length", [31, 33, 40])
def test_a_key_of_another_length_is_refused(length):
    with pytest.raises(ValueError, match="not an Ed25519 verifier key"):
        Verifier.parse(str(Verifier("ledger.example", bytes(length))))
    assert Verifier.parse(str(SIGNER.verifier)) == SIGNER.verifier


@pytest.mark.parametrize("path", [(b"x" * 31,), (b"x" * 33,), (b"x" * 32,) * 64])
def test_a_receipt_of_odd_hashes_is_refused(path):
    with pytest.raises(ValueError, match="not 32 bytes each, or too many"):
        proofs.Proof.parse(str(proofs.Proof(0, path, "note")))


def test_a_receipt_without_its_checkpoint_is_refused():
    with pytest.raises(ValueError, match="this is not a receipt"):
        proofs.Proof.parse(f"{proofs.VERSION}\nindex 0")


def test_a_false_signature_by_the_trusted_name_is_not_called_anothers():
    """Beside the signature of another: the trusted key's own name is on it, so it was changed."""
    state = str(LogCheckpoint("ledger.example", 1, bytes(32)))
    other = Signer("other.example", bytes(32)).sign(state)
    forged = SIGNER.sign(state).splitlines()[-1]
    text, blob = forged.rsplit(" ", 1)
    data = bytearray(base64.b64decode(blob))
    data[-1] ^= 1
    note = other + f"{text} {base64.b64encode(data).decode()}\n"
    with pytest.raises(ValueError, match="was changed, or signed by another key of that name"):
        check_signed(note, SIGNER.verifier)
    with pytest.raises(ValueError, match="signed by other.example, not by ledger.example"):
        check_signed(other, SIGNER.verifier)


@pytest.mark.parametrize("commitment", ["../lock", "", "AB" * 32, "ab" * 31])
def test_a_commitment_that_is_none_names_no_file(tmp_path, commitment):
    ledger = Ledger(tmp_path)
    for use in (ledger.personal.get, ledger.personal.erase):
        with pytest.raises(ValueError, match="is not a SHA-256"):
            use(commitment)


def test_personal_data_that_was_cut_is_noticed(tmp_path):
    ledger = Ledger(tmp_path)
    name = ledger.personal.put(b"Anna")
    for data in (b"", b"short", b"x" * 32):
        ledger.place.put(f"personal/{name}", data)
        with pytest.raises(ValueError, match=f"personal data {name} of .* was changed"):
            ledger.personal.get(name)


def test_a_part_that_is_longer_or_shorter_than_its_directory_says_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "a.zip"
    write_parts(path, {"records.jsonl": b"a line\n"}, zipfile.ZIP_STORED)
    for data in (b"a line", b"a line\nand more"):
        monkeypatch.setattr(zipfile.ZipFile, "open", lambda *_, data=data: _Opened(data))
        with pytest.raises(UnprovedError, match="not as large as it claims"):
            Archive(path).part("records.jsonl")


class _Opened:
    """A part that gives other bytes than its directory promises."""

    def __init__(self, data):
        self.data = data

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def read(self, count):
        found, self.data = self.data[:count], self.data[count:]
        return found


def test_a_disk_that_fails_is_not_called_a_damaged_file(tmp_path):
    path = tmp_path / "a.zip"
    write_parts(path, {"a": b"a"})
    found = Archive(path)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        found.part("a")
