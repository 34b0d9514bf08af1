"""The training record that travels with a model: ``record/record.zip`` in its folder.

Whoever gets the model can then ask what it was trained on, and check the answer, without the ledger that it was
trained from. The file is a ZIP of these parts:

    log.json           how many entries the log had, which of them are here, and the proof that they are in it
    records.packed     those records, a line of canonical JSON each, in order of entry, packed as in `packing`
    records.hashes     the hashes in them that the table of films has not (older files have records.jsonl instead)
    policy.json        the policy that was in force
    manifests/HASH     the clips of each manifest, a digest a line
    exposures/STAGE    which clip was seen at which step: all steps, then all clips by number among the clips above,
                       32-bit little-endian integers; steps as differences to the row before

Nothing here is signed: the model's provenance names the root of the log and of every exposure log, and
:func:`read_record` compares. Knows nothing of weights.
"""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from langit import config
from langit.ledger import lines
from langit.ledger.archive import LARGEST, Archive, UnprovedError, write_parts
from langit.ledger.exposures import ROW, parse_rows, rows_root
from langit.ledger.packing import pack_lines, unpack_lines
from langit.ledger.policy import Policy
from langit.ledger.reader import LedgerReader
from langit.ledger.record import Record
from langit.ledger.snapshot import Snapshot, take_snapshot, training_records

FILE = "record/record.zip"
BASE = "record/base"
"""Folder in a bundle with ``provenance.json`` and table of films of the model whose weights its training began with."""
FORMAT = "langit-record-1"
LOG, RECORDS, POLICY = "log.json", "records.jsonl", "policy.json"
PACKED, HASHES = "records.packed", "records.hashes"
STAGE = re.compile(r"[\w-][\w.-]*", re.ASCII)


@dataclass(frozen=True, eq=False)
class ShippedRecord:
    """What a record file holds: the ledger's records, exposure logs by stage (as rows), and the policy."""

    snapshot: Snapshot
    exposures: Mapping[str, bytes]
    policy: Policy


def write_record(
    path: Path,
    ledger: LedgerReader,
    digests: Sequence[str],
    exposures: Mapping[str, bytes],
    sources: Sequence[str] = (),
    policy: Policy | None = None,
    films_file: bytes = b"",
) -> None:
    """Write the record of a model's training.

    Args:
        path: the file; its folder is created.
        ledger: that the model was trained from.
        digests: the ledger's, in order of entry, as far as the training read them.
        exposures: exposure logs by stage, as rows.
        sources: digests of sources that the model lists as its own, whether or not a clip of them was seen.
        policy: that was in force; the shipped one if left out.
        films_file: the model's table of films, as it is on disk: hashes that lie there are not stored again.

    Raises:
        ValueError: a clip that was seen is not in the ledger, or a stage's name is no file name.
        OSError: the file cannot be written.
    """
    seen = {clip for data in exposures.values() for _, clip in parse_rows(data)}
    wanted, evidence = training_records(ledger, seen, sources)
    snapshot = take_snapshot(ledger, digests, wanted, evidence)
    parts = snapshot_parts(snapshot)
    parts[PACKED], parts[HASHES] = pack_lines(parts.pop(RECORDS).split(b"\n")[:-1], films_file)
    parts |= {POLICY: config.canonical(config.dump(policy or Policy()))}
    numbers = {clip.digest: number for number, clip in enumerate(snapshot.clips())}
    for stage, data in exposures.items():
        if not STAGE.fullmatch(stage):
            raise ValueError(f"stage {stage!r} cannot name a file: use letters, digits, '.', '_' and '-'")
        parts[f"exposures/{stage}"] = _pack_rows(data, numbers, stage)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_parts(path, parts, zipfile.ZIP_LZMA)


def read_record(
    path: Path, ledger: Mapping[str, Any], stages: Mapping[str, Mapping[str, Any]], films_file: bytes = b""
) -> ShippedRecord:
    """Read the record of a model, and compare it with what the model's provenance says.

    Args:
        path: the file.
        ledger: ``size`` and ``root`` of the ledger, from the provenance.
        stages: ``root`` of each exposure log, from the provenance.
        films_file: see :func:`write_record`.

    Raises:
        UnprovedError: the file is damaged, or is not the record of this model.
        OSError: it cannot be read.
    """
    archive = Archive(path)
    snapshot = read_snapshot(archive, films_file)
    try:
        if snapshot.size != ledger["size"] or snapshot.root().hex() != ledger["root"]:
            raise UnprovedError(f"{path} is of another ledger than the one that the model names: get the model again")
        policy = config.load(Policy, json.loads(archive.part(POLICY)))
        clips = [clip.digest for clip in snapshot.clips()]
        exposures = {}
        for stage, facts in stages.items():
            if f"exposures/{stage}" not in archive:
                continue
            rows = _unpack_rows(archive.part(f"exposures/{stage}"), clips)
            if rows_root(rows) != facts["root"]:
                raise UnprovedError(f"the exposure log of stage {stage} in {path} is not the one that the model names")
            exposures[stage] = rows
    except UnprovedError:
        raise
    except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
        raise UnprovedError(f"{path} is not a complete record ({error}): get the model again") from error
    return ShippedRecord(snapshot, exposures, policy)


