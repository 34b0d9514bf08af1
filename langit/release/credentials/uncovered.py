"""Bytes of a signed file that its signature does not cover, and the certificates in it: found without C2PA's library.

C2PA leaves out of the hash of an mp4 the boxes of the manifest, ``ftyp``, ``mfra`` and, as most signers do, ``free``
and ``skip``; what lies in them can be changed while the file still validates. Zeros that a muxer leaves do not count.
Two things are not seen: an index (``mfra``) of a fragmented file may say what it likes, and so may boxes that a signer
left out by other rules than a path; those are told by their path.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from cryptography import x509

from langit.release.credentials.boxes import Box, Layout, filled, inside, sha256_of
from langit.release.credentials.read import Credentials

LARGEST: Final = 1 << 26
"""Bytes of a manifest box that are read."""
BRANDS: Final = 16
PURPOSE: Final = b"manifest\0"
PARTS: Final = ("c2pa.assertions", "c2pa.claim.v2", "c2pa.signature")
TOGGLES: Final = (0x03, 0x13)
"""Of a superbox that can be asked for by its label; the second has a salt, too."""
NO_PAYLOAD: Final = 0xF6
"""CBOR's null: what is signed lies beside the signature."""
CERTIFICATES: Final = 16


def uncovered(path: Path, found: Layout, said: Credentials) -> tuple[tuple[str, int], ...]:
    """Places that the signature leaves out and that hold something, with their bytes.

    Args:
        path: the file.
        found: its layout.
        said: its credentials, whose hash of the file is right.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        told = [*_manifests(file, found), *_reserve(file, found, said)]
        if said.langit:
            told += _frame(file, found, said)
        if found.container == "mp4":
            told += _left_out(file, found, said)
    totals: dict[str, int] = {}
    for name, count in told:
        totals[name] = totals.get(name, 0) + count
    return tuple((name, count) for name, count in totals.items() if count)


def _left_out(file: BinaryIO, found: Layout, said: Credentials) -> Iterator[tuple[str, int]]:
    for xpath in dict.fromkeys(said.exclusions):
        top, *below = [step.partition("[")[0] for step in xpath.strip("/").split("/")]
        for outer in found.plain:
            if outer.kind != top:
                continue
            for box in inside(file, outer, tuple(below)):
                yield f"the {box.kind} box", _said_in(file, box, found, said)


def _said_in(file: BinaryIO, box: Box, found: Layout, said: Credentials) -> int:
    """Bytes of a box that are not what a muxer would have put there."""
    if box.kind == "ftyp":
        if said.first is not None and box == found.boxes[0]:
            return 0 if sha256_of(file, box.start, box.end) == said.first else box.end - box.body
        file.seek(box.body)
        brands = file.read(min(box.end - box.body, 8 + 4 * BRANDS))
        usual = brands[:4] + brands[8:]
        extra = box.end - box.body - len(brands)
        return extra if usual.isascii() and usual.decode("ascii").isprintable() else box.end - box.body
    if box.kind == "mfra" and any(other.kind == "moof" for other in found.boxes):
        return 0
    return filled(file, box.body, box.end)


def _manifests(file: BinaryIO, found: Layout) -> Iterator[tuple[str, int]]:
    """What lies in the boxes of manifests beside the manifests."""
    first = found.manifest
    for box in found.boxes:
        if not box.manifest:
            continue
        if box != first:
            yield "a second box for manifests", box.end - box.body
            continue
        start, end = _store(file, found, box)
        if found.container == "mp4":
            yield "the head of the manifests' box", filled(file, box.body + 16, box.body + 20)
            yield "the head of the manifests' box", filled(file, box.body + 20 + len(PURPOSE), start)
        file.seek(start)
        length = int.from_bytes(file.read(4), "big")
        yield "the end of the manifests' box", max(0, end - start - length)


def _store(file: BinaryIO, found: Layout, box: Box) -> tuple[int, int]:
    """Where the manifests lie in their box. In an mp4: UUID, version and flags, purpose, an offset, the manifests."""
    if found.container == "png":
        return box.body, box.end - 4
    file.seek(box.body + 20)
    offset = 8 if file.read(len(PURPOSE)) == PURPOSE else 0
    return min(box.end, box.body + 20 + len(PURPOSE) + offset), box.end


def _reserve(file: BinaryIO, found: Layout, said: Credentials) -> Iterator[tuple[str, int]]:
    """Padding after the signature, kept free for a timestamp: it is to be zeros."""
    data = signature(file, found, said.label)
    for key in (b"\x63pad", b"\x64pad2"):
        at = data.find(key)
        while at >= 0:
            start, length = _bytes_at(data, at + len(key))
            padding = data[start : start + length]
            yield "the signature's padding", len(padding) - padding.count(0)
            at = data.find(key, at + 1)


def _bytes_at(data: bytes, at: int) -> tuple[int, int]:
    """Where a CBOR byte string at a place begins, and its length; length 0 if there is none."""
    head = data[at] if at < len(data) else 0
    if 0x40 <= head <= 0x57:
        return at + 1, head - 0x40
    width = {0x58: 1, 0x59: 2, 0x5A: 4}.get(head, 0)
    return at + 1 + width, int.from_bytes(data[at + 1 : at + 1 + width], "big") if width else 0


def _frame(file: BinaryIO, found: Layout, said: Credentials) -> Iterator[tuple[str, int]]:
    """Labels and lengths around what is signed, which no signature covers: they are to be as Langit writes them."""
    name, count = "the frame of the credentials", 0
    for store in _superboxes(_read_store(file, found)):
        count += store.odd + (store.label != "c2pa")
        for manifest in _superboxes(store.content):
            if manifest.label == said.label:
                count += manifest.odd
                parts = list(_superboxes(manifest.content))
                count += sum(part.odd for part in parts) + (tuple(part.label for part in parts) != PARTS)
                for part in parts[:1]:
                    count += sum(_odd_inside(each) for each in _superboxes(part.content))
    data = signature(file, found, said.label)
    whole = any(len(data) > size and _signed_with(data, size) for size in (64, 96, 132, 256, 384, 512))
    pad = data.find(b"\x63pad")
    yield name, count + (not whole) + (pad < 0 or not _bytes_at(data, pad + 4)[1])


def _odd_inside(box: Superbox) -> int:
    """Bytes of an assertion's box that are not as they are written: a file's description has no name and no toggles."""
    described = box.content.find(b"bfdb") + 4
    named = described > 4 and described < len(box.content) and box.content[described] != 0
    return box.odd + (1 if named and box.label.startswith("c2pa.embedded-data") else 0)


def _signed_with(data: bytes, size: int) -> bool:
    """Whether a COSE signature of so many bytes ends the data, after an empty payload."""
    head = bytes([0x58, size]) if size < 256 else b"\x59" + size.to_bytes(2, "big")
    end = len(data) - size
    return data[end - len(head) : end] == head and data[end - len(head) - 1] == NO_PAYLOAD


def signature(file: BinaryIO, found: Layout, label: str) -> bytes:
    """The signature of a manifest (COSE, in CBOR), by the manifest's label; empty where it cannot be found."""
    for store in _superboxes(_read_store(file, found)):
        for manifest in _superboxes(store.content):
            for part in _superboxes(manifest.content) if manifest.label == label else ():
                if part.label == "c2pa.signature":
                    return part.content
    return b""


