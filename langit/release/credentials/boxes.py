"""The boxes of an mp4 or chunks of a PNG, read strictly and without a library, and what lies outside them.

This module knows where bytes lie, not what they mean. No file makes it fail: what does not fit is reported as a value.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Literal

C2PA_UUID: Final = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
PNG: Final = b"\x89PNG\r\n\x1a\n"
PIECES: Final = 16
MAX_BOXES: Final = 65536
"""Boxes that are read: of a file with more, the rest counts as stray bytes."""
CHUNK: Final = 1 << 20
KNOWN: Final = frozenset(
    {"ftyp", "moov", "mdat", "free", "skip", "uuid", "moof", "mfra", "sidx", "ssix", "styp", "meta", "pdin", "wide"}
    | {"emsg", "prft", "bloc", "imda", "udta"}
)
"""Box types at the top of an mp4. One of these that is longer than the file was cut; any other is not a box at all."""


@dataclass(frozen=True)
class Box:
    """A box of an mp4 or a chunk of a PNG, from ``start`` to ``end`` in the file; its contents begin at ``body``."""

    kind: str
    start: int
    body: int
    end: int
    manifest: bool = False  # it holds C2PA manifests

    @property
    def size(self) -> int:
        return self.end - self.start


@dataclass(frozen=True)
class FileLayout:
    """A file's boxes, the ``stray`` bytes after the last one, and the ``missing`` bytes of the last one."""

    container: Literal["mp4", "png"]
    size: int
    boxes: tuple[Box, ...]
    stray: int = 0
    missing: int = 0

    @property
    def mime(self) -> str:
        return "video/mp4" if self.container == "mp4" else "image/png"

    @property
    def manifest(self) -> Box | None:
        """The first box with manifests."""
        return next((box for box in self.boxes if box.manifest), None)

    @property
    def plain(self) -> tuple[Box, ...]:
        """All boxes but those with manifests."""
        return tuple(box for box in self.boxes if not box.manifest)

    @property
    def payload(self) -> tuple[Box, ...]:
        """The boxes that hold the picture data."""
        return tuple(box for box in self.boxes if box.kind == ("mdat" if self.container == "mp4" else "IDAT"))


def layout(path: Path) -> FileLayout | None:
    """The boxes of a file; None if it is neither mp4 (or MOV) nor PNG.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        return layout_of(file)


def layout_of(file: BinaryIO) -> FileLayout | None:
    """The boxes of an open file, as :func:`layout`."""
    size = file.seek(0, 2)
    file.seek(0)
    head = file.read(12)
    if head.startswith(PNG):
        return _png_layout(file, size)
    if head[4:8] == b"ftyp":
        return _mp4_layout(file, size)
    return None


def _mp4_layout(file: BinaryIO, size: int) -> FileLayout:
    boxes: list[Box] = []
    at = 0
    while at < size and len(boxes) < MAX_BOXES:
        box = _read_box(file, at, size)
        if box is None:
            return FileLayout("mp4", size, tuple(boxes), stray=size - at)
        if box.end > size:
            return FileLayout("mp4", size, (*boxes, box), missing=box.end - size)
        boxes.append(box)
        at = box.end
    return FileLayout("mp4", size, tuple(boxes), stray=size - at)


def _read_box(file: BinaryIO, at: int, end: int) -> Box | None:
    """The box at an offset, or None if there is none. A box of a known type may be longer than the file."""
    file.seek(at)
    head = file.read(32)
    if len(head) < 8:
        return None
    length, kind, body = int.from_bytes(head[:4], "big"), head[4:8].decode("latin-1"), 8
    if length == 1:  # the length follows in 64 bits
        length, body = int.from_bytes(head[8:16], "big"), 16
    elif length == 0:  # up to the end
        length = end - at
    if length < body or (at + length > end and kind not in KNOWN):
        return None
    manifest = kind == "uuid" and head[body : body + 16] == C2PA_UUID
    return Box(kind, at, at + body, at + length, manifest)


def _png_layout(file: BinaryIO, size: int) -> FileLayout:
    chunks: list[Box] = []
    at = len(PNG)
    while at < size and len(chunks) < MAX_BOXES:
        file.seek(at)
        head = file.read(8)
        if len(head) < 8:
            return FileLayout("png", size, tuple(chunks), missing=12 - len(head))
        kind = head[4:].decode("latin-1")
        # 12: length, type and CRC around the data
        chunk = Box(kind, at, at + 8, at + int.from_bytes(head[:4], "big") + 12, kind == "caBX")
        chunks.append(chunk)
        if chunk.end > size:
            return FileLayout("png", size, tuple(chunks), missing=chunk.end - size)
        at = chunk.end
        if kind == "IEND":
            return FileLayout("png", size, tuple(chunks), stray=size - at)
    return FileLayout("png", size, tuple(chunks), missing=12)  # a PNG ends with an IEND chunk of 12 bytes


def inside(file: BinaryIO, box: Box, path: tuple[str, ...]) -> Iterator[Box]:
    """Boxes within a box, by the types that lead to them; those of a damaged box are left out."""
    if not path:
        yield box
        return
    at, number = box.body, 0
    while at < box.end and number < MAX_BOXES:
        child = _read_box(file, at, box.end)
        if child is None or child.end > box.end:
            return
        if child.kind == path[0]:
            yield from inside(file, child, path[1:])
        at, number = child.end, number + 1


def count_nonzero(file: BinaryIO, start: int, end: int) -> int:
    """How many bytes between two offsets are not zero."""
    count = 0
    file.seek(start)
    while start < end and (data := file.read(min(CHUNK, end - start))):
        count += len(data) - data.count(0)
        start += len(data)
    return count


def payload_spans(found: FileLayout) -> tuple[tuple[int, int], ...]:
    """Where the picture data lie in the file."""
    tail = 4 if found.container == "png" else 0  # the chunk's CRC
    return tuple((box.body, max(box.body, min(box.end - tail, found.size))) for box in found.payload)


def piece_size(found: FileLayout) -> int:
    """Bytes of a piece, so that there are at most :data:`PIECES` of the picture data."""
    return max(1, -(-sum(end - start for start, end in payload_spans(found)) // PIECES))


def pieces(file: BinaryIO, found: FileLayout, size: int) -> tuple[str, ...]:
    """The first 8 bytes of the SHA-256 of each ``size`` bytes of the picture data, in hex; at most twice PIECES.

    They show which part of a file was changed, and tell a changed file from a different one.
    """
    hashes: list[str] = []
    state, left = hashlib.sha256(), size
    for start, end in payload_spans(found):
        file.seek(start)
        while start < end and len(hashes) < 2 * PIECES:
            data = file.read(min(CHUNK, left, end - start))
            if not data:
                break
            state.update(data)
            start, left = start + len(data), left - len(data)
            if not left:
                hashes.append(state.hexdigest()[:16])
                state, left = hashlib.sha256(), size
    if left < size:
        hashes.append(state.hexdigest()[:16])
    return tuple(hashes)


def sha256_of(file: BinaryIO, start: int, end: int) -> str:
    """SHA-256 of the bytes between two offsets, in hex."""
    state = hashlib.sha256()
    file.seek(start)
    while start < end and (data := file.read(min(CHUNK, end - start))):
        state.update(data)
        start += len(data)
    return state.hexdigest()
