"""The safetensors format: strict headers, tensors read one by one, and files written with the same bytes every time.

The safetensors library maps a file into memory, so that reading and converting a model holds it twice; and it writes
metadata in a random order. This reader copies each tensor once, straight from the file, and this writer has one order.
Format: an unsigned 64-bit length, that many bytes of JSON, then the tensors' bytes without gaps
(https://github.com/huggingface/safetensors). Knows nothing of models.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import numpy as np

from langit.config import parse_json
from langit.files import atomic_write

ITEM_BYTES: Final = {
    **dict.fromkeys(("F64", "I64", "U64"), 8),
    **dict.fromkeys(("F32", "I32", "U32"), 4),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 2),
    **dict.fromkeys(("I8", "U8", "BOOL"), 1),
}
_NUMPY: Final = {  # numpy has no BF16
    name: np.dtype(code)
    for name, code in (
        *(("F16", "<f2"), ("F32", "<f4"), ("F64", "<f8")),
        *(("I8", "<i1"), ("I16", "<i2"), ("I32", "<i4"), ("I64", "<i8")),
        *(("U8", "<u1"), ("U16", "<u2"), ("U32", "<u4"), ("U64", "<u8")),
        ("BOOL", "?"),
    )
}
_NAMES: Final = {dtype: name for name, dtype in _NUMPY.items()}
MAX_HEADER_BYTES = 100_000_000  # the limit of the safetensors library


@dataclass(frozen=True)
class TensorEntry:
    """One tensor of a file: its dtype, shape, and the range of its bytes in the file."""

    dtype: str  # as the format names it, for example "F16"
    shape: tuple[int, ...]
    begin: int
    end: int


@dataclass(frozen=True)
class TensorFile:
    """An opened safetensors file whose header was checked."""

    path: Path
    file: IO[bytes]
    entries: Mapping[str, TensorEntry]
    metadata: Mapping[str, str]

    def read_into(self, name: str, target: np.ndarray) -> None:
        """Read one tensor's bytes into an array of uint8 of the same length.

        Raises:
            ValueError: the file was cut off after it was opened.
        """
        entry = self.entries[name]
        assert target.dtype == np.uint8 and target.nbytes == entry.end - entry.begin
        self.file.seek(entry.begin)
        if self.file.readinto(target) != target.nbytes:  # type: ignore[attr-defined]  # IO[bytes] does not declare it
            raise ValueError(f"{self.path} is cut off in tensor {name!r}: get the file again")

    def read_part(self, name: str, offset: int, target: np.ndarray) -> None:
        """Read some of one tensor's bytes, from ``offset`` on, into an array of uint8.

        Raises:
            ValueError: the file was cut off after it was opened.
        """
        entry = self.entries[name]
        assert target.dtype == np.uint8 and offset + target.nbytes <= entry.end - entry.begin
        self.file.seek(entry.begin + offset)
        if self.file.readinto(target) != target.nbytes:  # type: ignore[attr-defined]  # IO[bytes] does not declare it
            raise ValueError(f"{self.path} is cut off in tensor {name!r}: get the file again")

    def read_array(self, name: str) -> np.ndarray:
        """Read one tensor as an array of its own.

        Raises:
            ValueError: there is no such tensor, or numpy has no such dtype.
        """
        entry = self.entries.get(name)
        if entry is None or entry.dtype not in _NUMPY:
            raise ValueError(f"{self.path} lacks an array {name!r}: get the file again")
        array = np.empty(entry.shape, _NUMPY[entry.dtype])
        self.read_into(name, array.reshape(-1).view(np.uint8))
        return array


@contextmanager
def open_tensors(path: Path) -> Iterator[TensorFile]:
    """Open a safetensors file and check its header completely.

    Raises:
        ValueError: the file is a pickle, not safetensors, cut off, or its tensors overlap or leave gaps.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        entries, metadata = _read_header(path, file, path.stat().st_size)
        yield TensorFile(path, file, entries, metadata)


def check_whole(path: Path) -> None:
    """Check a safetensors file's header, and its length against the header.

    Raises:
        ValueError: see :func:`open_tensors`.
    """
    with open_tensors(path):
        pass


def _read_header(path: Path, file: IO[bytes], size: int) -> tuple[dict[str, TensorEntry], dict[str, str]]:
    start = file.read(8)
    length = struct.unpack("<Q", start)[0] if len(start) == 8 else size
    text = file.read(length) if length <= min(size - 8, MAX_HEADER_BYTES) else b""
    try:
        plain = parse_json(text, str(path))
        metadata = plain.pop("__metadata__", {})
        entries = {name: _entry(item, 8 + length) for name, item in plain.items()}
        if not all(isinstance(value, str) for value in metadata.values()):
            raise ValueError("its metadata are not texts")
    except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
        # A pickle starts with 0x80, the protocol and an opcode, or is a zip file. A safetensors header of 640 bytes
        # starts with 0x80 0x02 0x00.
        if start[:2] == b"PK" or (start[:1] == b"\x80" and start[1:2] in b"\x02\x03\x04\x05" and start[2:3] != b"\0"):
            raise ValueError(
                f"{path} is a pickle, which can run code: only safetensors are read, get the file in that format"
            ) from error
        if start[:4] == b"GGUF":
            raise ValueError(f"{path} is GGUF, which is not supported: get the file as safetensors") from error
        if size == 0 or size < length + 8 <= MAX_HEADER_BYTES:
            raise ValueError(f"{path} is cut off after {size} bytes: get the file again") from error
        raise ValueError(f"{path} is not a safetensors file: get the file again") from error
    whole = max((entry.end for entry in entries.values()), default=8 + length)
    if size != whole:
        raise ValueError(f"{path} has {size} bytes, its header says {whole}: it was cut off, get the file again")
    place = 8 + length
    for entry in sorted(entries.values(), key=lambda entry: (entry.begin, entry.end)):
        if entry.begin != place:
            raise ValueError(f"{path} has tensors that overlap or leave gaps: get the file again")
        place = entry.end
    return entries, metadata


def _entry(item: Any, data_begin: int) -> TensorEntry:
    dtype, shape, (begin, end) = item["dtype"], item["shape"], item["data_offsets"]
    sizes = [*shape, begin, end]
    if any(not isinstance(value, int) or isinstance(value, bool) or value < 0 for value in sizes):
        raise ValueError("a size is not a whole number")
    if end - begin != math.prod(shape) * ITEM_BYTES[dtype]:
        raise ValueError("a shape does not fit its bytes")
    return TensorEntry(dtype, tuple(shape), data_begin + begin, data_begin + end)


def save_arrays(arrays: Mapping[str, np.ndarray], path: Path, metadata: Mapping[str, str]) -> None:
    """Write arrays as a safetensors file, atomically. The same arrays and metadata give the same bytes.

    The order is that of the safetensors library: the widest dtype first, then names; metadata are sorted by key.
    """
    order = sorted(arrays, key=lambda name: (-arrays[name].itemsize, name))
    header: dict[str, Any] = {"__metadata__": {key: metadata[key] for key in sorted(metadata)}}
    place = 0
    for name in order:
        array = arrays[name]
        ends = [place, place + array.nbytes]
        header[name] = {
            "dtype": _NAMES[array.dtype.newbyteorder("<")],
            "shape": list(array.shape),
            "data_offsets": ends,
        }
        place = ends[1]
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)  # tensors start at a multiple of 8 bytes
    with atomic_write(path) as unfinished, unfinished.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name in order:
            file.write(arrays[name].astype(arrays[name].dtype.newbyteorder("<"), copy=False).tobytes())
