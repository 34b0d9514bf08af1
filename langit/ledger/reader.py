"""Reading records, wherever they come from: a ledger on disk, or a snapshot that travels with a model.

:class:`LedgerReader` is what lineage, statements and audits need. Knows nothing of how records are stored or proven.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TypeVar

from langit.ledger.derived import Caption, Drop, Manifest, Output, RunExposure
from langit.ledger.likeness import LikenessConsent
from langit.ledger.log import Hash
from langit.ledger.policy import Policy
from langit.ledger.record import Clip, Consent, Record, Revocation, Rights, Signal, Source
from langit.ledger.requests import RequestAnswer, TakedownRequest
from langit.ledger.selection import Selection, judge, select
from langit.ledger.verdict import Decision

Kind = TypeVar("Kind", bound=Record)


class LedgerReader(ABC):
    """The records of a ledger by kind, and what a policy decides about them. Every record returned was hashed."""

    @property
    @abstractmethod
    def size(self) -> int:
        """Number of entries in the log."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Where the records come from, for messages."""

    @abstractmethod
    def root(self) -> Hash:
        """RFC 6962 root over the digests of all records, in order of entry."""

    @abstractmethod
    def root_at(self, size: int) -> Hash | None:
        """Root over the first ``size`` entries, or ``None`` if it cannot be computed from what is at hand."""

    @abstractmethod
    def read(self, kind: type[Kind]) -> tuple[Kind, ...]:
        """All records of a kind, in order of entry.

        Raises:
            ValueError: a record is missing, or is not the one that was entered.
        """

    @abstractmethod
    def evidence_bytes(self, digest: str) -> bytes:
        """Evidence by its SHA-256.

        Raises:
            ValueError: it is not here, or was changed.
        """

    def sources(self) -> tuple[Source, ...]:
        """All sources."""
        return self.read(Source)

    def clips(self) -> tuple[Clip, ...]:
        """All clips, whether or not they may be used: see :meth:`allowed_clips`."""
        return self.read(Clip)

    def rights(self) -> tuple[Rights, ...]:
        """All later statements on rights."""
        return self.read(Rights)

    def consents(self) -> tuple[Consent, ...]:
        """All consents to training, whether or not they are in force."""
        return self.read(Consent)

    def signals(self) -> tuple[Signal, ...]:
        """All readings of opt-out signals."""
        return self.read(Signal)

    def captions(self) -> tuple[Caption, ...]:
        """All captions that were written after their clips were entered."""
        return self.read(Caption)

    def drops(self) -> tuple[Drop, ...]:
        """All footage that was rejected, with the reasons."""
        return self.read(Drop)

    def manifests(self) -> tuple[Manifest, ...]:
        """All manifests."""
        return self.read(Manifest)

    def exposures(self) -> tuple[RunExposure, ...]:
        """All commitments to exposure logs."""
        return self.read(RunExposure)

    def outputs(self) -> tuple[Output, ...]:
        """All released videos and images."""
        return self.read(Output)

    def likenesses(self) -> tuple[LikenessConsent, ...]:
        """All consents to be shown, whether or not they are in force."""
        return self.read(LikenessConsent)

    def requests(self) -> tuple[TakedownRequest, ...]:
        """All requests to take footage down, answered or not."""
        return self.read(TakedownRequest)

    def answers(self) -> tuple[RequestAnswer, ...]:
        """All answers to such requests."""
        return self.read(RequestAnswer)

    def revocations(self) -> tuple[Revocation, ...]:
        """All revocations."""
        return self.read(Revocation)

    def decisions(self, policy: Policy) -> dict[str, Decision]:
        """Decision on every source under ``policy``, by the source's digest."""
        outputs = (output.content_sha256 for output in self.outputs())
        return judge(policy, self.sources(), self.rights(), self.signals(), self.revocations(), outputs)

    def allowed_clips(self, policy: Policy, on: str | None = None) -> Selection:
        """Clips that may be learnt from under ``policy``, and every other clip with the rule that refused it.

        Args:
            policy: what may be learnt from.
            on: day (ISO 8601) on which consent has to be in force; today in UTC if left out.
        """
        sources, revocations = self.sources(), self.revocations()
        outputs = (output.content_sha256 for output in self.outputs())
        decisions = judge(policy, sources, self.rights(), self.signals(), revocations, outputs)
        return select(policy, sources, self.clips(), decisions, self.consents(), revocations, on, self.identify)

    def identify(self, commitment: str) -> str:
        """A name for the person of a commitment, the same for two commitments to one person where that is known."""
        return commitment
