"""Looking records up by a column gives what a scan gives, and nothing that is not in the log."""

from __future__ import annotations

import shutil
from pathlib import Path

import lance
import pytest

from langit.ledger.derived import Output
from langit.ledger.lookup import find_records
from langit.ledger.record import Source
from langit.ledger.rows import to_table
from langit.ledger.store import Ledger

MODEL = "ab" * 32
OUTPUTS = [
    Output(f"{number:064x}", MODEL, "2026-01-01T00:00:00+00:00", mark=f"{number // 2:016x}") for number in range(40)
]


def test_a_lookup_finds_what_a_scan_finds(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    assert find_records(ledger, Output, "mark", bytes(8)) == ()
    ledger.add(OUTPUTS)
    for output in OUTPUTS:
        assert find_records(ledger, Output, "content_sha256", bytes.fromhex(output.content_sha256)) == (output,)
    mark = (3).to_bytes(8, "big")
    assert find_records(ledger, Output, "mark", mark) == tuple(each for each in OUTPUTS if each.mark == mark.hex())
    assert find_records(ledger, Output, "mark", b"\xff" * 8) == ()
    assert find_records(ledger, Output, "no such column", bytes(8)) == ()
    assert find_records(ledger, Source, "content_sha256", bytes(32)) == ()


def test_rows_beyond_the_log_are_left_out(tmp_path: Path) -> None:
    """A row of a writer that died before it wrote the log."""
    ledger = Ledger(tmp_path)
    ledger.add(OUTPUTS[:2])
    lance.write_dataset(to_table(Output, [(2, OUTPUTS[5])]), ledger.place.table("output"), mode="append")
    assert find_records(ledger, Output, "content_sha256", bytes.fromhex(OUTPUTS[5].content_sha256)) == ()
    assert find_records(ledger, Output, "content_sha256", bytes.fromhex(OUTPUTS[1].content_sha256)) == (OUTPUTS[1],)


def test_a_row_beside_the_one_that_was_entered_is_left_out(tmp_path: Path) -> None:
    """As a writer leaves it in a bucket that lost its lease: what was entered is there."""
    ledger = Ledger(tmp_path)
    ledger.add(OUTPUTS[:2])
    lance.write_dataset(to_table(Output, [(1, OUTPUTS[6])]), ledger.place.table("output"), mode="append")
    assert find_records(ledger, Output, "content_sha256", bytes.fromhex(OUTPUTS[6].content_sha256)) == ()
    assert find_records(ledger, Output, "content_sha256", bytes.fromhex(OUTPUTS[1].content_sha256)) == (OUTPUTS[1],)


@pytest.mark.parametrize("column", ["made_at", "model", "content_sha256"])
def test_a_changed_row_is_refused(tmp_path: Path, column: str) -> None:
    """Whatever was changed: what is found must be what was entered."""
    ledger = Ledger(tmp_path)
    ledger.add(OUTPUTS[:4])
    value = OUTPUTS[9].content_sha256 if column == "content_sha256" else "cd" * 32
    lance.dataset(ledger.place.table("output")).update({column: f"'{value}'"}, where="entry = 2")
    looked_for = value if column == "content_sha256" else OUTPUTS[2].content_sha256
    with pytest.raises(ValueError, match="entry 2 of .*, a output, is missing or was changed"):
        find_records(Ledger(tmp_path), Output, "content_sha256", bytes.fromhex(looked_for))
    whole = find_records(Ledger(tmp_path), Output, "content_sha256", bytes.fromhex(OUTPUTS[3].content_sha256))
    assert whole == (OUTPUTS[3],)


def test_a_missing_row_or_table_is_refused(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.add(OUTPUTS[:4])
    lance.dataset(ledger.place.table("output")).delete("entry = 2")
    wanted = bytes.fromhex(OUTPUTS[2].content_sha256)
    with pytest.raises(ValueError, match="entry 2 of .* is missing"):
        find_records(Ledger(tmp_path), Output, "content_sha256", wanted)
    shutil.rmtree(ledger.place.table("output"))
    with pytest.raises(ValueError, match="entry 0 of .* is missing"):
        find_records(Ledger(tmp_path), Output, "content_sha256", wanted)


def test_a_table_without_the_column_has_no_such_record(tmp_path: Path) -> None:
    """As tables are that an earlier version wrote."""
    ledger = Ledger(tmp_path)
    ledger.add([Output("0" * 64, MODEL, "2026-01-01T00:00:00+00:00")])
    lance.dataset(ledger.place.table("output")).drop_columns(["mark"])
    assert find_records(Ledger(tmp_path), Output, "mark", bytes(8)) == ()
