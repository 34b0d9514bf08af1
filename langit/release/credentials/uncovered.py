"""Bytes of a signed file that its signature does not cover, found without C2PA's library.

C2PA leaves several boxes of an mp4 out of the hash: those of the manifests, ``ftyp``, ``mfra`` and, with most signers,
``free`` and ``skip``. What lies in them can be changed while the file still validates. Zeros, which muxers leave, are
not reported. Two things are not found: false contents of the index (``mfra``) of a fragmented file, and boxes that a
signer left out by a rule other than a path; the latter are reported by their path.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from langit.release.credentials.boxes import CHUNK, Box, FileLayout, count_nonzero, inside, sha256_of
from langit.release.credentials.read import Credentials
from langit.release.credentials.stores import PURPOSE, Superbox, read_store, signature_in, store_span, superboxes

MAX_BRANDS: Final = 16
PARTS: Final = ("c2pa.assertions", "c2pa.claim.v2", "c2pa.signature")
NO_PAYLOAD: Final = 0xF6
"""CBOR's null: the payload that is signed lies outside the signature (a detached COSE signature)."""
SIGNATURE_SIZES: Final = (64, 96, 132, 256, 384, 512)
"""Bytes of ECDSA, Ed25519 and RSA signatures, as COSE stores them."""


def find_uncovered(path: Path, layout: FileLayout, credentials: Credentials) -> tuple[tuple[str, int], ...]:
    """Places that the signature leaves out and that hold data, with their number of bytes.

    Args:
        path: the file.
        layout: its boxes.
        credentials: its credentials, of which the hash of the file is right.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        signature = signature_in(read_store(file, layout), credentials.label)
        counts = [*_around_manifests(file, layout), *_in_padding(signature)]
        if credentials.langit:
            counts += _in_frame(read_store(file, layout), credentials, signature)
        if layout.container == "mp4":
            counts += _in_excluded_boxes(file, layout, credentials)
    totals: dict[str, int] = {}
    for name, count in counts:
        totals[name] = totals.get(name, 0) + count
    return tuple((name, count) for name, count in totals.items() if count)


def has_trace(path: Path, layout: FileLayout) -> bool:
    """Whether a box holds manifests although its type does not say so.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        for box in layout.boxes:
            file.seek(box.body)
            if b"jumdc2pa" in file.read(min(96, box.end - box.body)):
                return True
    return False


def _in_excluded_boxes(file: BinaryIO, layout: FileLayout, credentials: Credentials) -> Iterator[tuple[str, int]]:
    for xpath in dict.fromkeys(credentials.exclusions):
        top, *below = [step.partition("[")[0] for step in xpath.strip("/").split("/")]
        for outer in layout.plain:
            if outer.kind != top:
                continue
            for box in inside(file, outer, tuple(below)):
                yield f"the {box.kind} box", _count_unusual(file, box, layout, credentials)


def _count_unusual(file: BinaryIO, box: Box, layout: FileLayout, credentials: Credentials) -> int:
    """Bytes of a box that a muxer would not have written there."""
    if box.kind == "ftyp":
        if box != layout.boxes[0]:  # a file has one, at its beginning, but C2PA leaves out all of them
            return box.end - box.body
        if credentials.first is not None:
            return 0 if sha256_of(file, box.start, box.end) == credentials.first else box.end - box.body
        file.seek(box.body)
        brands = file.read(min(box.end - box.body, 8 + 4 * MAX_BRANDS))
        named = brands[:4] + brands[8:]  # without the minor version, which is a number
        extra = box.end - box.body - len(brands)
        return extra if named.isascii() and named.decode("ascii").isprintable() else box.end - box.body
    if box.kind == "mfra" and any(other.kind == "moof" for other in layout.boxes):
        return 0
    return count_nonzero(file, box.body, box.end)


