"""The exposure log: rows read back as written, cut only to a checkpoint, and proved by a root."""

from pathlib import Path

import pytest

from langit.feed.exposure import ROW, ExposureLog
from langit.ledger.log import inclusion_proof, leaf_hash, root, verify_inclusion


def clip(number: int) -> str:
    return f"{number:064x}"


def test_rows_are_read_back_and_can_be_proved(tmp_path: Path) -> None:
    log = ExposureLog(tmp_path / "exposure.log")
    for step in range(5):
        log.append(step, (clip(step), clip(step + 100)))
    log.flush()
    assert log.rows == ExposureLog(log.path).rows == 10
    rows = list(log.read())
    assert rows[3] == (1, clip(101))
    leaves = [leaf_hash(ROW.pack(step, bytes.fromhex(digest))) for step, digest in rows]
    assert log.root() == root(leaves).hex()
    proof = inclusion_proof(leaves, 3)
    assert verify_inclusion(leaves[3], 3, 10, proof, bytes.fromhex(log.root()))
    assert not verify_inclusion(leaves[4], 3, 10, proof, bytes.fromhex(log.root()))


def test_cutting_goes_back_to_a_checkpoint_and_no_further(tmp_path: Path) -> None:
    log = ExposureLog(tmp_path / "exposure.log")
    log.append(0, (clip(1), clip(2)))
    with log.path.open("ab") as file:
        file.write(b"half a row")  # a process died while it wrote
    log.cut(2)
    assert list(log.read()) == [(0, clip(1)), (0, clip(2))]
    log.cut(1)
    assert list(log.read()) == [(0, clip(1))]
    with pytest.raises(ValueError, match="has 1 rows, the checkpoint saw 2"):
        log.cut(2)


def test_an_empty_log_has_the_empty_root(tmp_path: Path) -> None:
    assert ExposureLog(tmp_path / "none.log").root() == root([]).hex()