def snapshot_parts(snapshot: Snapshot) -> dict[str, bytes]:
    """A snapshot as parts of an archive; it needs no others to be checked."""
    log = {
        "format": FORMAT,
        "size": snapshot.size,
        "entries": _ranges([*snapshot.records]),
        "proof": [item.hex() for item in snapshot.proof],
    }
    parts = {LOG: config.canonical(log), RECORDS: lines.write_lines(snapshot.records.values())}
    for manifest in snapshot.manifests():
        parts[f"manifests/{manifest.listing}"] = snapshot.evidence_bytes(manifest.listing)
    return parts


def read_snapshot(archive: Archive, films_file: bytes = b"") -> Snapshot:
    """The snapshot in an archive. Evidence is compared with its hash; the root is for the caller to compare.

    ``films_file`` is the table of films with which it was packed, as it is on disk.

    Raises:
        UnprovedError: a part is missing, damaged, or not what it should be.
    """
    try:
        log = json.loads(archive.part(LOG))
        if log["format"] != FORMAT:
            raise ValueError(f"format {log['format']!r} is not {FORMAT!r}: upgrade Langit")
        entries = [entry for first, last in log["entries"] for entry in _entries(first, last, log["size"])]
        if PACKED in archive:
            written = unpack_lines(archive.part(PACKED), archive.part(HASHES), films_file, LARGEST)
        else:
            written = archive.part(RECORDS).splitlines()
        records = [lines.parse_line(line) for line in written]
        proof = [bytes.fromhex(item) for item in log["proof"]]
        evidence = {}
        for name in archive.names():
            if name.startswith("manifests/"):
                data, digest = archive.part(name), name.removeprefix("manifests/")
                if hashlib.sha256(data).hexdigest() != digest:
                    raise ValueError(f"{name} was changed")
                evidence[digest] = data
        # A number that is there twice leaves one record out, and then the proof does not lead to the root.
        named: dict[int, Record] = dict(zip(entries, records, strict=True))
        return Snapshot(named, int(log["size"]), proof, str(archive.path), evidence)
    except UnprovedError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UnprovedError(f"{archive.path} is not a complete record ({error}): get it again") from error


def _entries(first: object, last: object, size: object) -> range:
    """The entries of a range, both ends included; a range that is none could be of any length."""
    if not (isinstance(first, int) and isinstance(last, int) and isinstance(size, int) and 0 <= first <= last < size):
        raise ValueError(f"entries {first} to {last} are not in a log of {size}")
    return range(first, last + 1)


def _ranges(entries: Sequence[int]) -> list[list[int]]:
    """Sorted numbers as first and last of each run of neighbours."""
    found: list[list[int]] = []
    for entry in entries:
        if found and found[-1][1] == entry - 1:
            found[-1][1] = entry
        else:
            found.append([entry, entry])
    return found


def _pack_rows(data: bytes, numbers: Mapping[str, int], stage: str) -> bytes:
    """Rows of an exposure log as differences of steps and numbers of clips; deflates to about 2 bytes a row."""
    rows = [*parse_rows(data)]
    missing = next((clip for _, clip in rows if clip not in numbers), None)
    if missing is not None:
        raise ValueError(f"stage {stage} saw clip {missing}, which is not in the ledger: train from the ledger alone")
    steps = np.array([0, *(step for step, _ in rows)], np.int64)
    clips = np.array([numbers[clip] for _, clip in rows], np.uint32)
    # A step that falls wraps around, as the differences are taken modulo 2**32, and is restored.
    return np.diff(steps).astype(np.uint32).astype("<u4").tobytes() + clips.astype("<u4").tobytes()


def _unpack_rows(packed: bytes, clips: Sequence[str]) -> bytes:
    """The rows that :func:`_pack_rows` packed."""
    if len(packed) % 8:
        raise ValueError(f"an exposure log of {len(packed)} bytes is not whole")
    deltas, numbers = np.frombuffer(packed, "<u4").reshape(2, -1)
    if numbers.size and int(numbers.max()) >= len(clips):
        raise ValueError(f"clip {int(numbers.max())} of {len(clips)}")
    rows = np.zeros(len(numbers), np.dtype([("step", ">u4"), ("clip", "V32")]))
    assert rows.dtype.itemsize == ROW.size
    rows["step"] = np.cumsum(deltas, dtype=np.uint64).astype(np.uint32)
    table = np.frombuffer(b"".join(bytes.fromhex(clip) for clip in clips), "V32")
    rows["clip"] = table[numbers] if len(numbers) else rows["clip"]
    return rows.tobytes()