def _around_manifests(file: BinaryIO, layout: FileLayout) -> Iterator[tuple[str, int]]:
    """Data in the boxes of manifests beside the manifests."""
    first = layout.manifest
    for box in layout.boxes:
        if not box.manifest:
            continue
        if box != first:
            yield "a second box for manifests", box.end - box.body
            continue
        start, end = store_span(file, layout, box)
        if layout.container == "mp4":
            yield "the head of the manifests' box", count_nonzero(file, box.body + 16, box.body + 20)
            yield "the head of the manifests' box", count_nonzero(file, box.body + 20 + len(PURPOSE), start)
        else:
            # C2PA excludes the whole chunk from the hash, so that its checksum could hold any four bytes.
            yield "the checksum of the manifests' chunk", 0 if _crc_is_right(file, box) else 4
        file.seek(start)
        length = int.from_bytes(file.read(4), "big")
        yield "the end of the manifests' box", max(0, end - start - length)


def _crc_is_right(file: BinaryIO, chunk: Box) -> bool:
    """Whether a PNG chunk ends with the CRC of its type and data."""
    crc, at = 0, chunk.body - 4  # the type comes right before the data
    file.seek(at)
    while at < chunk.end - 4 and (data := file.read(min(CHUNK, chunk.end - 4 - at))):
        crc = zlib.crc32(data, crc)
        at += len(data)
    return file.read(4) == crc.to_bytes(4, "big")


def _in_padding(signature: bytes) -> Iterator[tuple[str, int]]:
    """Padding after the signature, reserved for a timestamp: it should be zeros."""
    for key in (b"\x63pad", b"\x64pad2"):  # CBOR text strings of three and four bytes
        at = signature.find(key)
        while at >= 0:
            start, length = _byte_string(signature, at + len(key))
            padding = signature[start : start + length]
            yield "the signature's padding", len(padding) - padding.count(0)
            at = signature.find(key, at + 1)


def _byte_string(data: bytes, at: int) -> tuple[int, int]:
    """Where the contents of a CBOR byte string begin, and their length; length 0 if there is no such string."""
    head = data[at] if at < len(data) else 0
    if 0x40 <= head <= 0x57:
        return at + 1, head - 0x40
    width = {0x58: 1, 0x59: 2, 0x5A: 4}.get(head, 0)
    return at + 1 + width, int.from_bytes(data[at + 1 : at + 1 + width], "big") if width else 0


def _in_frame(store: bytes, credentials: Credentials, signature: bytes) -> Iterator[tuple[str, int]]:
    """Labels and lengths around what is signed, which no signature covers: they must be as Langit writes them."""
    count = 0
    for box in superboxes(store):
        count += box.odd + (box.label != "c2pa")
        for manifest in superboxes(box.content):
            if manifest.label == credentials.label:
                count += manifest.odd
                parts = list(superboxes(manifest.content))
                count += sum(part.odd for part in parts) + (tuple(part.label for part in parts) != PARTS)
                for part in parts[:1]:
                    count += sum(_count_odd(assertion) for assertion in superboxes(part.content))
    whole = any(len(signature) > size and _ends_with_signature(signature, size) for size in SIGNATURE_SIZES)
    pad = signature.find(b"\x63pad")
    padded = pad >= 0 and _byte_string(signature, pad + 4)[1] > 0
    yield "the frame of the credentials", count + (not whole) + (not padded)


def _count_odd(assertion: Superbox) -> int:
    """Odd bytes of an assertion's box. Langit writes the description of an embedded file without name or toggles."""
    described = assertion.content.find(b"bfdb") + 4
    named = described > 4 and described < len(assertion.content) and assertion.content[described] != 0
    return assertion.odd + (1 if named and assertion.label.startswith("c2pa.embedded-data") else 0)


def _ends_with_signature(data: bytes, size: int) -> bool:
    """Whether the data end with a COSE signature of ``size`` bytes after an empty payload."""
    head = bytes([0x58, size]) if size < 256 else b"\x59" + size.to_bytes(2, "big")
    end = len(data) - size
    return data[end - len(head) : end] == head and data[end - len(head) - 1] == NO_PAYLOAD
