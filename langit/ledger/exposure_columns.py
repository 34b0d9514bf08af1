"""Format 2 of an exposure log: columns of 4 bytes a row, for logs of many rows over a known set of clips.

Beside ``exposure.log`` lie three files, and it is of format 2 if and only if the first is there:

    exposure.clips   the roster: the digests of all clips that a stage may learn, sorted, 32 bytes each
    exposure.steps   for each step the number of rows up to its end, 8 bytes little-endian
    exposure.chunks  for each full chunk of 65,536 rows the Merkle root over them, 32 bytes

``exposure.log`` itself holds a number of the roster for each row, 4 bytes little-endian. The root over all rows is that
of format 1 (RFC 6962 over rows of 36 bytes): as chunks are a power of two, their roots are nodes of that very tree. So
the same rows have the same root and the same proofs in both formats, and a root or a proof takes one chunk and the
chunks' roots, never a pass over everything. Knows nothing of who writes the files.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from langit.files import atomic_write
from langit.ledger.exposures import ROW
from langit.ledger.log import EMPTY, Frontier, Hash, inclusion_proof, leaf_hash
from langit.ledger.log import root as merkle_root

CHUNK: Final = 1 << 16  # rows; a power of two, or roots of chunks would not be nodes of the tree over rows
DIGEST: Final = 32
WORDS: Final = 4  # of 8 bytes in a digest
STEP: Final = 8  # bytes of a step's end
ROSTER: Final = "exposure.clips"
_ROW: Final = np.dtype([("step", ">u4"), ("clip", f"V{DIGEST}")])


@dataclass(frozen=True)
class Roster:
    """Sorted digests in a file, found without reading all of it: they are spread evenly, as hashes are."""

    path: Path

    @classmethod
    def write(cls, path: Path, digests: Iterable[str]) -> Roster:
        """Write a roster, in 32 bytes of memory a clip or a little more. One that is there stays as it is.

        A run that goes on after a take-down has fewer clips than its roster, and its rows keep their numbers.

        Raises:
            ValueError: there are more clips than numbers.
        """
        if path.exists():
            return cls(path)
        found = bytearray()
        for digest in digests:
            found += bytes.fromhex(digest.removeprefix("sha256:"))
        words = np.frombuffer(found, ">u8").reshape(-1, WORDS)
        words = words[np.lexsort(words.T[::-1])]
        words = words[np.r_[True, (words[1:] != words[:-1]).any(1)]] if len(words) else words  # each clip once
        if len(words) > 0xFFFFFFFF:
            raise ValueError(f"{len(words)} clips are more than an exposure log can number")
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path, durable=True) as unfinished:
            unfinished.write_bytes(words.tobytes())
        return cls(path)

    def __len__(self) -> int:
        return self.path.stat().st_size // DIGEST

    def __iter__(self) -> Iterator[str]:
        with self.path.open("rb") as file:
            while data := file.read(4096 * DIGEST):
                for at in range(0, len(data), DIGEST):
                    yield data[at : at + DIGEST].hex()

    def numbers(self, digests: Iterable[str]) -> list[int]:
        """The numbers of clips.

        Raises:
            ValueError: a clip is not on the roster.
        """
        with self.path.open("rb") as file:
            count = os.fstat(file.fileno()).st_size // DIGEST
            return [_find(file.fileno(), bytes.fromhex(d.removeprefix("sha256:")), count, self.path) for d in digests]

    def digests(self, numbers: np.ndarray) -> np.ndarray:
        """The digests (V32) of these numbers; only they are read.

        Raises:
            ValueError: a number is beyond the roster's end.
        """
        if numbers.size and int(numbers.max()) >= len(self):
            raise ValueError(f"clip {int(numbers.max())} is not among the {len(self)} of {self.path}: restore the file")
        unique, places = np.unique(numbers, return_inverse=True)
        with self.path.open("rb") as file:
            found = b"".join(os.pread(file.fileno(), DIGEST, int(number) * DIGEST) for number in unique)
        return np.frombuffer(found, f"V{DIGEST}")[places] if numbers.size else np.zeros(0, f"V{DIGEST}")


def _find(file: int, digest: bytes, count: int, path: Path) -> int:
    """Interpolation search: two or three reads among a million evenly spread digests."""
    low, high, aim = 0, count - 1, int.from_bytes(digest[:8], "big")
    bottom, top = 0, 1 << 64
    while low <= high:
        guess = low + (high - low) * (aim - bottom) // max(1, top - bottom)
        guess = min(max(guess, low), high)
        found = os.pread(file, DIGEST, guess * DIGEST)
        if found == digest:
            return guess
        if found < digest:
            low, bottom = guess + 1, int.from_bytes(found[:8], "big")
        else:
            high, top = guess - 1, int.from_bytes(found[:8], "big")
    raise ValueError(f"clip {digest.hex()} is not on the roster {path}: it may not be trained on in this run")


@dataclass(frozen=True)
class ExposureColumns:
    """A log of format 2 on disk, read chunk by chunk."""

    path: Path

    @property
    def roster(self) -> Roster:
        return Roster(self.path.with_name(ROSTER))

    @property
    def steps(self) -> Path:
        return self.path.with_name("exposure.steps")

    @property
    def chunks(self) -> Path:
        return self.path.with_name("exposure.chunks")

    @property
    def is_there(self) -> bool:
        """Whether the log is of this format."""
        return self.roster.path.exists()

    @property
    def rows(self) -> int:
        return self.path.stat().st_size // 4 if self.path.exists() else 0

    @property
    def whole_steps(self) -> int:
        """Steps whose rows are all there."""
        return self.steps.stat().st_size // STEP if self.steps.exists() else 0

    def rows_before(self, step: int) -> int:
        """The number of rows of the steps before ``step``."""
        if step <= 0 or not self.steps.exists():
            return 0
        with self.steps.open("rb") as file:
            data = os.pread(file.fileno(), 8, 8 * (min(step, self.whole_steps) - 1))
        return int.from_bytes(data, "little")

    def chunk(self, number: int) -> bytes:
        """The rows of a chunk as format 1 has them, 36 bytes each.

        Raises:
            ValueError: the files do not fit together.
        """
        first = number * CHUNK
        with self.path.open("rb") as file:
            clips = np.frombuffer(os.pread(file.fileno(), 4 * CHUNK, 4 * first), "<u4")
        rows = np.zeros(len(clips), _ROW)
        rows["clip"] = self.roster.digests(clips)
        rows["step"] = self._steps_of(first, len(clips))
        return rows.tobytes()

    def _steps_of(self, first: int, count: int) -> np.ndarray:
        low, high = 0, self.whole_steps
        with self.steps.open("rb") as file:
            while low < high:  # the step that row ``first`` is of
                middle = (low + high) // 2
                if int.from_bytes(os.pread(file.fileno(), 8, 8 * middle), "little") <= first:
                    low = middle + 1
                else:
                    high = middle
            ends = np.frombuffer(os.pread(file.fileno(), 8 * (count + 1), 8 * low), "<u8")
        places = np.searchsorted(ends, np.arange(first, first + count, dtype=np.uint64), side="right")
        if count and int(places[-1]) >= len(ends):
            raise ValueError(f"{self.path} has rows of no step in {self.steps}: restore the files")
        return low + places

    def every_row(self) -> Iterator[bytes]:
        """All rows as format 1 has them, a chunk at a time."""
        for number in range(-(-self.rows // CHUNK)):
            yield self.chunk(number)

    def tops(self) -> list[Hash]:
        """Roots of the full chunks, then that of the rows after them, if there are any."""
        stored = self.chunks.read_bytes() if self.chunks.exists() else b""
        full, rest = divmod(self.rows, CHUNK)
        if len(stored) < full * DIGEST:
            raise ValueError(f"{self.chunks} has {len(stored) // DIGEST} roots of {full} chunks: restore the file")
        tops = [stored[at * DIGEST : (at + 1) * DIGEST] for at in range(full)]
        return [*tops, chunk_root(self.chunk(full))] if rest else tops

    def root(self) -> str:
        """The root over all rows (hex), from the roots of chunks as they were written."""
        tops = self.tops()
        return (merkle_root(tops) if tops else EMPTY).hex()

    def changed_chunks(self) -> list[int]:
        """Chunks whose rows are not those that their roots were taken of: a pass over everything."""
        tops = self.tops()
        return [number for number, top in enumerate(tops) if chunk_root(self.chunk(number)) != top]

    def prove_row(self, number: int) -> tuple[bytes, tuple[Hash, ...]]:
        """A row, and the proof that it is in the log at this place (`ledger.log.verify_inclusion`).

        Raises:
            ValueError: there is no such row.
        """
        if not 0 <= number < self.rows:
            raise ValueError(f"row {number} is not in a log of {self.rows}: rows count from 0")
        chunk, place = divmod(number, CHUNK)
        data = self.chunk(chunk)
        row = data[place * ROW.size : (place + 1) * ROW.size]
        leaves = _leaves(data)
        return row, (*inclusion_proof(leaves, place), *inclusion_proof(self.tops(), chunk))


def chunk_root(rows: bytes) -> Hash:
    """The root over rows of 36 bytes."""
    return Frontier().extend(_leaves(rows)).root()


def _leaves(rows: bytes) -> list[Hash]:
    return [leaf_hash(rows[at : at + ROW.size]) for at in range(0, len(rows), ROW.size)]


def count_rows(path: Path) -> int:
    """The rows of a log of either format."""
    columns = ExposureColumns(path)
    return columns.rows if columns.is_there else path.stat().st_size // ROW.size


def read_rows(path: Path) -> bytes:
    """All rows of a log of either format, as format 1 has them.

    Raises:
        ValueError: the files of format 2 do not fit together.
    """
    columns = ExposureColumns(path)
    return b"".join(columns.every_row()) if columns.is_there else path.read_bytes()
