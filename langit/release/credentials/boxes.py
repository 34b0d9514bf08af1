"""What an mp4 or a PNG is made of, read strictly and with no library: boxes, chunks, and what lies outside of them.

Knows where bytes lie, not what they mean. Nothing that a file holds makes it fail: what does not fit is told.
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
MOST: Final = 65536
"""Boxes that are looked at: a file of more is taken as it is after them."""
CHUNK: Final = 1 << 20
KNOWN: Final = frozenset(
    {"ftyp", "moov", "mdat", "free", "skip", "uuid", "moof", "mfra", "sidx", "ssix", "styp", "meta", "pdin", "wide"}
    | {"emsg", "prft", "bloc", "imda", "udta"}
)
"""Types that stand at the top of an mp4: one of these that is longer than the file was cut, another is no box."""


@dataclass(frozen=True)
class Box:
    """A box of an mp4 or a chunk of a PNG; ``start`` and ``end`` in the file, ``body`` where its contents begin."""

    kind: str
    start: int
    body: int
    end: int
    manifest: bool = False  # it holds C2PA manifests

    @property
    def size(self) -> int:
        return self.end - self.start


@dataclass(frozen=True)
class Layout:
    """A file's boxes; bytes after the last that are no box; bytes that the last one lacks."""

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
        """Boxes with the pictures themselves."""
        return tuple(box for box in self.boxes if box.kind == ("mdat" if self.container == "mp4" else "IDAT"))


def layout(path: Path) -> Layout | None:
    """What the file is made of; None if it is neither mp4 (or MOV) nor PNG.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        return layout_of(file)


def layout_of(file: BinaryIO) -> Layout | None:
    """See :func:`layout`; of an open file."""
    size = file.seek(0, 2)
    file.seek(0)
    head = file.read(12)
    if head.startswith(PNG):
        return _png(file, size)
    if head[4:8] == b"ftyp":
        return _mp4(file, size)
    return None


def _mp4(file: BinaryIO, size: int) -> Layout:
    found: list[Box] = []
    at = 0
    while at < size and len(found) < MOST:
        box = _box(file, at, size)
        if box is None:
            return Layout("mp4", size, tuple(found), stray=size - at)
        if box.end > size:
            return Layout("mp4", size, (*found, box), missing=box.end - size)
        found.append(box)
        at = box.end
    return Layout("mp4", size, tuple(found), stray=size - at)


def _box(file: BinaryIO, at: int, end: int) -> Box | None:
    """The box at a place; None if there is none. One of a known type may be longer than the file."""
    file.seek(at)
    head = file.read(32)
    if len(head) < 8:
        return None
    length, kind, body = int.from_bytes(head[:4], "big"), head[4:8].decode("latin-1"), 8
    if length == 1:
        length, body = int.from_bytes(head[8:16], "big"), 16
    elif length == 0:
        length = end - at
    if length < body or (at + length > end and kind not in KNOWN):
        return None
    manifest = kind == "uuid" and head[body : body + 16] == C2PA_UUID
    return Box(kind, at, at + body, at + length, manifest)


def _png(file: BinaryIO, size: int) -> Layout:
    found: list[Box] = []
    at = len(PNG)
    while at < size and len(found) < MOST:
        file.seek(at)
        head = file.read(8)
        if len(head) < 8:
            return Layout("png", size, tuple(found), missing=12 - len(head))
        kind = head[4:].decode("latin-1")
        box = Box(kind, at, at + 8, at + int.from_bytes(head[:4], "big") + 12, kind == "caBX")
        found.append(box)
        if box.end > size:
            return Layout("png", size, tuple(found), missing=box.end - size)
        at = box.end
        if kind == "IEND":
            return Layout("png", size, tuple(found), stray=size - at)
    return Layout("png", size, tuple(found), missing=12)  # a PNG ends with an IEND chunk of 12 bytes


def inside(file: BinaryIO, box: Box, path: tuple[str, ...]) -> Iterator[Box]:
    """Boxes within a box, by the types that lead to them; those of a damaged box are left out."""
    if not path:
        yield box
        return
    at, number = box.body, 0
    while at < box.end and number < MOST:
        child = _box(file, at, box.end)
        if child is None or child.end > box.end:
            return
        if child.kind == path[0]:
            yield from inside(file, child, path[1:])
        at, number = child.end, number + 1


def filled(file: BinaryIO, start: int, end: int) -> int:
    """Bytes between two places that are not zero."""
    found = 0
    file.seek(start)
    while start < end and (piece := file.read(min(CHUNK, end - start))):
        found += len(piece) - piece.count(0)
        start += len(piece)
    return found


def spans(found: Layout) -> tuple[tuple[int, int], ...]:
    """Where the pictures' data lie in the file."""
    tail = 4 if found.container == "png" else 0  # a checksum
    return tuple((box.body, max(box.body, min(box.end - tail, found.size))) for box in found.payload)


def piece_size(found: Layout) -> int:
    """Bytes of a piece, so that there are at most :data:`PIECES`."""
    return max(1, -(-sum(end - start for start, end in spans(found)) // PIECES))


def pieces(file: BinaryIO, found: Layout, size: int) -> tuple[str, ...]:
    """First 8 bytes of the SHA-256 of each ``size`` bytes of the pictures' data, hexadecimal; at most twice PIECES.

    They tell which part of a file was changed, and a changed file from another one.
    """
    hashes: list[str] = []
    state, left = hashlib.sha256(), size
    for start, end in spans(found):
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
    """SHA-256 of the bytes between two places, hexadecimal."""
    state = hashlib.sha256()
    file.seek(start)
    while start < end and (data := file.read(min(CHUNK, end - start))):
        state.update(data)
        start += len(data)
    return state.hexdigest()
