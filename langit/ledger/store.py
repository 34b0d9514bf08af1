"""The ledger on disk: one Lance table for each kind of record, and the log that says which rows count.

``log.lance`` holds the digest of every record in order of entry; the rows of ``source.lance``, ``clip.lance`` ...
carry their place in it. A batch is written to its tables first and to the log last, in one atomic commit: rows
whose place lies beyond the log's end were never acknowledged, are not shown, and are cleared before the next
batch. Many readers and one writer at a time: see ``place``. In a bucket, where a writer may have slept through its
lease, the log takes an entry only if nobody else took it; rows that lost stay hidden, since their digest is not the
log's at that place.

Knows nothing of what the records mean, but which of them must be there before others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import lance
import pyarrow as pa

from langit.ledger.checkpoint import LogCheckpoint, Signer
from langit.ledger.derived import KINDS, Caption, Drop, Manifest, Output, RunExposure
from langit.ledger.evidence import Evidence
from langit.ledger.likeness import LikenessConsent
from langit.ledger.log import EMPTY, Frontier, Hash, inclusion_proof, leaf_hash, root
from langit.ledger.personal import Personal
from langit.ledger.place import Bucket, Folder, open_place
from langit.ledger.policy import Policy
from langit.ledger.proof import Proof
from langit.ledger.record import Clip, Consent, Record, Revocation, RevokedBy, Rights, Signal, Source
from langit.ledger.rows import from_table, to_table
from langit.ledger.selection import Refusal, Selection, judge, select
from langit.ledger.verdict import Decision

__all__ = ["Ledger", "Refusal", "Selection"]

Kind = TypeVar("Kind", bound=Record)

KEY = {"lance-schema:unenforced-primary-key": "true"}
LOG = pa.schema(
    [pa.field("entry", pa.int64(), nullable=False, metadata=KEY), ("kind", pa.string()), ("digest", pa.binary(32))]
)
REFERENCES: dict[type[Record], dict[str, tuple[str, ...]]] = {
    Rights: {"source": ("source",)},
    Consent: {"covers": ("source", "clip")},
    Signal: {"source": ("source",)},
    Clip: {"source": ("source",)},
    Caption: {"clip": ("clip",)},
    Drop: {"source": ("source",), "clip": ("clip",)},
    RunExposure: {"manifest": ("manifest",)},
}
"""Which fields of a record name another, and of which kinds it may be."""
MAX_FRAGMENTS = 64
"""Tables of more pieces than this are compacted after an append, so that entering films one by one stays fast."""


class Ledger:
    """The records under a folder, which is made when the first of them is added, or under ``s3://bucket/prefix``.

    ``options`` are for S3, see :func:`langit.ledger.place.open_place`.
    """

    def __init__(self, path: Path | str, options: Mapping[str, str] | None = None) -> None:
        self.place = open_place(path, options)
        self.evidence = Evidence(self.place)
        self.personal = Personal(self.place)
        self._digests: dict[str, str] = {}
        self._frontier = Frontier()
        self._seen: dict[str, int] = {}  # versions at which tables were found in order: they need not be read again
        self._refresh()

    @property
    def path(self) -> Path:
        """The folder.

        Raises:
            ValueError: the ledger lies in a bucket.
        """
        if not isinstance(self.place, Folder):
            raise ValueError(f"this needs a ledger in a folder, and {self.place} is none: copy it to a folder")
        return self.place.path

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

    def exposures(self) -> tuple[RunExposure, ...]:
        """All exposures, in order of entry."""
        return self._read(RunExposure)

    def outputs(self) -> tuple[Output, ...]:
        """All videos that left, in order of entry."""
        return self._read(Output)

    def where(self, kind: type[Kind], column: str, value: bytes) -> tuple[Kind, ...]:
        """Records with this value in a column of hexadecimal digits, in order of entry; Lance scans that column alone.

        Rows that are not what the log names are left out.
        """
        self._refresh()
        dataset = self._open(kind.record)
        if dataset is None or column not in dataset.schema.names:
            return ()
        table = dataset.to_table(filter=f"{column} = '{value.hex()}' AND entry < {self._frontier.size}")
        records = (record for _, record in from_table(kind, table))
        return tuple(record for record in records if self._digests.get(record.digest) == kind.record)

    def likenesses(self) -> tuple[LikenessConsent, ...]:
        """All consents to be shown, in order of entry, whether or not they are in force."""
        return self._entered(LikenessConsent)

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
            written = {}
            for kind in KINDS.values():
                rows = [(entry, record) for entry, record in placed if type(record) is kind]
                if rows:
                    written[kind.record] = self._append(kind.record, to_table(kind, rows))
            kinds = [record.record for _, record in placed]
            digests = [bytes.fromhex(record.digest) for _, record in placed]
            log = {"entry": [entry for entry, _ in placed], "kind": kinds, "digest": digests}
            before, after = self._seen.get("log", 0), self._append("log", pa.table(log, schema=LOG))
            self._take(digests, kinds)
            if after == before + 1:  # nobody else has written, and nothing was compacted
                self._seen |= written | {"log": after}
            return len(new)

    def decisions(self, policy: Policy) -> dict[str, Decision]:
        """The decision on every source under ``policy``, by its digest."""
        records = (self._entered(Source), self._entered(Rights), self._entered(Signal), self._entered(Revocation))
        return judge(policy, *records)

    def allowed_clips(self, policy: Policy, on: str | None = None) -> Selection:
        """The clips that may be learnt from under ``policy``, and each other clip with the rule that fired.

        Args:
            policy: what may be learnt from.
            on: the day (ISO 8601) on which consent has to be in force; today in UTC if left out.
        """
        sources, clips, revocations = self._entered(Source), self._entered(Clip), self._entered(Revocation)
        decisions = judge(policy, sources, self._entered(Rights), self._entered(Signal), revocations)
        return select(policy, sources, clips, decisions, self._entered(Consent), revocations, on)

    def checkpoint(self, origin: str, signer: Signer) -> str:
        """A signed C2SP checkpoint of the log as it stands, also kept in the file ``checkpoint`` of the folder.

        Raises:
            ValueError: the log does not continue the checkpoint that was kept: nothing is signed.
        """
        with self._writing():
            kept = f"checkpoint of {self.place}"
            try:
                old = LogCheckpoint.parse(self.place.get("checkpoint").decode(), signer.verifier)
            except FileNotFoundError:
                old = LogCheckpoint(origin, 0, EMPTY)
            if old.origin != origin:
                raise ValueError(f"{kept} is of {old.origin!r}, not {origin!r}: a ledger keeps its origin")
            if old.size > self._frontier.size or root(self.leaves()[: old.size]) != old.root:
                raise ValueError(
                    f"{self.place} does not continue its checkpoint at {old.size} entries: restore the ledger"
                )
            note = signer.sign(str(LogCheckpoint(origin, self._frontier.size, self._frontier.root())))
            self.place.put("checkpoint", note.encode())
            return note

    def prove(self, digest: str, note: str, signer: Signer) -> Proof:
        """A receipt that a record is in the log, under the signed checkpoint ``note`` (see :meth:`checkpoint`).

        Raises:
            ValueError: the record is not in the ledger, or was entered after the checkpoint.
        """
        state, digests = LogCheckpoint.parse(note, signer.verifier), self.digests()
        if digest not in digests[: state.size]:
            raise ValueError(f"record {digest} is not among the {state.size} entries of {self.place} that were signed")
        index = digests.index(digest)
        return Proof(index, inclusion_proof(self.leaves()[: state.size], index), note)

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
                    f"entry {entry} of {self.place}, {name} {digest}, is missing or was changed: restore it"
                )

    def _entered(self, kind: type[Kind]) -> tuple[Kind, ...]:
        """Records of a kind, each hashed: one that was changed behind the ledger's back is not what was entered."""
        records = self._read(kind)
        for record in records:
            if record.digest not in self._digests:
                raise ValueError(f"a {record.record} in {self.place} says what was never entered: restore the ledger")
        return records

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
                    f"{wanted} {target} of a {record.record} is not in {self.place}: add the {wanted} first"
                )
        if isinstance(record, Revocation) and record.by == "record":
            present = record.target in self._digests or record.target in new
            if not present:
                raise ValueError(
                    f"record {record.target} is not in {self.place}: revoke by content or url to bar it ahead"
                )

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Hold the writer's lock, with the newest log read and unacknowledged rows cleared."""
        with self.place.writing():
            self._refresh()
            for name in KINDS:
                dataset = self._open(name)
                if dataset is None or dataset.version == self._seen.get(name):
                    continue
                if dataset.count_rows(f"entry >= {self._frontier.size}"):
                    dataset.delete(f"entry >= {self._frontier.size}")
                self._seen[name] = dataset.version
            yield

    def _open(self, name: str) -> lance.LanceDataset | None:
        """A table at its newest version; ``None`` before its first row."""
        if not self.place.has_table(name):
            return None
        return lance.dataset(self.place.table(name), storage_options=self.place.options)

    def _append(self, name: str, table: pa.Table) -> int:
        """Commit rows to a table, all or none; returns the table's version."""
        dataset = self._open(name)
        where = {"uri": self.place.table(name), "storage_options": self.place.options}
        if dataset is None:
            return int(lance.write_dataset(table, mode="create", **where).version)
        added = [field for field in table.schema if field.name not in dataset.schema.names]
        if added:
            dataset.add_columns(pa.schema(added))
        table = table.select(dataset.schema.names)
        if name == "log" and isinstance(self.place, Bucket):
            # Lance refuses to insert a key that another writer has inserted since this version was opened.
            merge = dataset.merge_insert("entry").when_not_matched_insert_all().conflict_retries(0)
            if merge.execute(table)["num_inserted_rows"] != len(table):
                raise OSError(f"another writer has added to {self.place} meanwhile: add again")
        else:
            lance.write_dataset(table, mode="append", **where)
        dataset = lance.dataset(**where)
        if len(dataset.get_fragments()) > MAX_FRAGMENTS:
            dataset.optimize.compact_files()
        return int(dataset.version)

    def _refresh(self) -> None:
        """Read what was added to the log since it was last read, by this process or another."""
        dataset = self._open("log")
        if dataset is None or dataset.version == self._seen.get("log"):
            return
        known = self._frontier.size
        fresh = dataset.to_table(filter=f"entry >= {known}").sort_by("entry")
        entries = fresh["entry"].to_pylist()
        if entries != list(range(known, known + len(entries))):
            raise ValueError(f"the log of {self.place} skips an entry after {known}: restore the ledger from a copy")
        self._take(fresh["digest"].to_pylist(), fresh["kind"].to_pylist())
        self._seen["log"] = dataset.version

    def _take(self, digests: Sequence[bytes], kinds: Sequence[str]) -> None:
        """Know of the log's next entries."""
        self._digests.update(zip((digest.hex() for digest in digests), kinds, strict=True))
        self._frontier = self._frontier.extend(map(leaf_hash, digests))

    def _read(self, kind: type[Kind]) -> tuple[Kind, ...]:
        """All acknowledged records of a kind, in order of entry."""
        self._refresh()
        dataset = self._open(kind.record)
        if dataset is None:
            return ()
        try:
            rows = from_table(kind, dataset.to_table(filter=f"entry < {self._frontier.size}"))
        except ValueError as error:
            raise ValueError(f"{self.place} has {error}") from error
        wanted = [(entry, digest) for entry, (digest, name) in enumerate(self._digests.items()) if name == kind.record]
        if [entry for entry, _ in rows] != [entry for entry, _ in wanted]:
            entered = set(wanted)
            rows = [(entry, record) for entry, record in rows if (entry, record.digest) in entered]
            missing = [entry for entry, _ in wanted if entry not in {entry for entry, _ in rows}]
            if missing:
                raise ValueError(f"entry {missing[0]} of {self.place}, a {kind.record}, is missing: restore it")
        return tuple(record for _, record in rows)
