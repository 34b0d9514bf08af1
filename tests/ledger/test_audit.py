"""Audit files: what they show of a model, and that no part of them can be changed."""

from __future__ import annotations

import json
import shutil
import zipfile

import pytest
from ledger.lived import ALL, FILE, FILMS, SIGNER, live

from langit.feed.traces import find_artifacts
from langit.files import write_bytes
from langit.ledger import archive, audit, keys
from langit.ledger.audit_check import Audit
from langit.ledger.checkpoint import Signer
from langit.ledger.lineage import Lineage
from langit.ledger.receipt import UnprovedError, check_history
from langit.ledger.record import Source
from langit.ledger.store import Ledger

KEY = SIGNER.verifier


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    return live(tmp_path_factory.mktemp("home"))


def written(lived, path, ledger=None):
    ledger = ledger or lived.ledger
    lineage = Lineage(ledger, find_artifacts(lived.home))
    audit.write(lineage, ledger, lineage.find("tiny")[0], SIGNER, path)
    return path


@pytest.fixture(scope="module")
def file(lived, tmp_path_factory):
    return written(lived, tmp_path_factory.mktemp("audit") / "tiny.audit.zip")


def findings(path):
    return {finding.what: finding for finding in Audit(path, KEY).findings()}


def changed(file, path, name, change):
    """A copy with a part changed, or left out."""
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(path, "w") as new:
        for part in old.namelist():
            data = change(old.read(part)) if part == name else old.read(part)
            if data is not None:
                new.writestr(part, data)
    return path


def test_the_way_from_ledger_to_model_holds(lived, file):
    found = findings(file)
    assert {finding.state for finding in found.values()} == {"holds"}
    assert "all 5 clips that were seen were entered" in found["clips"].text
    assert "4 rows in 4 steps, 3 clips" in found["scenes"].text
    assert "all 4 films" in found["films"].text
    assert "on its list of 11" in found["manifest spring"].text
    assert "judged again here" in found["rights"].text and "word" not in found["rights"].text
    assert lived.name[:16] in found["model"].text


def test_an_older_receipt_can_be_compared(lived, file):
    opened = Audit(file, KEY)
    assert "continues it" in check_history(opened.state, lived.ledger.leaves(), "ledger", current=True)


def test_another_key_is_named(file):
    with pytest.raises(UnprovedError, match="not by other.example"):
        Audit(file, Signer("other.example", bytes(32)).verifier)


def test_a_changed_row_is_caught(file, tmp_path):
    def forged(data):
        return data.replace(b'"creator":"B. Lender"', b'"creator":"M. Allory"')

    path = changed(file, tmp_path / "a.zip", audit.RECORDS, forged)
    with pytest.raises(UnprovedError, match="are not the .* entries that were signed"):
        Audit(path, KEY)


@pytest.mark.parametrize("which", [0, -1])
def test_a_left_out_row_is_caught(file, tmp_path, which):
    def without(data):
        rows = data.splitlines(keepends=True)
        rows.pop(which)
        return b"".join(rows)

    with pytest.raises(UnprovedError, match="entries that were signed"):
        Audit(changed(file, tmp_path / "a.zip", audit.RECORDS, without), KEY)


@pytest.mark.parametrize(
    ("name", "change", "what"),
    [
        ("model/scenes.log", lambda data: data[36:], "scenes"),
        ("model/scenes.log", lambda data: data[:-1] + bytes([data[-1] ^ 1]), "scenes"),
        (audit.FILMS, lambda data: b"[0,1,2]", "films"),
        (audit.FILMS, lambda data: b"[0,1,2,4]", "films"),
        (audit.POLICY, lambda data: data.replace(b"CC-BY-3.0", b"CC-BY-9.0"), "rights"),
    ],
)
def test_a_changed_part_fails(file, tmp_path, name, change, what):
    found = findings(changed(file, tmp_path / "a.zip", name, change))
    assert found[what].state != "holds"


def test_another_ledgers_model_fails(file, tmp_path):
    def other(data):
        said = json.loads(data)
        said["ledger"]["root"] = "0" * 64
        return json.dumps(said).encode()

    found = findings(changed(file, tmp_path / "a.zip", audit.PROVENANCE, other))
    assert [finding.state for finding in found.values()] == ["fails"]


