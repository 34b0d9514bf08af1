"""Tables and logs changed behind the ledger's back: nothing that was withdrawn comes back unnoticed."""

from __future__ import annotations

import shutil
from dataclasses import replace

import lance
import pyarrow as pa
import pytest
from ledger.lived import CLIPS, FETCHED, FILE, FILMS, RIGHTS, SHOTS, SIGNALS, sha

from langit.ledger import history, keys
from langit.ledger.checkpoint import LogCheckpoint
from langit.ledger.derived import Caption, Drop
from langit.ledger.policy import Policy
from langit.ledger.record import Revocation, Rights, Signal
from langit.ledger.rows import to_table
from langit.ledger.store import LOG, Ledger

WHEN = "2026-05-06T07:08:09+00:00"
RESERVED = Signal(FETCHED.digest, "tdmrep", "reserved", "https://sea.example/", WHEN, "langit-signals-1")


@pytest.fixture
def ledger(tmp_path):
    found = Ledger(tmp_path / "ledger")
    caption = Caption(SHOTS[2].digest, "waves on a beach", "en", "tiny-vlm", "0" * 40)
    drop = Drop("motion", "still", "nothing moves", source=FILE.digest)
    found.add([*FILMS, FILE, FETCHED, RIGHTS, *SIGNALS, *CLIPS, *SHOTS, caption, drop])
    found.revoke(FILMS[0].digest, "the owner asked", revoked_at=WHEN)
    found.add([RESERVED])
    found.revoke(sha("elsewhere"), "the second", by="content", revoked_at=WHEN)
    return found


def table(ledger, name):
    return lance.dataset(str(ledger.path / f"{name}.lance"))


def refused(ledger, match):
    """Training, and every other reader of rights, refuses; so does ``check``."""
    for ask in (
        lambda: Ledger(ledger.path).allowed_clips(Policy()),
        lambda: Ledger(ledger.path).decisions(Policy()),
        lambda: Ledger(ledger.path).check(),
    ):
        with pytest.raises(ValueError, match=match):
            ask()


@pytest.mark.parametrize("kind", ["revocation", "signal", "rights", "clip", "source", "caption", "drop"])
def test_a_missing_table_is_noticed(ledger, kind):
    """As a partial backup leaves it."""
    shutil.rmtree(ledger.path / f"{kind}.lance")
    refused(ledger, rf"a {kind}, is missing")


def test_a_revocation_overwritten_by_another_is_noticed(ledger):
    second = table(ledger, "revocation").to_table().to_pylist()[1]
    table(ledger, "revocation").update(
        {"target": f"'{second['target']}'", "reason": f"'{second['reason']}'", "by": "'content'"},
        where="by = 'record'",
    )
    refused(ledger, "a revocation, is missing or was changed")


def test_a_reservation_made_silent_is_noticed(ledger):
    table(ledger, "signal").update({"says": "'silent'"}, where="says = 'reserved'")
    refused(ledger, "a signal, is missing or was changed")


@pytest.mark.parametrize("kind", ["signal", "caption", "drop", "output"])
def test_a_log_row_of_another_kind_is_noticed(ledger, kind):
    last = ledger.size - 1
    table(ledger, "log").update({"kind": f"'{kind}'"}, where=f"entry = {last}")
    refused(ledger, f"entry {last} of .* a ({kind}|revocation), is (missing|logged as)")


def test_a_log_row_of_another_kind_whose_table_row_is_gone_is_noticed(ledger):
    last = ledger.size - 1
    table(ledger, "log").update({"kind": "'output'"}, where=f"entry = {last}")
    table(ledger, "revocation").delete(f"entry = {last}")
    refused(ledger, f"entry {last} of .* an? output, is missing")


def test_a_kind_that_is_not_known_is_no_hiding_place(ledger):
    last = ledger.size - 1
    table(ledger, "log").update({"kind": "'memo'"}, where=f"entry = {last}")
    refused(ledger, "memo")
    table(ledger, "revocation").delete(f"entry = {last}")
    refused(ledger, "'memo', which this Langit does not know")


