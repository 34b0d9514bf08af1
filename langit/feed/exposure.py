"""The exposure log: which clip was trained on at which step, as fixed-size rows in an append-only file.

In format 1 one row is 4 bytes of step (big-endian) and 32 bytes of the clip's digest. The Merkle root over the rows
(RFC 6962) goes into the model's provenance, so that "was this clip used, and when?" has an answer that can be proved. A
run that is resumed cuts the log back to what its checkpoint had seen; nothing else ever shortens it.
Format 2, for many rows, has the same rows and the same root in fewer bytes.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

from langit.ledger.exposure_columns import CHUNK, ExposureColumns, Roster
from langit.ledger.exposures import ROW
from langit.ledger.log import Frontier, leaf_hash
from langit.ledger.log import root as merkle_root

_READ = 4096 * ROW.size  # bytes at a time


class ExposureLog:
    """Rows appended to a file. ``rows`` is how many this run has written or taken over.

    One process writes: `train.lock` sees to that. As a second line of defence :meth:`flush` refuses to go on when the
    file holds more or fewer rows than were written here.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows = path.stat().st_size // ROW.size if path.exists() else 0
        self._frontier: Frontier | None = None  # over the rows so far, or None until they were read once

    def append(self, step: int, clips: tuple[str, ...]) -> None:
        """Append a row for each clip (digests in hex).

        Raises:
            OSError: the file cannot be written, for example because the disk is full.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        rows = [ROW.pack(step, bytes.fromhex(clip.removeprefix("sha256:"))) for clip in clips]
        frontier = self._frontier if self._frontier is not None else self._read_frontier()
        with self.path.open("ab", buffering=0) as file:
            data = b"".join(rows)
            if file.write(data) != len(data):  # unbuffered: a full disk may take a part and say nothing
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
        self._frontier = frontier.extend(leaf_hash(row) for row in rows)
        self.rows += len(clips)

    def flush(self) -> None:
        """Return only when every row is on disk.

        Raises:
            ValueError: the file does not hold the rows that were written: something else writes to it.
        """
        if not self.path.exists():
            return
        with self.path.open("ab") as file:
            os.fsync(file.fileno())
            size = os.fstat(file.fileno()).st_size
        if size != self.rows * ROW.size:
            raise ValueError(
                f"{self.path} holds {size} bytes where {self.rows * ROW.size} were written: another process writes to"
                " it; stop it, and go on with --resume"
            )

    def cut(self, rows: int) -> None:
        """Keep the first ``rows`` rows and drop what was written after them.

        Raises:
            ValueError: the log is shorter: rows are missing.
        """
        on_disk = self.path.stat().st_size // ROW.size if self.path.exists() else 0
        if on_disk < rows:
            raise ValueError(
                f"{self.path} has {on_disk} rows, the checkpoint saw {rows}: restore the log, or begin a new run"
            )
        if self.path.exists():
            with self.path.open("r+b") as file:
                file.truncate(rows * ROW.size)
        self.rows = rows
        self._frontier = None

    def restore(self, rows: int, step: int, root: str | None) -> None:
        """Cut the log back to a checkpoint, after checking that it is the log of that checkpoint.

        Args:
            rows: how many the checkpoint saw.
            step: the checkpoint's; the rows before it are of steps below.
            root: the Merkle root over the rows (hex), or None where the checkpoint is older than this check.

        Raises:
            ValueError: rows are missing, were written by two processes at once, or are not those that were seen.
        """
        last = 0
        for number, (at, _) in enumerate(self.read()):
            if number >= rows:
                break
            if at < last or at >= step:
                wrong = f"falls from {last}" if at < last else f"is past the checkpoint's {step}"
                raise ValueError(
                    f"{self.path}: the step of row {number} is {at}, which {wrong}. Two processes may have trained this"
                    " run at once. What was seen is not known any more: remove the run's folder and train it again"
                )
            last = at
        self.cut(rows)
        _check_root(self.path, self.root, root)

    def read(self) -> Iterator[tuple[int, str]]:
        """Every (step, clip digest), in order; an incomplete last row is left out."""
        for row in self._read_rows():
            step, clip = ROW.unpack(row)
            yield step, clip.hex()

    def root(self) -> str:
        """The Merkle root over all rows, hex."""
        if self._frontier is None:
            self._frontier = self._read_frontier()
        return self._frontier.root().hex()

    def _read_rows(self) -> Iterator[bytes]:
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            while data := file.read(_READ):
                for start in range(0, len(data) - ROW.size + 1, ROW.size):
                    yield data[start : start + ROW.size]

    def _read_frontier(self) -> Frontier:
        return Frontier().extend(leaf_hash(row) for row in self._read_rows())


class ColumnLog(ExposureLog):
    """A log of format 2 (`ledger.exposure_columns`): 4 bytes a row, and roots of chunks, so that no root takes a pass.

    Steps count up by one from 0, which is what a trainer does.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.columns = path, ExposureColumns(path)
        self.rows = self.columns.rows
        self._tail: Frontier | None = None  # over the rows after the last full chunk, or None until they were read

    def append(self, step: int, clips: tuple[str, ...]) -> None:
        """Append a row for each clip, which the roster has.

        Raises:
            ValueError: a clip is not on the roster, or the step is not the one after the last.
            OSError: the file cannot be written, for example because the disk is full.
        """
        if step != self.columns.whole_steps:
            raise ValueError(f"{self.path}: step {step} cannot follow {self.columns.whole_steps} steps: resume the run")
        tail, chunks = self._tail if self._tail is not None else self._read_tail(), list[bytes]()
        for clip in clips:
            tail = tail.append(leaf_hash(ROW.pack(step, bytes.fromhex(clip.removeprefix("sha256:")))))
            if tail.size == CHUNK:
                chunks.append(tail.root())
                tail = Frontier()
        numbers = self.columns.roster.numbers(clips)
        self._write(self.path, np.asarray(numbers, "<u4").tobytes())
        self._write(self.columns.chunks, b"".join(chunks))
        # Last: rows that no step ends are cut off when a run is resumed.
        self._write(self.columns.steps, (self.rows + len(clips)).to_bytes(8, "little"))
        self._tail = tail
        self.rows += len(clips)

    def _write(self, path: Path, data: bytes) -> None:
        with path.open("ab", buffering=0) as file:
            if file.write(data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    def flush(self) -> None:
        for path in (self.path, self.columns.chunks, self.columns.steps):
            if path.exists():
                with path.open("ab") as file:
                    os.fsync(file.fileno())
        if self.columns.rows != self.rows:
            raise ValueError(
                f"{self.path} holds {self.columns.rows} rows where {self.rows} were written: another process writes to"
                " it; stop it, and go on with --resume"
            )

    def cut(self, rows: int) -> None:
        if self.columns.rows < rows:
            raise ValueError(
                f"{self.path} has {self.columns.rows} rows, the checkpoint saw {rows}: restore the log, or begin a new"
                " run"
            )
        steps = self.columns.whole_steps
        while steps and self.columns.rows_before(steps) > rows:
            steps -= 1
        if self.columns.rows_before(steps) != rows:
            raise ValueError(f"{self.path}: {rows} rows end within a step: restore the log, or begin a new run")
        lengths = {self.path: 4 * rows, self.columns.steps: 8 * steps, self.columns.chunks: rows // CHUNK * 32}
        for path, length in lengths.items():
            if path.exists():
                os.truncate(path, length)
        self.rows, self._tail = rows, None

    def restore(self, rows: int, step: int, root: str | None) -> None:
        if self.columns.rows_before(step) != rows:
            raise ValueError(
                f"{self.path} has {self.columns.rows_before(step)} rows in {step} steps, the checkpoint saw {rows}:"
                " restore the log, or remove the run's folder and train it again"
            )
        self.cut(rows)
        _check_root(self.path, self.root, root)

    def read(self) -> Iterator[tuple[int, str]]:
        for row in self._read_rows():
            step, clip = ROW.unpack(row)
            yield step, clip.hex()

    def root(self) -> str:
        if self.rows == 0:
            return Frontier().root().hex()
        tail = self._tail if self._tail is not None else self._read_tail()
        self._tail = tail
        full = self.rows // CHUNK
        stored = self.columns.chunks.read_bytes() if full else b""
        tops = [stored[at * 32 : (at + 1) * 32] for at in range(full)]
        return merkle_root([*tops, tail.root()] if tail.size else tops).hex()

    def _read_rows(self) -> Iterator[bytes]:
        for chunk in self.columns.every_row():
            for start in range(0, len(chunk), ROW.size):
                yield chunk[start : start + ROW.size]

    def _read_tail(self) -> Frontier:
        full, rest = divmod(self.rows, CHUNK)
        rows = self.columns.chunk(full) if rest else b""
        return Frontier().extend(leaf_hash(rows[at : at + ROW.size]) for at in range(0, len(rows), ROW.size))


def open_exposure_log(path: Path, roster: Iterable[str] | None = None) -> ExposureLog:
    """The log at a path, of the format that is there; a new one is of format 2 where the clips of a stage are given."""
    columns = ExposureColumns(path)
    if roster is not None and (columns.is_there or not path.exists()):
        Roster.write(columns.roster.path, roster)
    return ColumnLog(path) if columns.is_there else ExposureLog(path)


def _check_root(path: Path, found: Callable[[], str], wanted: str | None) -> None:
    """Compare a log's root, which takes a pass over it, with its checkpoint's, where that has one."""
    if wanted is not None and (root := found()) != wanted:
        raise ValueError(
            f"{path} is not the log of the checkpoint (root {root[:16]}…, the checkpoint's is {wanted[:16]}…):"
            " restore the log, or remove the run's folder and train it again"
        )