def test_clips_that_the_model_should_not_have_seen_fail(lived, file, tmp_path):
    """A run that lied: its log, and its provenance, name a clip that is in no manifest and not in the ledger."""
    row = (1).to_bytes(4, "big") + bytes.fromhex("ab" * 32)
    from langit.ledger.exposures import rows_root

    with zipfile.ZipFile(file) as old:
        log = old.read("model/scenes.log") + row
        said = json.loads(old.read(audit.PROVENANCE))
    said["exposure"]["scenes"] |= {"root": rows_root(log), "rows": 5}
    path = changed(file, tmp_path / "a.zip", "model/scenes.log", lambda _: log)
    path = changed(path, tmp_path / "b.zip", audit.PROVENANCE, lambda _: json.dumps(said).encode())
    found = findings(path)
    assert found["scenes"].state == "holds" and found["clips"].state == "fails"
    assert "ab" * 32 in found["clips"].text


@pytest.mark.parametrize("part", [audit.RECORDS, audit.POLICY, audit.PROVENANCE, "model/scenes.log"])
def test_a_missing_part_is_named(file, tmp_path, part):
    path = changed(file, tmp_path / "a.zip", part, lambda _: None)
    with pytest.raises(UnprovedError, match=part):
        Audit(path, KEY).findings()


def test_without_its_checkpoint_a_signed_file_is_no_unsigned_one(file, tmp_path):
    path = changed(file, tmp_path / "a.zip", audit.CHECKPOINT, lambda _: None)
    with pytest.raises(UnprovedError, match="has no part log.json"):
        Audit(path, KEY)


def test_a_cut_file_and_noise_are_plain_mistakes(file, tmp_path):
    data = file.read_bytes()
    path = tmp_path / "cut.zip"
    for end in range(0, len(data), max(1, len(data) // 40)):
        path.write_bytes(data[:end])
        with pytest.raises(UnprovedError, match="not a whole file|damaged|has no part|is signed"):
            Audit(path, KEY)


def test_changed_bytes_are_caught_or_change_nothing(file, tmp_path):
    """A ZIP has bytes that no reader looks at (a date, a flag); any other change is caught."""
    data, path = file.read_bytes(), tmp_path / "bit.zip"
    good = Audit(file, KEY).findings()
    for place in range(0, len(data), max(1, len(data) // 60)):
        path.write_bytes(data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :])
        try:
            assert Audit(path, KEY).findings() == good
        except UnprovedError:
            continue


def test_a_part_that_is_there_twice_or_huge_is_refused(file, tmp_path, monkeypatch):
    path = tmp_path / "twice.zip"
    shutil.copy(file, path)
    with zipfile.ZipFile(path, "a") as opened, pytest.warns(UserWarning, match="Duplicate"):
        opened.writestr(audit.RECORDS, b"{}")
    with pytest.raises(UnprovedError, match="twice"):
        Audit(path, KEY)
    monkeypatch.setattr(archive, "LARGEST", 100)
    with pytest.raises(UnprovedError, match="claims to unpack to"):
        Audit(file, KEY)


def test_what_was_revoked_since_is_told(tmp_path):
    lived = live(tmp_path / "home")
    write_bytes(lived.ledger.path / keys.FILE, SIGNER.export().encode(), private=True)
    lived.ledger.revoke(FILE.content_sha256, "asked for", by="content")
    found = findings(written(lived, tmp_path / "tiny.zip"))
    assert found["revoked"].state == "word" and ALL[8].digest[:16] in found["revoked"].text
    assert found["rights"].state == "holds"  # they were allowed when the run read them


def test_a_model_of_another_ledger_and_one_without_logs_are_not_audited(lived, tmp_path):
    other = Ledger(tmp_path / "other")
    other.add([Source("file", "a", "0" * 64), *FILMS])
    with pytest.raises(ValueError, match="audit it with its own ledger"):
        written(lived, tmp_path / "a.zip", other)
    shutil.copytree(lived.home, tmp_path / "home", ignore=shutil.ignore_patterns("exposure.log"))
    copy = Ledger(tmp_path / "home" / "ledger")
    lineage = Lineage(copy, find_artifacts(tmp_path / "home"))
    with pytest.raises(ValueError, match="audit the model where it was trained"):
        audit.write(lineage, copy, lineage.find("tiny")[0], SIGNER, tmp_path / "a.zip")
    assert not (tmp_path / "a.zip").exists()
