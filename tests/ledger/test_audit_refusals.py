"""Audits of runs that lied, of files whose parts do not fit each other, and of signers that sign what is not so."""

from __future__ import annotations

import dataclasses
import json

import lance
import pytest
from ledger import lived as lives
from ledger.lived import ALL, NOBODYS, SEEN, WHEN, clip, live
from ledger.test_audit import KEY, SIGNER, changed, findings, written

from langit.feed.traces import find_artifacts
from langit.files import write_bytes
from langit.ledger import audit, keys
from langit.ledger.audit_check import Audit
from langit.ledger.checkpoint import LogCheckpoint
from langit.ledger.derived import RunExposure
from langit.ledger.lineage import Lineage
from langit.ledger.receipt import UnprovedError
from langit.ledger.snapshot import Snapshot


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    return live(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def file(lived, tmp_path_factory):
    return written(lived, tmp_path_factory.mktemp("audit") / "tiny.audit.zip")


def test_a_clip_that_was_not_allowed_fails(tmp_path, monkeypatch):
    """Of a source whose rights nobody stated, which the run saw all the same."""
    nobodys = clip(NOBODYS, frames=7, likeness=False)
    monkeypatch.setattr(lives, "SHOTS", [*lives.SHOTS, nobodys])
    monkeypatch.setattr(lives, "ALL", [*lives.ALL, nobodys])
    monkeypatch.setattr(lives, "SEEN", SEEN | {"scenes": [*SEEN["scenes"], (5, 11)]})
    found = findings(written(live(tmp_path / "home"), tmp_path / "tiny.zip"))
    assert found["clips"].state == "holds" and found["rights"].state == "fails"
    assert f"1 of 6 clips were not allowed, such as {nobodys.digest[:16]}…: no licence is on record" in (
        found["rights"].text
    )


def test_another_policy_than_the_one_on_record_fails(tmp_path):
    lived = live(tmp_path / "home")
    root = lived.provenance.exposure["scenes"].root
    entry = RunExposure("tiny", root, 4, 4, WHEN, lived.manifest.digest, lived.name, policy="ab" * 32)
    lived.ledger.add([entry])
    write_bytes(lived.ledger.path / keys.FILE, SIGNER.export().encode(), private=True)
    found = findings(written(lived, tmp_path / "tiny.zip"))
    assert (found["rights"].state, found["rights"].text) == (
        "fails",
        "the log names another policy than open-2, which is in this file",
    )


def test_another_list_of_clips_fails(lived, file, tmp_path):
    name = f"manifests/{lived.manifest.listing}"
    for number, change in enumerate((lambda data: data + b"ab" * 32 + b"\n", lambda data: data + b"\n")):
        found = findings(changed(file, tmp_path / f"{number}.zip", name, change))
        assert (found["manifest spring"].state, found["manifest spring"].text) == (
            "fails",
            "its list of clips is not the one that was entered",
        )


def test_a_signed_file_needs_a_key(file):
    with pytest.raises(UnprovedError, match="is signed: give the public key of the ledger's owner"):
        Audit(file, None)


def test_a_signer_that_counts_wrong_is_caught(file, tmp_path):
    """The root is that of the records; the size is not."""

    def longer(note):
        state = LogCheckpoint.parse(note.decode(), KEY)
        return SIGNER.sign(str(dataclasses.replace(state, size=state.size + 1))).encode()

    with pytest.raises(UnprovedError, match="entries that were signed"):
        Audit(changed(file, tmp_path / "a.zip", audit.CHECKPOINT, longer), KEY)


@pytest.mark.parametrize("field", ["exposure", "model", "films"])
def test_a_provenance_without_a_field_is_one_line(file, tmp_path, field):
    def without(data):
        return json.dumps({key: value for key, value in json.loads(data).items() if key != field}).encode()

    with pytest.raises(UnprovedError, match=f"does not hold together .*{field}"):
        Audit(changed(file, tmp_path / "a.zip", audit.PROVENANCE, without), KEY).findings()


def test_a_model_without_films_of_its_own_has_no_finding_about_them(file, tmp_path):
    def without(data):
        return json.dumps(json.loads(data) | {"films": None}).encode()

    assert "films" not in findings(changed(file, tmp_path / "a.zip", audit.PROVENANCE, without))


def test_a_ledger_that_was_changed_since_it_was_read_is_not_signed(tmp_path):
    lived = live(tmp_path / "home")
    lineage = Lineage(lived.ledger, find_artifacts(lived.home))
    lance.dataset(lived.ledger.place.table("drop")).update({"detail": "'something else'"}, where="true")
    with pytest.raises(ValueError, match="a drop, is missing or was changed"):
        audit.write(lineage, lived.ledger, lineage.find("tiny")[0], SIGNER, tmp_path / "a.zip")
    assert not (tmp_path / "a.zip").exists()


def test_records_of_another_ledger_are_not_written_for_a_model(lived, tmp_path):
    model = Lineage(lived.ledger, find_artifacts(lived.home)).find("tiny")[0]
    size, listing = model.ledger_size, lived.manifest.listing
    records = dict(enumerate(map(lived_record(lived), lived.ledger.digests()[:size])))
    whole = Snapshot(records, size, (), "all", {listing: lived.ledger.evidence.get(listing)})
    audit.write_shipped(whole, model, b"{}", tmp_path / "a.zip")
    assert (tmp_path / "a.zip").exists()
    for other in (dataclasses.replace(model, ledger_root="0" * 64), dataclasses.replace(model, ledger_size=10**6)):
        with pytest.raises(ValueError, match="are not of the ledger that model tiny names"):
            audit.write_shipped(whole, other, b"{}", tmp_path / "b.zip")
    assert not (tmp_path / "b.zip").exists()


def lived_record(lived):
    return Lineage(lived.ledger, find_artifacts(lived.home)).get


def test_clips_that_were_entered_after_the_training_began_fail(lived, file, tmp_path):
    """The model names an earlier state of the log: a true one, in which its last clips were not yet entered."""
    early = lived.ledger.digests().index(ALL[8].digest)

    def earlier(data):
        named = {"size": early, "root": lived.ledger.root_at(early).hex()}
        said = json.loads(data)
        return json.dumps(said | {"ledger": said["ledger"] | named}).encode()

    found = findings(changed(file, tmp_path / "a.zip", audit.PROVENANCE, earlier))
    assert found["ledger"].state == "holds" and found["clips"].state == "fails"
    assert f"2 of 5 clips that were seen were not in the log when the training began: {min(late())}" in (
        found["clips"].text
    )


def late():
    return [ALL[number].digest for number in (8, 10)]
