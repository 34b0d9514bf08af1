"""Records of a ledger as it stood at one size, some or all of them, with a proof that they are in its log.

A snapshot answers what a ledger answers (see ``reader``), from a file that travels with a model. What it leaves out
is known only by number: a snapshot that is not complete cannot show that nothing else was entered, such as a
revocation. Knows nothing of where snapshots are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TypeVar

from langit.ledger.derived import KINDS, Caption, Manifest
from langit.ledger.log import Hash, leaf_hash, root, subset_proof, subset_root
from langit.ledger.reader import LedgerReader
from langit.ledger.record import Clip, Consent, Record, Revocation, Rights, Signal
from langit.ledger.rights import Revocations

Kind = TypeVar("Kind", bound=Record)


class Snapshot(LedgerReader):
    """Records by entry number, the size of the log that they are from, and a subset proof (see ``log``)."""

    def __init__(
        self,
        records: Mapping[int, Record],
        size: int,
        proof: Sequence[Hash],
        name: str,
        evidence: Mapping[str, bytes] | None = None,
    ) -> None:
        self.records = dict(sorted(records.items()))
        self.proof = tuple(proof)
        self._size, self._name, self._evidence = size, name, dict(evidence or {})

    @property
    def size(self) -> int:
        """Number of entries in the log, most of which may not be here."""
        return self._size

    @property
    def name(self) -> str:
        """Where the snapshot comes from."""
        return self._name

    @property
    def complete(self) -> bool:
        """Whether every entry is here."""
        return len(self.records) == self._size

    @cached_property
    def _root(self) -> Hash | None:
        leaves = {entry: leaf_hash(bytes.fromhex(record.digest)) for entry, record in self.records.items()}
        return subset_root(leaves, self._size, self.proof)

    def root(self) -> Hash:
        """Root of the log that the records and the proof lead to.

        Raises:
            ValueError: they lead to none.
        """
        if self._root is None:
            raise ValueError(f"the proof in {self._name} does not fit its records: get it again")
        return self._root

    def root_at(self, size: int) -> Hash | None:
        """Root over the first ``size`` entries, where the records at hand give it."""
        if size == self._size:
            return self._root
        leaves = [leaf_hash(bytes.fromhex(record.digest)) for record in self.records.values()]
        return root(leaves[:size]) if self.complete and 0 <= size < self._size else None

    def read(self, kind: type[Kind]) -> tuple[Kind, ...]:
        """The records of a kind that are here."""
        return tuple(record for record in self.records.values() if isinstance(record, kind))

    def evidence_bytes(self, digest: str) -> bytes:
        """Evidence that travels with the snapshot.

        Raises:
            ValueError: it does not.
        """
        if digest not in self._evidence:
            raise ValueError(f"evidence {digest} is not in {self._name}: ask the ledger's owner for it")
        return self._evidence[digest]


def take_snapshot(
    ledger: LedgerReader, digests: Sequence[str], wanted: Iterable[str], evidence: Iterable[str]
) -> Snapshot:
    """Copy records out of a ledger, with the proof that they are in it.

    Args:
        ledger: where from.
        digests: all of the ledger's, in order of entry; its first N give a snapshot of the ledger at N entries.
        wanted: digests of the records to copy; others than ``digests`` are ignored.
        evidence: digests of the evidence to copy.

    Raises:
        ValueError: a record or a piece of evidence is missing or was changed.
    """
    numbers = {digest: entry for entry, digest in enumerate(digests)}
    chosen = {*wanted} & numbers.keys()
    records = {
        numbers[record.digest]: record
        for kind in KINDS.values()
        for record in ledger.read(kind)
        if record.digest in chosen
    }
    leaves = [leaf_hash(bytes.fromhex(digest)) for digest in digests]
    kept = {digest: ledger.evidence_bytes(digest) for digest in evidence}
    return Snapshot(records, len(digests), subset_proof(leaves, records), ledger.name, kept)


def training_records(ledger: LedgerReader, clips: Iterable[str], sources: Iterable[str]) -> tuple[set[str], set[str]]:
    """Digests of all records that bear on training with some clips, and of the evidence that they need.

    These are the clips and sources, what was stated, read and consented of them, their captions, the manifests that
    list them, and every revocation: one of them could be of anything.

    Args:
        ledger: where the records are.
        clips: digests of clips.
        sources: digests of sources that were used without clips being known.
    """
    seen = {*clips}
    chosen = [clip for clip in ledger.clips() if clip.digest in seen]
    origins = {clip.source for clip in chosen} | {*sources}
    wanted = {clip.digest for clip in chosen} | origins
    wanted |= {record.digest for record in ledger.read(Rights) if record.source in origins}
    wanted |= {record.digest for record in ledger.read(Signal) if record.source in origins}
    wanted |= {record.digest for record in ledger.read(Consent) if record.covers in wanted}
    wanted |= {record.digest for record in ledger.read(Caption) if record.clip in seen}
    wanted |= {record.digest for record in ledger.read(Revocation)}
    evidence: set[str] = set()
    for manifest in ledger.read(Manifest):
        if not seen.isdisjoint(ledger.evidence_bytes(manifest.listing).decode().split()):
            wanted.add(manifest.digest)
            evidence.add(manifest.listing)
    return wanted, evidence


def revoked_clips(ledger: LedgerReader, clips: Iterable[Clip]) -> tuple[Clip, ...]:
    """Those of some clips that are revoked, themselves or with their source."""
    revoked = Revocations.of(ledger.revocations())
    barred = {source.digest for source in ledger.sources() if revoked.find(source)}
    return tuple(clip for clip in clips if clip.source in barred or revoked.find(clip))