def _read_store(file: BinaryIO, found: Layout) -> bytes:
    box = found.manifest
    if box is None:
        return b""
    start, end = _store(file, found, box)
    file.seek(start)
    return file.read(min(end - start, LARGEST))


@dataclass(frozen=True)
class Superbox:
    """A JUMBF superbox: label, what follows its description, and how much of its frame is not as it should be."""

    label: str
    content: bytes
    odd: int


def _superboxes(data: bytes) -> Iterator[Superbox]:
    """JUMBF superboxes in sequence, each with its description; what is none ends it."""
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


def has_trace(path: Path, found: Layout) -> bool:
    """Whether a box holds manifests though it does not say so.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        for box in found.boxes:
            file.seek(box.body)
            if b"jumdc2pa" in file.read(min(96, box.end - box.body)):
                return True
    return False


def certificates(path: Path, found: Layout, label: str) -> tuple[x509.Certificate, ...]:
    """The chain in a manifest's signature, as far as it can be read; nothing is checked.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        data = signature(file, found, label)
    chain: list[x509.Certificate] = []
    at = data.find(b"\x30\x82")
    while at >= 0 and len(chain) < CERTIFICATES:
        end = at + 4 + int.from_bytes(data[at + 2 : at + 4], "big")
        try:
            chain.append(x509.load_der_x509_certificate(data[at:end]))
            at = data.find(b"\x30\x82", end)
        except (ValueError, x509.InvalidVersion):
            at = data.find(b"\x30\x82", at + 1)
    return tuple(chain)