def cut_back(ledger, size):
    for path in ledger.path.glob("*.lance"):
        lance.dataset(str(path)).delete(f"entry >= {size}")


def test_log_and_table_cut_back_by_one_are_noticed(ledger):
    cut_back(ledger, ledger.size - 1)
    refused(ledger, "was cut back")


def test_an_older_copy_of_the_folder_is_noticed(ledger, tmp_path):
    shutil.copytree(ledger.path, tmp_path / "backup")
    ledger.revoke(FILMS[1].digest, "asked", revoked_at=WHEN)
    shutil.rmtree(ledger.path)
    shutil.copytree(tmp_path / "backup", ledger.path)
    refused(ledger, "was cut back")


def test_a_rewritten_log_is_noticed(ledger):
    size = ledger.size
    cut_back(ledger, size - 1)
    (ledger.path / history.NAME).unlink()
    other = history.beside(ledger.path)
    note = other.read_text()
    other.unlink()
    Ledger(ledger.path).revoke(FILMS[2].digest, "another", revoked_at=WHEN)
    other.write_text(note)
    refused(ledger, "was rewritten")


def test_a_changed_checkpoint_is_noticed(ledger):
    for file in (ledger.path / history.NAME, history.beside(ledger.path)):
        kept = file.read_text()
        lines = kept.split("\n")
        lines[1] = str(int(lines[1]) - 1)
        file.write_text("\n".join(lines))
        refused(ledger, "no valid signature")
        file.write_text(kept)
    Ledger(ledger.path).check()


@pytest.mark.parametrize(
    "record",
    [
        Revocation(sha("x"), "asked", WHEN, by="content"),
        RESERVED,
        replace(RESERVED, says="unreadable"),
        Rights(FILE.digest, WHEN, consent="refused"),
        Rights(FILE.digest, WHEN, licence="CC-BY-NC-4.0"),
    ],
)
def test_whatever_withdraws_is_signed_at_once(tmp_path, record):
    ledger = Ledger(tmp_path / "ledger")
    ledger.add([FILE, FETCHED])
    assert not (ledger.path / history.NAME).exists()
    ledger.add([record])
    verifier = keys.signer(ledger.path).verifier
    for file in (ledger.path / history.NAME, history.beside(ledger.path)):
        assert LogCheckpoint.parse(file.read_text(), verifier) == LogCheckpoint(verifier.name, 3, ledger.root())


def test_a_published_copy_without_the_key_is_compared_all_the_same(ledger, tmp_path):
    shutil.copytree(ledger.path, tmp_path / "copy", ignore=shutil.ignore_patterns(keys.FILE))
    Ledger(tmp_path / "copy").check()
    copy = Ledger(tmp_path / "copy")
    cut_back(copy, copy.size - 1)
    refused(copy, "was cut back")


def test_a_record_that_the_log_names_twice_is_refused(ledger):
    digest = bytes.fromhex(ledger.digests()[0])
    row = pa.table({"entry": [ledger.size], "kind": ["source"], "digest": [digest]}, schema=LOG)
    lance.write_dataset(row, str(ledger.path / "log.lance"), mode="append")
    with pytest.raises(ValueError, match="twice"):
        Ledger(ledger.path)


def test_a_log_row_of_another_kind_with_a_row_planted_in_that_table_is_noticed(ledger):
    last = ledger.size - 1
    table(ledger, "log").update({"kind": "'drop'"}, where=f"entry = {last}")
    planted = to_table(Drop, [(last, Drop("motion", "still", "nothing moves", source=FILE.digest, start=3))])
    lance.write_dataset(planted, str(ledger.path / "drop.lance"), mode="append")
    with pytest.raises(ValueError, match=f"entry {last} of .*, a revocation, is logged as drop"):
        Ledger(ledger.path).allowed_clips(Policy())
