"""The ledger on disk: one Lance table for each kind of record, and the log that says which rows count.

``log.lance`` holds the digest and the kind of every record in order of entry; the rows of ``source.lance``,
``clip.lance`` ... carry their entry number. A batch is written to its tables first and to the log last, in one atomic
commit: rows beyond the log's end were never acknowledged, are not shown, and are deleted before the next batch. Many
readers and one writer at a time: see ``place``. In a bucket, where a writer may have slept through its lease, the log
takes an entry only if nobody else took it; rows that lost stay hidden, since their digest is not the log's at that
entry.

Every read hashes the rows it returns and compares entry, digest and kind with the log. A signed checkpoint shows
whether the log itself was cut back: see ``history``. Knows only which records must exist before others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import lance
import pyarrow as pa

from langit.ledger import history, keys
from langit.ledger.checkpoint import LogCheckpoint, Signer
from langit.ledger.comparison import check_present, matching_rows
from langit.ledger.derived import KINDS, Caption, Drop, RunExposure
from langit.ledger.evidence import Evidence
from langit.ledger.log import Frontier, Hash, inclusion_proof, leaf_hash, root
from langit.ledger.personal import Personal
from langit.ledger.place import Bucket, Folder, open_place
from langit.ledger.policy import Policy
from langit.ledger.proof import Proof
from langit.ledger.reader import LedgerReader
from langit.ledger.record import Clip, Consent, Record, Revocation, RevokedBy, Rights, Signal, Source
from langit.ledger.rows import from_table, to_table
from langit.ledger.selection import Refusal, Selection
from langit.ledger.verdict import Decision

__all__ = ["Ledger", "Refusal", "Selection"]

Kind = TypeVar("Kind", bound=Record)

KEY = {"lance-schema:unenforced-primary-key": "true"}
LOG = pa.schema(
    [pa.field("entry", pa.int64(), nullable=False, metadata=KEY), ("kind", pa.string()), ("digest", pa.binary(32))]
)
REFERENCES: dict[type[Record], dict[str, tuple[str, ...]]] = {
    Rights: {"source": ("source",), "supersedes": ("source", "rights")},
    Consent: {"covers": ("source", "clip")},
    Signal: {"source": ("source",)},
    Clip: {"source": ("source",)},
    Caption: {"clip": ("clip",)},
    Drop: {"source": ("source",), "clip": ("clip",)},
    RunExposure: {"manifest": ("manifest",)},
}
"""Which fields of a record name another record, and of which kinds it may be."""
MAX_FRAGMENTS = 64
"""Tables of more fragments than this are compacted after an append, so that entering films one by one stays fast."""


class Ledger(LedgerReader):
    """The records under a folder, which is created when the first of them is added, or under ``s3://bucket/prefix``,
    with ``options`` as in :func:`langit.ledger.place.open_place`."""

    def __init__(self, path: Path | str, options: Mapping[str, str] | None = None) -> None:
        self.place = open_place(path, options)
        self.evidence = Evidence(self.place)
        self.personal = Personal(self.place)
        self._digests: dict[str, int] = {}  # entry numbers
        self._log: list[tuple[str, str]] = []  # digest and kind of each entry
        self._frontier = Frontier()
        self._seen: dict[str, int] = {}  # table versions found in order, which need not be read again
        self._confirmed: tuple[int, tuple[str, ...]] | None = None  # log size and checkpoints that agreed
        self._refresh()

    @property
    def path(self) -> Path:
        """The ledger's folder.

        Raises:
            ValueError: the ledger is in a bucket.
        """
        if not isinstance(self.place, Folder):
            raise ValueError(f"this needs a ledger in a folder, but {self.place} is a bucket: copy it to a folder")
        return self.place.path

    @property
    def name(self) -> str:
        """The folder or the URL."""
        return str(self.place)

    @property
    def size(self) -> int:
        """Number of entries in the log."""
        self._refresh()
        return self._frontier.size

    def root(self) -> Hash:
        """RFC 6962 root over the digests of all records, in order of entry."""
        self._refresh()
        return self._frontier.root()

    def root_at(self, size: int) -> Hash | None:
        """Root over the first ``size`` entries; ``None`` if the log is shorter."""
        leaves = self.leaves()
        return root(leaves[:size]) if 0 <= size <= len(leaves) else None

    def digests(self) -> tuple[str, ...]:
        """Digest of every record, in order of entry."""
        self._refresh()
        return tuple(self._digests)

    def log_rows(self, start: int = 0) -> Sequence[tuple[str, str]]:
        """Digest and kind of each entry from ``start`` on."""
        self._refresh()
        return self._log[start:]

    def leaves(self) -> list[Hash]:
        """The log's leaf hashes, for proofs."""
        return [leaf_hash(bytes.fromhex(digest)) for digest in self.digests()]

    def evidence_bytes(self, digest: str) -> bytes:
        """Evidence by its SHA-256, checked."""
        return self.evidence.get(digest)

    def identify(self, commitment: str) -> str:
        """The name of the person of a commitment as it is kept beside the log; the commitment where it was erased."""
        return self.personal.identify(commitment)

    def add_sources(self, sources: Sequence[Source]) -> int:
        """Enter sources as one batch: all or none. Returns how many were new."""
        return self.add(sources)

    def revoke(
        self,
        target: str,
        reason: str,
        by: RevokedBy = "record",
        revoked_at: str | None = None,
        evidence: tuple[str, ...] = (),
    ) -> Revocation:
        """Enter that a source, a clip, a content hash, a URL or a fingerprint may no longer be used.

        Raises:
            ValueError: ``by`` is ``"record"`` and no such record is in the ledger.
        """
        when = revoked_at or datetime.now(UTC).isoformat(timespec="seconds")
        revocation = Revocation(target=target, reason=reason, revoked_at=when, by=by, evidence=evidence)
        self.add([revocation])
        return revocation

    def add(self, records: Sequence[Record]) -> int:
        """Enter records of any kinds as one batch: all or none. Returns how many were new.

        A record that is already there, by its digest, is not entered again. When this returns, the batch is on disk.
        A batch that withdraws a permission is signed at once, so that cutting the log back is noticed.

        Raises:
            ValueError: a record names a source or a record that is not in the ledger.
        """
        with self._writing():
            new: dict[str, Record] = {}
            for record in records:
                if record.digest not in self._digests and record.digest not in new:
                    self._check_references(record, new)
                    new[record.digest] = record
            if not new:
                return 0
            start = self._frontier.size
            numbered = list(enumerate(new.values(), start))
            written = {}
            for kind in KINDS.values():
                rows = [(entry, record) for entry, record in numbered if type(record) is kind]
                if rows:
                    written[kind.record] = self._append(kind.record, to_table(kind, rows))
            kinds = [record.record for _, record in numbered]
            digests = [bytes.fromhex(record.digest) for _, record in numbered]
            log = {"entry": [entry for entry, _ in numbered], "kind": kinds, "digest": digests}
            before, after = self._seen.get("log", 0), self._append("log", pa.table(log, schema=LOG))
            self._extend_log(digests, kinds)
            if after == before + 1:  # nobody else has written, and nothing was compacted
                self._seen |= written | {"log": after}
            if isinstance(self.place, Folder) and any(history.withdraws(record) for record in new.values()):
                signer = keys.signer(self.place.path)  # a bucket never holds the key, so nothing can sign there
                self._sign(signer.name, signer)
            return len(new)

    def decisions(self, policy: Policy) -> dict[str, Decision]:
        """Decision on every source under ``policy``, by the source's digest.

        Raises:
            ValueError: the tables do not hold what the log says, or the log was cut back.
        """
        self.check_tables()
        self.check_history()
        return super().decisions(policy)

    def allowed_clips(self, policy: Policy, on: str | None = None) -> Selection:
        """Clips that may be learnt from: see :meth:`LedgerReader.allowed_clips`.

        Raises:
            ValueError: the tables do not hold what the log says, or the log was cut back.
        """
        self.check_tables()
        self.check_history()
        return super().allowed_clips(policy, on)

    def checkpoint(self, origin: str, signer: Signer) -> str:
        """Sign a C2SP checkpoint of the log as it stands; it is kept in the ledger and, for a folder, beside it.

        Raises:
            ValueError: the log does not continue a checkpoint that was signed before: nothing is signed.
        """
        with self._writing():
            return self._sign(origin, signer)

    def prove(self, digest: str, note: str, signer: Signer) -> Proof:
        """Prove that a record is in the log, under the signed checkpoint ``note`` (see :meth:`checkpoint`).

        Raises:
            ValueError: the record is not in the ledger, or was entered after the checkpoint.
        """
        state, digests = LogCheckpoint.parse(note, signer.verifier), self.digests()
        if digest not in digests[: state.size]:
            raise ValueError(f"record {digest} is not among the {state.size} signed entries of {self.place}")
        index = digests.index(digest)
        return Proof(index, inclusion_proof(self.leaves()[: state.size], index), note)

    def check(self) -> None:
        """Hash every record again, and compare with the log and with the checkpoints that were signed.

        Raises:
            ValueError: a record is missing, was changed or is of another kind; or the log was cut back or rewritten.
        """
        for kind in KINDS.values():
            self.read(kind)
        self.check_tables()
        self.check_history()

    def check_tables(self) -> None:
        """Compare the entry numbers of every table with the log; cheap, since only that column is read.

        Raises:
            ValueError: a table is missing or lacks an entry, or the log has a kind of record that is not known.
        """
        self._refresh()
        for kind in dict.fromkeys(kind for _, kind in self._log):
            if kind not in KINDS:
                raise ValueError(
                    f"{self.place} has an entry of kind {kind!r}, which this Langit does not know: upgrade it,"
                    " or restore the ledger if its log was changed"
                )
            self.check_table(kind)

    def check_table(self, kind: str) -> None:
        """As :meth:`check_tables`, of one table."""
        self._refresh()
        dataset = self._open(kind)
        present = set() if dataset is None else {*dataset.to_table(columns=["entry"])["entry"].to_pylist()}
        check_present(self._log, kind, present, self.name)

    def check_history(self) -> None:
        """Check that the log continues every checkpoint of it that is at hand.

        Raises:
            ValueError: the log was cut back or rewritten since it was signed, or a checkpoint was changed.
        """
        self._refresh()
        notes = history.kept_notes(self.place)
        if self._confirmed == (self._frontier.size, notes):
            return
        for note in notes:
            history.check_continues(self, self.place, note)
        self._confirmed = (self._frontier.size, notes)

    def read(self, kind: type[Kind]) -> tuple[Kind, ...]:
        """All acknowledged records of a kind, in order of entry, each compared with the log.

        Raises:
            ValueError: a record is missing, was changed, or is logged as another kind.
        """
        found, _ = self.read_rows(kind, f"entry < {self.size}")
        check_present(self._log, kind.record, found, self.name, changed=True)
        return tuple(found[entry] for entry in sorted(found))

    def read_rows(self, kind: type[Kind], where: str) -> tuple[dict[int, Kind], set[int]]:
        """Rows of a table: the records that were entered, by entry; and entries of rows that are not what was entered.

        ``where`` is a condition in SQL that leaves out entries beyond the log's end.

        Raises:
            ValueError: a row has columns that are not known, or is logged as another kind.
        """
        dataset = self._open(kind.record)
        try:
            rows = [] if dataset is None else from_table(kind, dataset.to_table(filter=where))
        except ValueError as error:
            raise ValueError(f"{self.place} has {error}") from error
        found = matching_rows(self._log, kind, rows, self.name)
        return found, {entry for entry, _ in rows} - set(found)

    def _sign(self, origin: str, signer: Signer) -> str:
        """Sign the log as it stands, if it continues what was signed before. Needs the writer's lock."""
        kept = [LogCheckpoint.parse(note, signer.verifier) for note in history.kept_notes(self.place)]
        other = next((old for old in kept if old.origin != origin), None)
        if other is not None:
            raise ValueError(f"the checkpoint of {self.place} is of {other.origin!r}, not {origin!r}: keep its origin")
        self.check_history()
        note = signer.sign(str(LogCheckpoint(origin, self._frontier.size, self._frontier.root())))
        history.keep_note(self.place, note)
        return note

    def _check_references(self, record: Record, new: dict[str, Record]) -> None:
        """Check that what a record names is there before it: a clip's source, a caption's clip ..."""
        for name, kinds in REFERENCES.get(type(record), {}).items():
            target = getattr(record, name)
            if target is None:
                continue
            known = new[target].record if target in new else self._kind_of(target)
            if known not in kinds:
                wanted = " or ".join(kinds)
                raise ValueError(
                    f"{wanted} {target} of a {record.record} is not in {self.place}: add the {wanted} first"
                )
        if not isinstance(record, Revocation) or record.by != "record":
            return
        if record.target not in self._digests and record.target not in new:
            raise ValueError(
                f"record {record.target} is not in {self.place}: revoke by content or url to bar it in advance"
            )

    def _kind_of(self, digest: str) -> str | None:
        entry = self._digests.get(digest)
        return None if entry is None else self._log[entry][1]

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Hold the writer's lock, with the newest log read and unacknowledged rows deleted."""
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
                raise OSError(f"another writer added to {self.place} at the same time: add again")
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
        self._extend_log(fresh["digest"].to_pylist(), fresh["kind"].to_pylist())
        self._seen["log"] = dataset.version

    def _extend_log(self, digests: Sequence[bytes], kinds: Sequence[str]) -> None:
        for digest, kind in zip(digests, kinds, strict=True):
            if digest.hex() in self._digests:
                raise ValueError(f"the log of {self.place} names record {digest.hex()} twice: restore the ledger")
            self._digests[digest.hex()] = len(self._log)
            self._log.append((digest.hex(), kind))
        self._frontier = self._frontier.extend(map(leaf_hash, digests))
