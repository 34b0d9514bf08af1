"""Bytes of a signed file that its signature does not cover, and the certificates in it: found without C2PA's library.

C2PA leaves out of the hash of an mp4 the boxes of the manifest, ``ftyp``, ``mfra`` and, as most signers do, ``free``
and ``skip``; what lies in them can be changed while the file still validates. Zeros that a muxer leaves do not count.
Two things are not seen: an index (``mfra``) of a fragmented file may say what it likes, and so may boxes that a signer
left out by other rules than a path; those are told by their path.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from cryptography import x509

from langit.release.boxes import Box, Layout, filled, inside, sha256_of
from langit.release.credentials_read import Credentials

LARGEST: Final = 1 << 26
"""Bytes of a manifest box that are read."""
BRANDS: Final = 16
PURPOSE: Final = b"manifest\0"
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


def signature(file: BinaryIO, found: Layout, label: str) -> bytes:
    """The signature of a manifest (COSE, in CBOR), by the manifest's label; empty where it cannot be found."""
    box = found.manifest
    if box is None:
        return b""
    start, end = _store(file, found, box)
    file.seek(start)
    store = file.read(min(end - start, LARGEST))
    for name, content in _superboxes(store):
        for inner, manifest in _superboxes(content) if name == "c2pa" else ():
            for part, body in _superboxes(manifest) if inner == label else ():
                if part == "c2pa.signature":
                    return body
    return b""


def _superboxes(data: bytes) -> Iterator[tuple[str, bytes]]:
    """JUMBF superboxes in sequence: label, and what follows their description."""
    at = 0
    while at + 8 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        if length < 8 or at + length > len(data):
            return
        body = data[at + 8 : at + length]
        if data[at + 4 : at + 8] == b"jumb" and len(body) > 25:
            inner = int.from_bytes(body[:4], "big")
            label = body[25:inner].partition(b"\0")[0].decode("utf-8", "replace")
            yield label, body[max(8, inner) :]
        at += length


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
