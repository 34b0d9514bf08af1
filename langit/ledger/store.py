"""The ledger on disk: one Lance table for each kind of record, and the log that says which rows count.

``log.lance`` holds the digest of every record in order of entry; the rows of ``source.lance``, ``clip.lance`` ...
carry their place in it. A batch is written to its tables first and to the log last, in one atomic commit: rows
whose place lies beyond the log's end were never acknowledged, are not shown, and are cleared before the next
batch. Many readers and one writer at a time (a file lock that a dead process lets go of).

Knows nothing of what the records mean, but that a clip's source must be there before it.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import filelock
import lance
import pyarrow as pa

from langit.ledger.checkpoint import Checkpoint, Signer
from langit.ledger.log import Frontier, Hash, leaf_hash, root
from langit.ledger.made import KINDS, Caption, Drop, Exposure, Manifest, Output
from langit.ledger.record import Clip, Consent, Record, Revocation, RevokedBy, Rights, Signal, Source
from langit.ledger.rights import Decision, Policy, Revoked, decide, decide_clip

Kind = TypeVar("Kind", bound=Record)

LOG = pa.schema([("entry", pa.int64()), ("kind", pa.string()), ("digest", pa.binary(32))])
REFERENCES: dict[type[Record], dict[str, tuple[str, ...]]] = {
    Rights: {"source": ("source",)},
    Consent: {"covers": ("source", "clip")},
    Signal: {"source": ("source",)},
    Clip: {"source": ("source",)},
    Caption: {"clip": ("clip",)},
    Drop: {"source": ("source",), "clip": ("clip",)},
    Exposure: {"manifest": ("manifest",)},
}
"""Which fields of a record name another, and of which kinds it may be."""
MAX_FRAGMENTS = 64
"""Tables of more pieces than this are compacted after an append, so that entering films one by one stays fast."""


@dataclass(frozen=True)
class Refusal:
    """A clip that may not be used, and why."""

    clip: Clip
    decision: Decision


@dataclass(frozen=True)
class Selection:
    """What a policy lets through, in order of entry, and what it turns away."""

    policy: Policy
    clips: tuple[Clip, ...]
    refused: tuple[Refusal, ...]


class Ledger:
    """The records under a folder, which is made when the first of them is added."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._digests: dict[str, str] = {}
        self._frontier = Frontier()
        self._refresh()

    @property
    def size(self) -> int:
        """Entries in the log."""
        self._refresh()
        return self._frontier.size

    def root(self) -> Hash:
        """The RFC 6962 root over the digests of all records, in order of entry."""
        self._refresh()
        return self._frontier.root()

    def digests(self) -> tuple[str, ...]:
        """The digest of every record, in order of entry."""
        self._refresh()
        return tuple(self._digests)

    def leaves(self) -> list[Hash]:
        """The log's leaf hashes, for proofs."""
        return [leaf_hash(bytes.fromhex(digest)) for digest in self.digests()]

    def sources(self) -> tuple[Source, ...]:
        """All sources, in order of entry."""
        return self._read(Source)

    def clips(self) -> tuple[Clip, ...]:
        """All clips, in order of entry, whether or not they may be used: see :meth:`allowed_clips`."""
        return self._read(Clip)

    def rights(self) -> tuple[Rights, ...]:
        """All later statements on rights, in order of entry."""
        return self._read(Rights)

    def consents(self) -> tuple[Consent, ...]:
        """All consents, in order of entry, whether or not they are in force."""
        return self._read(Consent)

    def signals(self) -> tuple[Signal, ...]:
        """All opt-out signals that were read, in order of entry."""
        return self._read(Signal)

    def captions(self) -> tuple[Caption, ...]:
        """All captions that were written after their clips were entered, in order of entry."""
        return self._read(Caption)

    def drops(self) -> tuple[Drop, ...]:
        """All that curation turned away, in order of entry."""
        return self._read(Drop)

    def manifests(self) -> tuple[Manifest, ...]:
        """All manifests, in order of entry."""
        return self._read(Manifest)

    def exposures(self) -> tuple[Exposure, ...]:
        """All exposures, in order of entry."""
        return self._read(Exposure)

    def outputs(self) -> tuple[Output, ...]:
        """All videos that left, in order of entry."""
        return self._read(Output)

    def revocations(self) -> tuple[Revocation, ...]:
        """All revocations, in order of entry."""
        return self._read(Revocation)

    def add_sources(self, sources: Sequence[Source]) -> int:
        """Enter sources as one batch: all or none. Returns how many were new."""
        return self.add(sources)

    def add_clips(self, clips: Sequence[Clip]) -> int:
        """Enter clips as one batch: all or none. Returns how many were new.

        Raises:
            ValueError: a clip's source is not in the ledger.
        """
        return self.add(clips)

    def revoke(
        self,
        target: str,
        reason: str,
        by: RevokedBy = "record",
        revoked_at: str | None = None,
        evidence: tuple[str, ...] = (),
    ) -> Revocation:
        """Enter that a source, a clip, a content hash or a URL may no longer be used.

        Raises:
            ValueError: ``by`` is ``"record"`` and no such record is in the ledger.
        """
        when = revoked_at or datetime.now(UTC).isoformat(timespec="seconds")
        revocation = Revocation(target=target, reason=reason, revoked_at=when, by=by, evidence=evidence)
        self.add([revocation])
        return revocation

    def add(self, records: Sequence[Record]) -> int:
        """Enter records of any kinds as one batch: all or none. Returns how many were new.

        A record that is already there, by its digest, is not entered again. When this returns, the batch is kept.

        Raises:
            ValueError: a record names a source or a record that is not in the ledger.
        """
        with self._writing():
            new: dict[str, Record] = {}
            for record in records:
                if record.digest not in self._digests and record.digest not in new:
                    self._check_reference(record, new)
                    new[record.digest] = record
            if not new:
                return 0
            start = self._frontier.size
            placed = list(enumerate(new.values(), start))
            for kind in KINDS.values():
                rows = [(entry, record) for entry, record in placed if type(record) is kind]
                if rows:
                    self._append(kind.record, _table(kind, rows))
            log = {
                "entry": [entry for entry, _ in placed],
                "kind": [record.record for _, record in placed],
                "digest": [bytes.fromhex(record.digest) for _, record in placed],
            }
            self._append("log", pa.table(log, schema=LOG))
            self._refresh()
            return len(new)

    def allowed_clips(self, policy: Policy) -> Selection:
        """The clips that may be learnt from under ``policy``, and each other clip with the rule that fired."""
        sources, clips, revoked = self.sources(), self.clips(), Revoked.of(self.revocations())
        statements: dict[str, list[Rights]] = {}
        for statement in self.rights():
            statements.setdefault(statement.source, []).append(statement)
        self._check_entered((*sources, *clips))
        decisions = {
            source.digest: decide(source, policy, revoked, statements.get(source.digest, ())) for source in sources
        }
        allowed: list[Clip] = []
        refused: list[Refusal] = []
        for clip in clips:
            decision = decide_clip(clip, decisions[clip.source], revoked)
            if decision.allowed:
                allowed.append(clip)
            else:
                refused.append(Refusal(clip, decision))
        return Selection(policy, tuple(allowed), tuple(refused))

    def checkpoint(self, origin: str, signer: Signer) -> str:
        """A signed C2SP checkpoint of the log as it stands, also kept in the file ``checkpoint`` of the folder.

        Raises:
            ValueError: the log does not continue the checkpoint that was kept: nothing is signed.
        """
        with self._writing():
            kept = self.path / "checkpoint"
            if kept.exists():
                old = Checkpoint.parse(kept.read_text(encoding="utf-8"), signer.verifier)
                if old.origin != origin:
                    raise ValueError(f"{kept} is of {old.origin!r}, not {origin!r}: a ledger keeps its origin")
                if old.size > self._frontier.size or root(self.leaves()[: old.size]) != old.root:
                    raise ValueError(f"{self.path} does not continue {kept} at {old.size} entries: restore the ledger")
            note = signer.sign(str(Checkpoint(origin, self._frontier.size, self._frontier.root())))
            partial = kept.with_suffix(".partial")
            partial.write_text(note, encoding="utf-8")
            partial.replace(kept)
            return note

    def check(self) -> None:
        """Hash every record again and compare with the log.

        Raises:
            ValueError: a record is missing from its table, or says something else than what was entered.
        """
        self._refresh()
        found: dict[str, str] = {}
        for kind in KINDS.values():
            found.update((record.digest, kind.record) for record in self._read(kind))
        for entry, (digest, name) in enumerate(self._digests.items()):
            if found.get(digest) != name:
                raise ValueError(
                    f"entry {entry} of {self.path}, {name} {digest}, is missing or was changed: restore it"
                )

    def _check_entered(self, records: Iterable[Record]) -> None:
        """A row that was changed behind the ledger's back has another digest than the log holds."""
        for record in records:
            if record.digest not in self._digests:
                raise ValueError(f"a {record.record} in {self.path} says what was never entered: restore the ledger")

    def _check_reference(self, record: Record, new: dict[str, Record]) -> None:
        """What a record hangs on must be there before it: a clip's source, a caption's clip ..."""
        for name, kinds in REFERENCES.get(type(record), {}).items():
            target = getattr(record, name)
            if target is None:
                continue
            known = new[target].record if target in new else self._digests.get(target)
            if known not in kinds:
                wanted = " or ".join(kinds)
                raise ValueError(
                    f"{wanted} {target} of a {record.record} is not in {self.path}: add the {wanted} first"
                )
        if isinstance(record, Revocation) and record.by == "record":
            present = record.target in self._digests or record.target in new
            if not present:
                raise ValueError(
                    f"record {record.target} is not in {self.path}: revoke by content or url to bar it ahead"
                )

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Hold the writer's lock, with the newest log read and unacknowledged rows cleared."""
        self.path.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(self.path / "lock"):
            self._refresh()
            for name in KINDS:
                dataset = self._open(name)
                if dataset is not None and dataset.count_rows(f"entry >= {self._frontier.size}"):
                    dataset.delete(f"entry >= {self._frontier.size}")
            yield

    def _open(self, name: str) -> lance.LanceDataset | None:
        """A table at its newest version; ``None`` before its first row."""
        folder = self.path / f"{name}.lance"
        # A process that dies while it creates a table leaves data without a version: that is no table yet.
        if not any((folder / "_versions").glob("*.manifest")):
            return None
        return lance.dataset(str(folder))

    def _append(self, name: str, table: pa.Table) -> None:
        """Commit rows to a table, all or none."""
        dataset = self._open(name)
        folder = str(self.path / f"{name}.lance")
        if dataset is None:
            lance.write_dataset(table, folder, mode="create")
            return
        added = [field for field in table.schema if field.name not in dataset.schema.names]
        if added:
            dataset.add_columns(pa.schema(added))
        dataset = lance.write_dataset(table.select(dataset.schema.names), folder, mode="append")
        if len(dataset.get_fragments()) > MAX_FRAGMENTS:
            dataset.optimize.compact_files()

    def _refresh(self) -> None:
        """Read what was added to the log since it was last read, by this process or another."""
        dataset = self._open("log")
        if dataset is None:
            return
        known = self._frontier.size
        fresh = dataset.to_table(filter=f"entry >= {known}").sort_by("entry")
        entries = fresh["entry"].to_pylist()
        if entries != list(range(known, known + len(entries))):
            raise ValueError(f"the log of {self.path} skips an entry after {known}: restore the ledger from a copy")
        hashes = fresh["digest"].to_pylist()
        self._digests.update(zip((digest.hex() for digest in hashes), fresh["kind"].to_pylist(), strict=True))
        self._frontier = self._frontier.extend(map(leaf_hash, hashes))

    def _read(self, kind: type[Kind]) -> tuple[Kind, ...]:
        """All acknowledged records of a kind, in order of entry."""
        self._refresh()
        dataset = self._open(kind.record)
        if dataset is None:
            return ()
        names = [field.name for field in dataclasses.fields(kind)]
        strange = set(dataset.schema.names) - {"entry", *names}
        if strange:
            raise ValueError(
                f"{self.path} has columns that this Langit does not know ({', '.join(strange)}): upgrade it"
            )
        present = [name for name in names if name in dataset.schema.names]
        table = dataset.to_table(filter=f"entry < {self._frontier.size}").sort_by("entry")
        lists = {field.name for field in table.schema if pa.types.is_list(field.type)}
        columns: list[Iterable[Any]] = [
            (tuple(value or ()) for value in table[name].to_pylist()) if name in lists else table[name].to_pylist()
            for name in present
        ]
        return tuple(kind(**dict(zip(present, row, strict=True))) for row in zip(*columns, strict=True))


def _arrow(annotation: Any) -> pa.DataType:
    """The column type for a field of a record."""
    kinds = {str: pa.string(), int: pa.int64(), bool: pa.bool_()}
    if annotation in kinds:
        return kinds[annotation]
    if annotation == tuple[str, ...]:
        return pa.list_(pa.string())
    if typing.get_origin(annotation) is typing.Literal:
        return pa.string()
    choices = [choice for choice in typing.get_args(annotation) if choice is not type(None)]
    assert len(choices) == 1, annotation
    return _arrow(choices[0])


def _table(kind: type[Record], rows: Sequence[tuple[int, Record]]) -> pa.Table:
    """Records as the rows of their table, with their places in the log."""
    hints = typing.get_type_hints(kind)
    names = [field.name for field in dataclasses.fields(kind)]
    schema = pa.schema([("entry", pa.int64()), *((name, _arrow(hints[name])) for name in names)])
    columns: dict[str, list[Any]] = {"entry": [entry for entry, _ in rows]}
    for name in names:
        columns[name] = [getattr(record, name) for _, record in rows]
    return pa.table(columns, schema=schema)
