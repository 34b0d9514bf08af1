"""Looking records up by a column gives what a scan gives, and nothing that is not in the log."""

from __future__ import annotations

from pathlib import Path

import lance

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


def test_rows_that_are_not_in_the_log_are_left_out(tmp_path: Path) -> None:
    """A row of a writer that died before it wrote the log, and a row that was changed in place."""
    ledger = Ledger(tmp_path)
    ledger.add(OUTPUTS[:2])
    unacknowledged = to_table(Output, [(2, OUTPUTS[5])])
    forged = to_table(Output, [(1, OUTPUTS[6])])
    for rows in (unacknowledged, forged):
        lance.write_dataset(rows, ledger.place.table("output"), mode="append")
    for output in (OUTPUTS[5], OUTPUTS[6]):
        assert find_records(ledger, Output, "content_sha256", bytes.fromhex(output.content_sha256)) == ()
    assert find_records(ledger, Output, "content_sha256", bytes.fromhex(OUTPUTS[1].content_sha256)) == (OUTPUTS[1],)
