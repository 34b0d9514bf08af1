"""The record that travels with a model: what it proves, and that no part of it can be changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ledger.lived import ALL, CLIPS, FILE, FILMS, SIGNALS, Lived, live

from langit.feed.traces import find_artifacts, read_model
from langit.ledger import audit, shipped
from langit.ledger.archive import Archive, UnprovedError, write_parts
from langit.ledger.artifacts import TrainedModel
from langit.ledger.audit_check import Audit, needs_key
from langit.ledger.lineage import Lineage
from langit.ledger.shipped import read_record, write_record
from langit.ledger.snapshot import Snapshot, take_snapshot, training_records

SEEN = [0, 1, 2, 8, 10]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    return live(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def model(lived: Lived) -> TrainedModel:
    logs = [log for stages in find_artifacts(lived.home).runs.values() for log in stages]
    return read_model(lived.model, logs)


def ship(lived: Lived, model: TrainedModel, path: Path) -> Path:
    logs = {stage.name: stage.log.data for stage in model.stages if stage.log is not None}
    films = [film.digest for film in FILMS]
    table = (lived.model / "films.safetensors").read_bytes()
    write_record(path, lived.ledger, lived.ledger.digests()[: model.ledger_size], logs, films, films_file=table)
    return path


@pytest.fixture(scope="module")
def file(lived: Lived, model: TrainedModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ship(lived, model, tmp_path_factory.mktemp("record") / "record.zip")


def read(path: Path, model: TrainedModel, **changed: object) -> shipped.ShippedRecord:
    ledger = {"size": model.ledger_size, "root": model.ledger_root} | changed
    table = (model.place / "films.safetensors").read_bytes()
    return read_record(path, ledger, {stage.name: {"root": stage.root} for stage in model.stages}, table)


def changed(file: Path, path: Path, part: str, data: bytes) -> Path:
    archive = Archive(file)
    write_parts(path, {name: archive.part(name) for name in archive.names()} | {part: data})
    return path


def test_a_record_holds_what_bears_on_the_training(lived: Lived, model: TrainedModel, file: Path) -> None:
    record = read(file, model)
    snapshot = record.snapshot
    assert {clip.digest for clip in snapshot.clips()} == {ALL[number].digest for number in SEEN}
    assert {*FILMS, FILE} <= {*snapshot.sources()} and {*SIGNALS} <= {*snapshot.signals()}
    assert snapshot.captions() == lived.ledger.captions() and snapshot.manifests() == lived.ledger.manifests()
    assert snapshot.root() == lived.ledger.root_at(model.ledger_size) and not snapshot.complete
    assert snapshot.evidence_bytes(lived.manifest.listing) == lived.ledger.evidence.get(lived.manifest.listing)
    assert {stage.name: stage.log.data for stage in model.stages if stage.log} == dict(record.exposures)
    with pytest.raises(ValueError, match="ask the ledger's owner"):
        snapshot.evidence_bytes("0" * 64)
    assert snapshot.root_at(3) is None


def test_the_same_record_is_the_same_bytes(lived: Lived, model: TrainedModel, file: Path, tmp_path: Path) -> None:
    assert ship(lived, model, tmp_path / "again.zip").read_bytes() == file.read_bytes()


def test_a_record_is_packed_with_the_films_beside_it(model: TrainedModel, file: Path) -> None:
    plain = sum(len(record.canonical) + 1 for record in read(file, model).snapshot.records.values())
    archive = Archive(file)
    assert len(archive.part("records.packed")) + len(archive.part("records.hashes")) < 0.8 * plain
    with pytest.raises(UnprovedError, match="a hash that is not there"):
        read_record(file, {"size": model.ledger_size, "root": model.ledger_root}, {})


def test_a_record_of_plain_lines_is_read_as_before(model: TrainedModel, file: Path, tmp_path: Path) -> None:
    archive, record = Archive(file), read(file, model)
    others = {name: archive.part(name) for name in archive.names() if not name.startswith("records.")}
    write_parts(tmp_path / "older.zip", others | shipped.snapshot_parts(record.snapshot))
    assert read(tmp_path / "older.zip", model).snapshot.records == record.snapshot.records


def test_an_audit_from_the_record_alone_holds(model: TrainedModel, file: Path, tmp_path: Path) -> None:
    record = read(file, model)
    path = tmp_path / "a.zip"
    audit.write_shipped(record.snapshot, model.with_logs(record.exposures), b"{}", path)
    assert not needs_key(path)
    found = {item.what: item for item in Audit(path, None).findings()}
    assert {item.state for item in found.values()} == {"holds", "word"}
    assert found["rights"].state == found["scenes"].state == found["films"].state == "holds"
    assert found["model"].state == found["revoked"].state == "word"
    assert "entries of the log are not in this file" in found["revoked"].text


def test_an_audit_without_logs_says_what_cannot_be_shown(lived: Lived, model: TrainedModel, tmp_path: Path) -> None:
    films = dict(enumerate(FILMS))
    digests = lived.ledger.digests()[: model.ledger_size]
    snapshot = take_snapshot(lived.ledger, digests, [film.digest for film in FILMS], ())
    assert snapshot.records == films
    unlogged = read_model(lived.model)
    audit.write_shipped(snapshot, unlogged, b"{}", tmp_path / "a.zip")
    found = {item.what: item for item in Audit(tmp_path / "a.zip", None).findings()}
    assert found["films"].state == "holds" and found["scenes"].state == "word" and found["rights"].state == "word"
    assert "cannot be checked" in found["scenes"].text and "clips" not in found
    assert audit.stages_without_logs(unlogged) == ["autoencoder", "scenes"]


def test_refused_sources_fail_an_audit_without_logs(lived: Lived, model: TrainedModel, tmp_path: Path) -> None:
    digests = lived.ledger.digests()[: model.ledger_size]
    snapshot = take_snapshot(lived.ledger, digests, [film.digest for film in FILMS], ())
    policy = json.dumps({"name": "none", "allowed": ["MIT"], "attribution": []}).encode()
    audit.write_shipped(snapshot, read_model(lived.model), policy, tmp_path / "a.zip")
    found = {item.what: item for item in Audit(tmp_path / "a.zip", None).findings()}
    assert found["rights"].state == "fails" and "4 of 4 sources" in found["rights"].text


def test_records_of_another_ledger_are_not_audited(lived: Lived, model: TrainedModel, tmp_path: Path) -> None:
    snapshot = take_snapshot(lived.ledger, lived.ledger.digests()[:6], [FILMS[0].digest], ())
    with pytest.raises(ValueError, match="not of the ledger"):
        audit.write_shipped(snapshot, model, b"{}", tmp_path / "a.zip")
    broken = Snapshot({0: FILMS[0]}, 6, (), "here")
    with pytest.raises(ValueError, match="does not fit"):
        broken.root()


@pytest.mark.parametrize(("key", "value"), [("size", 7), ("root", "0" * 64)], ids=["another size", "another root"])
def test_another_models_record_is_refused(model: TrainedModel, file: Path, key: str, value: object) -> None:
    with pytest.raises(UnprovedError, match="of another ledger"):
        read(file, model, **{key: value})


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("records.packed", lambda data: data.replace(b"B. Lender", b"M. Allory")),
        ("records.packed", lambda data: b"\n".join(data.split(b"\n")[1:])),
        ("records.packed", lambda data: data + data.split(b"\n")[0] + b"\n"),
        ("records.packed", lambda data: b"noise"),
        ("records.hashes", lambda data: data[::-1]),
        ("records.hashes", lambda data: data[:-1]),
        ("records.hashes", lambda data: data + bytes(32)),
        ("log.json", lambda data: data.replace(b"langit-record-1", b"langit-record-9")),
        ("log.json", lambda data: json.dumps(json.loads(data) | {"entries": [[0, 10**12]]}).encode()),
        ("log.json", lambda data: json.dumps(json.loads(data) | {"entries": [[5, 2]]}).encode()),
        ("log.json", lambda data: json.dumps(json.loads(data) | {"entries": [[-3, 2]]}).encode()),
        ("log.json", lambda data: json.dumps(json.loads(data) | {"proof": []}).encode()),
        ("log.json", lambda data: json.dumps(json.loads(data) | {"proof": ["x"]}).encode()),
        ("log.json", lambda data: b"[" * 100_000),
        ("log.json", lambda data: b"{}"),
        ("policy.json", lambda data: b'{"allowed": 3}'),
        ("exposures/scenes", lambda data: data[8:]),
        ("exposures/scenes", lambda data: data[:-1]),
        ("exposures/scenes", lambda data: data[:-4] + b"\xff\xff\xff\x7f"),
        ("exposures/scenes", lambda data: b""),
    ],
)
def test_a_changed_part_is_refused(model: TrainedModel, file: Path, tmp_path: Path, part, change) -> None:
    data = change(Archive(file).part(part))
    with pytest.raises(UnprovedError):
        read(changed(file, tmp_path / "a.zip", part, data), model)


def test_a_changed_listing_is_refused(lived: Lived, model: TrainedModel, file: Path, tmp_path: Path) -> None:
    part = f"manifests/{lived.manifest.listing}"
    with pytest.raises(UnprovedError, match="was changed"):
        read(changed(file, tmp_path / "a.zip", part, b"0" * 64), model)


def test_entries_that_are_there_twice_are_refused(model: TrainedModel, file: Path, tmp_path: Path) -> None:
    archive = Archive(file)
    log, lines = json.loads(archive.part("log.json")), archive.part("records.packed").split(b"\n")
    log["entries"] = [[0, 0], [0, 0]]
    path = changed(file, tmp_path / "a.zip", "log.json", json.dumps(log).encode())
    path = changed(path, tmp_path / "b.zip", "records.packed", b"\n".join(lines[:1] * 2) + b"\n")
    with pytest.raises(UnprovedError):
        read(path, model)


def test_what_was_not_entered_cannot_be_shipped(lived: Lived, tmp_path: Path) -> None:
    row = (1).to_bytes(4, "big") + bytes.fromhex("ab" * 32)
    with pytest.raises(ValueError, match="not in the ledger"):
        write_record(tmp_path / "a.zip", lived.ledger, lived.ledger.digests(), {"scenes": row})
    with pytest.raises(ValueError, match="cannot name a file"):
        write_record(tmp_path / "a.zip", lived.ledger, lived.ledger.digests(), {"../scenes": b""})


def test_steps_that_fall_and_large_ones_are_kept_as_they_are(lived: Lived, tmp_path: Path) -> None:
    rows = b"".join(step.to_bytes(4, "big") + bytes.fromhex(CLIPS[0].digest) for step in (5, 3, 2**32 - 1, 0))
    write_record(tmp_path / "a.zip", lived.ledger, lived.ledger.digests(), {"odd": rows})
    from langit.ledger.exposures import rows_root

    ledger = {"size": lived.ledger.size, "root": lived.ledger.root().hex()}
    record = read_record(tmp_path / "a.zip", ledger, {"odd": {"root": rows_root(rows)}})
    assert record.exposures["odd"] == rows


def test_a_snapshot_answers_as_the_ledger_does(lived: Lived, model: TrainedModel, file: Path) -> None:
    record = read(file, model)
    here, there = (
        Lineage(record.snapshot, find_artifacts(lived.home)),
        Lineage(lived.ledger, find_artifacts(lived.home)),
    )
    assert here.continues(model) and here.clips_seen_by(model) == there.clips_seen_by(model)
    assert here.sources_of(model) == there.sources_of(model)
    assert {digest: here.decisions[digest] for digest in here.sources} == {
        digest: there.decisions[digest] for digest in here.sources
    }
    wanted, evidence = training_records(lived.ledger, (), ())
    assert wanted == {record.digest for record in lived.ledger.revocations()} and not evidence
