"""Find the C2PA manifest store in a file of any format that has one, and the certificates in a signature.

Reads strictly and without C2PA's library. Bytes come from strangers: nothing here raises for what they say, and nothing
here checks a signature.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from cryptography import x509

from langit.release.credentials.boxes import Box, FileLayout, layout_of

LARGEST: Final = 1 << 26
"""Bytes of a manifest store that are read."""
PURPOSE: Final = b"manifest\0"
TOGGLES: Final = (0x03, 0x13)
"""Toggles of a superbox that can be requested by its label; the second also has a salt (ISO 19566-5)."""
MAX_CERTIFICATES: Final = 16
MAX_PARTS: Final = 65536
GIF_EXTENSION: Final = b"\x21\xff\x0bC2PA_GIF\x01\x00\x00"
TIFF_TAG: Final = 0xCD41
SIDECAR: Final = ".c2pa"
"""Suffix of the file beside another that holds its manifests, where the other's format has no place for them."""


def sidecar_name(path: Path) -> Path:
    """Where the manifests of a file lie that cannot hold them itself: "film.c2pa" beside "film.webm"."""
    return path.with_suffix(SIDECAR)


def read_sidecar(path: Path) -> bytes:
    """The manifests beside a file; empty if there are none.

    Raises:
        OSError: they cannot be read.
    """
    beside = sidecar_name(path)
    if beside == path or not beside.is_file():
        return b""
    with beside.open("rb") as file:
        return file.read(LARGEST)


def store_of(path: Path) -> bytes:
    """The manifest store (JUMBF) of a file, or beside it if its format is not known here; empty if there is none.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(12)
        if head[:2] == b"\xff\xd8":
            return _in_jpeg(file)
        if head[:4] == b"GIF8":
            return _in_gif(file)
        if head[:4] == b"RIFF":
            return _in_riff(file)
        if head[:4] in (b"II*\0", b"MM\0*"):
            return _in_tiff(file)
        layout = layout_of(file)
        return read_store(file, layout) if layout is not None else read_sidecar(path)


def read_store(file: BinaryIO, layout: FileLayout) -> bytes:
    """The manifest store of an mp4 or PNG; empty if it has none."""
    box = layout.manifest
    if box is None:
        return b""
    start, end = store_span(file, layout, box)
    file.seek(start)
    return file.read(min(end - start, LARGEST))


def store_span(file: BinaryIO, layout: FileLayout, box: Box) -> tuple[int, int]:
    """Where the manifests lie in their box. In an mp4 it holds: UUID, version and flags, purpose, offset, manifests."""
    if layout.container == "png":
        return box.body, box.end - 4  # without the chunk's CRC
    file.seek(box.body + 20)
    offset = 8 if file.read(len(PURPOSE)) == PURPOSE else 0
    return min(box.end, box.body + 20 + len(PURPOSE) + offset), box.end


def _in_jpeg(file: BinaryIO) -> bytes:
    """Join the APP11 segments (ISO 19566-5, annex D): each repeats the superbox's length and type before its part."""
    found, at = b"", 2
    for _ in range(MAX_PARTS):
        file.seek(at)
        head = file.read(4)
        if len(head) < 4 or head[0] != 0xFF or head[1] in (0xD9, 0xDA):  # end of image, start of scan
            break
        length = int.from_bytes(head[2:], "big")
        if head[1] == 0xEB and len(found) < LARGEST:
            segment = file.read(length - 2)
            if segment[:2] == b"JP" and len(segment) > 16:
                found += segment[16:] if found else segment[8:]
        at += 2 + max(length, 2)
    return found


def _in_gif(file: BinaryIO) -> bytes:
    file.seek(0)
    data = file.read(2 * LARGEST)
    at, parts = data.find(GIF_EXTENSION), []
    if at < 0:
        return b""
    at += len(GIF_EXTENSION)
    while at < len(data) and data[at]:  # sub-blocks of up to 255 bytes, ended by an empty one
        parts.append(data[at + 1 : at + 1 + data[at]])
        at += 1 + data[at]
    return b"".join(parts)


def _in_riff(file: BinaryIO) -> bytes:
    at = 12
    for _ in range(MAX_PARTS):
        file.seek(at)
        head = file.read(8)
        if len(head) < 8:
            return b""
        length = int.from_bytes(head[4:], "little")
        if head[:4] == b"C2PA":
            return file.read(min(length, LARGEST))
        at += 8 + length + length % 2
    return b""


def _in_tiff(file: BinaryIO) -> bytes:
    file.seek(0)
    order = "<" if file.read(2) == b"II" else ">"
    file.seek(4)
    seen: set[int] = set()
    while True:
        raw = file.read(4)
        at = struct.unpack(f"{order}I", raw)[0] if len(raw) == 4 else 0
        if not at or at in seen or len(seen) > MAX_CERTIFICATES:
            return b""
        seen.add(at)
        file.seek(at)
        raw = file.read(2)
        count = struct.unpack(f"{order}H", raw)[0] if len(raw) == 2 else 0
        for _ in range(count):
            raw = file.read(12)
            if len(raw) < 12:
                return b""
            tag, _, size, offset = struct.unpack(f"{order}HHII", raw)
            if tag == TIFF_TAG:
                file.seek(offset)
                return file.read(min(size, LARGEST))


@dataclass(frozen=True)
class Superbox:
    """A JUMBF superbox: its label, what follows its description, and how much of its frame is not as it should be."""

    label: str
    content: bytes
    odd: int


def superboxes(data: bytes) -> Iterator[Superbox]:
    """JUMBF superboxes in sequence, each with its description; anything else ends the sequence."""
    at = 0
    while at + 8 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        if length < 8 or at + length > len(data):
            return
        body = data[at + 8 : at + length]
        at += length
        if data[at - length + 4 : at - length + 8] == b"jumb" and len(body) > 25:
            inner = int.from_bytes(body[:4], "big")
            label = body[25:inner].partition(b"\0")[0].decode("utf-8", "replace")
            rest = len(data) - at if 0 < len(data) - at < 8 else 0
            yield Superbox(label, body[max(8, inner) :], rest + (body[24] not in TOGGLES))


def signature_in(store: bytes, label: str) -> bytes:
    """The signature of a manifest (COSE, in CBOR), by the manifest's label; empty if it cannot be found."""
    for box in superboxes(store):
        for manifest in superboxes(box.content):
            for part in superboxes(manifest.content) if manifest.label == label else ():
                if part.label == "c2pa.signature":
                    return part.content
    return b""


def certificates_in(path: Path, label: str) -> tuple[x509.Certificate, ...]:
    """The chain of certificates in a manifest's signature, as far as it can be read; nothing is checked.

    Raises:
        OSError: the file cannot be read.
    """
    data = signature_in(store_of(path), label)
    chain: list[x509.Certificate] = []
    # Certificates are DER sequences (30 82, then a length of two bytes) in CBOR byte strings: parsing each candidate is
    # shorter than a CBOR reader, and what is no certificate does not parse.
    at = data.find(b"\x30\x82")
    while at >= 0 and len(chain) < MAX_CERTIFICATES:
        end = at + 4 + int.from_bytes(data[at + 2 : at + 4], "big")
        try:
            chain.append(x509.load_der_x509_certificate(data[at:end]))
            at = data.find(b"\x30\x82", end)
        except (ValueError, x509.InvalidVersion):
            at = data.find(b"\x30\x82", at + 1)
    return tuple(chain)
