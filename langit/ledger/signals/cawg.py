"""CAWG training-mining assertions in a file's C2PA manifests, and the older ``c2pa.`` labels.

Every manifest of the file is read, those of its ingredients too, and any refusal wins. A permission counts only in a
manifest that validates; a refusal counts in any that can be read. Manifests elsewhere are not fetched: a file that
points to one is unreadable. A file without a trace of a manifest is silent.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, BinaryIO

from langit.ledger.signals.reading import SignalReading

LABEL = re.compile(r"(cawg|c2pa)\.training-mining(\.v\d+)?(__\d+)?")
TRAINING = frozenset(
    f"{prefix}.{use}"
    for prefix in ("cawg", "c2pa")
    for use in ("ai_training", "ai_generative_training", "data_mining", "ai_training_and_mining")
)
"""Entries that forbid what we do; ``ai_inference`` is not among them."""
REFUSED = frozenset({"notallowed", "constrained"})
TRACES = (
    bytes.fromhex("d8fec3d61b0e483c92975828877ec481"),  # the box of a manifest store in MP4
    bytes.fromhex("6332706100110010800000aa00389b71"),  # the JUMBF type of a manifest store
    b"dcterms:provenance",  # XMP that points to a manifest elsewhere
)
PIECE = 1 << 20
MOST_BOXES = 20_000
"""Boxes of a file, or chunks of a PNG: a video of two hours in fragments of two seconds has 7,200."""


def read(path: Path) -> tuple[SignalReading, bytes | None]:
    """What a file's manifests say of training, and the manifests as JSON, for evidence.

    Raises:
        OSError: the file cannot be read.
        ModuleNotFoundError: it has manifests, and c2pa is not installed.
    """
    with path.open("rb") as file:
        if not has_trace(file):
            return SignalReading("cawg", "silent", path.name), None
        file.seek(0)
        mime = _mime(file.read(12))
        if mime is None:
            return SignalReading(
                "cawg", "unreadable", path.name, "traces of a manifest in a file that cannot hold one"
            ), None
        if has_many_boxes(file):
            return SignalReading("cawg", "unreadable", path.name, f"it has more than {MOST_BOXES} boxes"), None
        file.seek(0)
        return _manifests(file, mime, path.name)


def _manifests(file: BinaryIO, mime: str, where: str) -> tuple[SignalReading, bytes | None]:
    import c2pa

    settings = {"verify": {"remote_manifest_fetch": False}}
    try:
        with c2pa.Context.from_dict(settings) as context, c2pa.Reader(mime, file, context=context) as reader:
            store, valid = reader.json(), reader.get_validation_state() in ("Valid", "Trusted")
    except (c2pa.C2paError, ValueError, OSError) as error:
        return SignalReading("cawg", "unreadable", where, str(error).split("\n", 1)[0]), None
    return from_store(store, valid, where), store.encode()


def from_store(store: str, valid: bool, where: str) -> SignalReading:
    """What a manifest store, as c2pa's JSON, says of training.

    Args:
        store: the JSON.
        valid: whether the active manifest validates.
        where: the file's name.
    """
    try:
        manifests = json.loads(store)["manifests"].values()
        assertions = [
            item
            for manifest in manifests
            for item in manifest.get("assertions") or ()
            if LABEL.fullmatch(item["label"])
        ]
        uses = [_uses(item["data"]) for item in assertions]
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError):
        return SignalReading("cawg", "unreadable", where, "the manifests are malformed")
    entries = [(key, use) for found in uses for key, use in found.items() if key in TRAINING]
    for key, use in entries:
        if use.lower() in REFUSED:
            return SignalReading("cawg", "reserved", where, f"{key}: {use}")
    for key, use in entries:
        if use != "allowed":
            return SignalReading("cawg", "unreadable", where, f"{key}: {use}")
    if not entries:
        return SignalReading("cawg", "silent", where)
    text = ", ".join(f"{key}: {use}" for key, use in entries)
    if not valid:
        return SignalReading("cawg", "unreadable", where, f"{text}, in a manifest that does not validate")
    return SignalReading("cawg", "allowed", where, text)


def _uses(data: dict[str, Any]) -> dict[str, str]:
    """The entries of an assertion: a table of tables in 1.1, and in older ones the table without ``entries``."""
    entries = data.get("entries", data.get("metadata", data))
    return {str(key): str(entry["use"]) for key, entry in entries.items() if isinstance(entry, dict)}


def has_many_boxes(file: BinaryIO) -> bool:
    """Whether an MP4 or PNG file has so many boxes that C2PA's library would take minutes: its time is quadratic."""
    size = file.seek(0, 2)
    file.seek(0)
    is_png = file.read(4) == b"\x89PNG"
    at = 8 if is_png else 0
    for _ in range(MOST_BOXES):
        file.seek(at)
        head = file.read(16)
        if len(head) < 8:
            return False
        length = int.from_bytes(head[:4], "big")
        if is_png:
            length += 12
        elif length == 1:
            length = int.from_bytes(head[8:16], "big")
        if length < 8 or at + length >= size:
            return False
        at += length
    return True


def has_trace(file: BinaryIO) -> bool:
    """Whether there are traces of manifests anywhere in a file."""
    tail = b""
    while piece := file.read(PIECE):
        window = tail + piece
        if any(trace in window for trace in TRACES):
            return True
        tail = window[-max(map(len, TRACES)) :]
    return False


def _mime(head: bytes) -> str | None:
    """The format by its first bytes; names of files are not believed."""
    if head[4:8] == b"ftyp":
        return "video/quicktime" if head[8:12] == b"qt  " else "video/mp4"
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "video/avi"
    return {b"\x89PNG": "image/png", b"\xff\xd8\xff\xe0": "image/jpeg", b"\xff\xd8\xff\xe1": "image/jpeg"}.get(head[:4])
