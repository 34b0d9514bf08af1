"""The exposure log: which clip was trained on at which step, as fixed rows in an append-only file.

One row is 4 bytes of step (big-endian) and 32 bytes of the clip's digest. The root over the rows (RFC 6962) goes into
the model's provenance, so that "was this clip used, and when?" has an answer that can be proved. A resumed run cuts the
log back to what its checkpoint had seen; nothing else ever shortens it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from langit.ledger.exposures import ROW
from langit.ledger.log import leaf_hash, root


class ExposureLog:
    """Rows appended to a file; ``rows`` counts those of this run so far."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows = path.stat().st_size // ROW.size if path.exists() else 0

    def enter(self, step: int, clips: tuple[str, ...]) -> None:
        """Append a row for each clip (hex digests)."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as file:
            file.write(b"".join(ROW.pack(step, bytes.fromhex(clip.removeprefix("sha256:"))) for clip in clips))
        self.rows += len(clips)

    def flush(self) -> None:
        """Return only when every row is on disk."""
        if self.path.exists():
            with self.path.open("ab") as file:
                os.fsync(file.fileno())

    def cut(self, rows: int) -> None:
        """Drop what was written after a checkpoint.

        Raises:
            ValueError: the log is shorter than the checkpoint says: rows are missing.
        """
        have = self.path.stat().st_size // ROW.size if self.path.exists() else 0
        if have < rows:
            raise ValueError(f"{self.path} has {have} rows, the checkpoint saw {rows}: restore the log or start anew")
        if self.path.exists():
            with self.path.open("r+b") as file:
                file.truncate(rows * ROW.size)
        self.rows = rows

    def read(self) -> Iterator[tuple[int, str]]:
        """Every (step, clip digest), in order."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            while row := file.read(ROW.size):
                step, clip = ROW.unpack(row)
                yield step, clip.hex()

    def root(self) -> str:
        """The Merkle root over all rows, hex."""
        return root([leaf_hash(ROW.pack(step, bytes.fromhex(clip))) for step, clip in self.read()]).hex()
