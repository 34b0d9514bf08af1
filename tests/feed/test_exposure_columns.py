"""The exposure log of format 2: the same rows, root and proofs as format 1, in fewer bytes, and whole after a kill."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

from langit.feed.exposure import ColumnLog, ExposureLog, open_exposure_log
from langit.ledger.exposure_columns import CHUNK, ExposureColumns, Roster, count_rows, read_rows
from langit.ledger.exposures import count_exposures, rows_root
from langit.ledger.log import leaf_hash, verify_inclusion

CLIPS = tuple(hashlib.sha256(bytes([number % 256, number // 256])).hexdigest() for number in range(700))


def _filled(path: Path, steps: int, per_step: int, roster: bool) -> ExposureLog:
    log, dice = open_exposure_log(path, CLIPS if roster else None), np.random.default_rng(3)
    for step in range(steps):
        log.append(step, tuple(CLIPS[at] for at in dice.integers(0, len(CLIPS), per_step + step % 3)))
    return log


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> tuple[ExposureLog, ExposureLog]:
    """The same rows in both formats: two chunks and a part of a third."""
    place = tmp_path_factory.mktemp("logs")
    one, two = (_filled(place / name / "exposure.log", 300, 450, name == "two") for name in ("one", "two"))
    return one, two


def test_both_formats_hold_the_same_rows_under_the_same_root(logs: tuple[ExposureLog, ExposureLog]) -> None:
    one, two = logs
    assert type(one) is ExposureLog and type(two) is ColumnLog and one.rows == two.rows > 2 * CHUNK
    assert read_rows(two.path) == one.path.read_bytes() == read_rows(one.path)
    assert one.root() == two.root() == rows_root(one.path.read_bytes()) == ExposureColumns(two.path).root()
    assert open_exposure_log(two.path).root() == two.root()  # read anew: chunks' roots and the rows after them
    assert count_rows(one.path) == count_rows(two.path) == one.rows
    assert [*two.read()][:3] == [*one.read()][:3] and count_exposures(read_rows(two.path))[CLIPS[0]].times > 100
    files = sum(file.stat().st_size for file in two.path.parent.iterdir())
    assert files < one.path.stat().st_size / 7.5  # 4 of 36 bytes, and the roster


def test_a_row_is_proved_with_one_chunk_and_the_roots_of_the_others(logs: tuple[ExposureLog, ExposureLog]) -> None:
    one, two = logs
    columns, data, root = ExposureColumns(two.path), one.path.read_bytes(), bytes.fromhex(two.root())
    for number in (0, 1, CHUNK - 1, CHUNK, 2 * CHUNK + 5, two.rows - 1):
        row, proof = columns.prove_row(number)
        assert row == data[36 * number : 36 * number + 36]
        assert verify_inclusion(leaf_hash(row), number, two.rows, proof, root)
        assert not verify_inclusion(leaf_hash(row), (number + 1) % two.rows, two.rows, proof, root)
    with pytest.raises(ValueError, match="rows count from 0"):
        columns.prove_row(two.rows)


def test_rows_that_were_changed_are_found_by_their_chunk(tmp_path: Path) -> None:
    log = _filled(tmp_path / "exposure.log", 4, 20_000, True)
    columns = ExposureColumns(log.path)
    assert columns.changed_chunks() == []
    with log.path.open("r+b") as file:
        file.seek(4 * 100)
        old = file.read(4)
        file.seek(4 * 100)
        file.write(bytes([old[0] ^ 1]) + old[1:])
    assert columns.changed_chunks() == [0] and rows_root(read_rows(log.path)) != columns.root()


def test_a_kill_between_two_files_is_cut_back_to_the_checkpoint(tmp_path: Path) -> None:
    log = _filled(tmp_path / "exposure.log", 9, 30, True)
    rows, root = log.rows, log.root()
    log.flush()
    log.append(9, CLIPS[:5])
    with log.path.open("ab") as file:
        file.write(b"\0\0\0\0\1\0")  # killed within a row, before the step's end was written
    again = open_exposure_log(log.path)
    again.restore(rows, 9, root)
    assert (again.rows, again.root()) == (rows, root)
    again.append(9, CLIPS[5:9])
    plain = _filled(tmp_path / "plain" / "exposure.log", 9, 30, False)
    plain.append(9, CLIPS[5:9])
    assert again.root() == plain.root()
    with pytest.raises(ValueError, match="step 12 cannot follow 10 steps"):
        again.append(12, CLIPS[:1])
    with pytest.raises(ValueError, match="the checkpoint saw 7"):
        again.restore(7, 9, root)
    with pytest.raises(ValueError, match="is not the log of the checkpoint"):
        again.restore(rows, 9, "00" * 32)
    again.append(9, CLIPS[:1])
    with log.path.open("ab") as file:
        file.write(b"\0\0\0\0")
    with pytest.raises(ValueError, match="another process writes to it"):
        again.flush()
    again.cut(0)
    assert again.root() == ExposureLog(tmp_path / "none").root() and again.rows == 0


def test_a_log_keeps_its_format_and_its_clips(tmp_path: Path) -> None:
    old = _filled(tmp_path / "old" / "exposure.log", 3, 5, False)
    assert type(open_exposure_log(old.path, CLIPS)) is ExposureLog  # begun in format 1: it goes on as it is
    new = _filled(tmp_path / "new" / "exposure.log", 3, 5, True)
    assert type(open_exposure_log(new.path)) is ColumnLog
    assert len(open_exposure_log(new.path, CLIPS[:9]).columns.roster) == len(CLIPS)  # fewer clips after a take-down
    with pytest.raises(ValueError, match="not on the roster"):
        new.append(3, ("ab" * 32,))
    os.truncate(new.columns.roster.path, 32)
    with pytest.raises(ValueError, match="is not among the 1"):
        [*new.read()]


def test_a_roster_finds_every_clip_and_no_other(tmp_path: Path) -> None:
    roster = Roster.write(tmp_path / "exposure.clips", (f"sha256:{clip}" for clip in CLIPS))
    assert roster.numbers(CLIPS) == [sorted(CLIPS).index(clip) for clip in CLIPS] and [*roster] == sorted(CLIPS)
    assert [value.tobytes().hex() for value in roster.digests(np.array([5, 0, 5]))] == [
        sorted(CLIPS)[at] for at in (5, 0, 5)
    ]
    twice = Roster.write(tmp_path / "twice", (*CLIPS, *CLIPS[:90]))  # pieces of a clip have one digest
    assert [*twice] == sorted(CLIPS)
    for stranger in ("00" * 32, "ff" * 32, "7f" * 32):
        with pytest.raises(ValueError, match="not on the roster"):
            roster.numbers([stranger])
    alike = sorted("aa" * 20 + f"{number:024x}" for number in range(300))  # not spread evenly at all
    assert Roster.write(tmp_path / "alike", alike).numbers(alike) == [*range(300)]
