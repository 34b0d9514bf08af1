"""What `langit verify` can report, as values. Each finding has a number, which is the exit code, a name and a sentence.

This module does not know how a finding is made.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from langit.release.credentials.read import Credentials


class VerifyFinding(IntEnum):
    """Exit codes: below 10 all is well; 10 to 19 the signature fits, with a reservation; 20 to 29 it does not fit.

    30 to 39: no credentials, but this machine knows the file. From 40 on: nothing is known. 2 is a usage error.
    """

    TRUSTED = 0
    PRIVATE = 10
    UNKNOWN_ISSUER = 11
    EXPIRED = 12
    CERTIFICATE = 13
    UNCOVERED = 14
    CHANGED = 20
    STRUCTURE = 21
    APPENDED = 22
    MANIFEST = 23
    ELSEWHERE = 24
    SIGNATURE = 25
    CUT = 26
    KNOWN_FILE = 30
    KNOWN_MARK = 31
    KNOWN_LOOKS = 32
    STRANGE_MARK = 33
    KNOWN_SOURCE = 34
    KNOWN_PARENT = 35
    NOTHING = 40
    NO_PICTURES = 41


SENTENCES: Final[Mapping[VerifyFinding, str]] = {
    VerifyFinding.TRUSTED: "intact, and signed by {signer}",
    VerifyFinding.PRIVATE: (
        "intact, but signed with a key that only its maker vouches for; its certificate says {signer}"
    ),
    VerifyFinding.UNKNOWN_ISSUER: (
        "intact, but nobody trusted here vouches for the issuer of its certificate, which says {signer}"
    ),
    VerifyFinding.EXPIRED: (
        "the certificate has expired, and no timestamp shows that the file is older; it says {signer}"
    ),
    VerifyFinding.CERTIFICATE: "signed with a certificate that may not be used for this; it says {signer}",
    VerifyFinding.UNCOVERED: "intact as far as it is signed, but the signature does not cover {uncovered} bytes",
    VerifyFinding.CHANGED: "changed since it was signed: {changed}",
    VerifyFinding.STRUCTURE: (
        "changed since it was signed: the picture data are unchanged, the data around them are not"
    ),
    VerifyFinding.APPENDED: "changed since it was signed: {appended} bytes were added at its end",
    VerifyFinding.MANIFEST: "its credentials were changed or damaged since they were signed",
    VerifyFinding.ELSEWHERE: "its credentials belong to another file",
    VerifyFinding.SIGNATURE: "its signature does not fit: another key made it, or what it signs was changed",
    VerifyFinding.CUT: "not whole: at least {missing} bytes are missing at its end",
    VerifyFinding.KNOWN_FILE: "it has no credentials, but exactly this file left this machine",
    VerifyFinding.KNOWN_MARK: (
        "it has no credentials, but its watermark belongs to a video or picture that left this machine"
    ),
    VerifyFinding.KNOWN_LOOKS: "it has no credentials, but it looks like a video or picture that left this machine",
    VerifyFinding.STRANGE_MARK: (
        "it has no credentials; its watermark is Langit's, with an id that is not known here or cannot be read"
    ),
    VerifyFinding.KNOWN_SOURCE: "a source in this machine's ledger, not an output of a model here",
    VerifyFinding.KNOWN_PARENT: "it was given to videos or pictures made on this machine, and is not one of them",
    VerifyFinding.NOTHING: "nothing is known of it; that does not mean that it was not generated",
    VerifyFinding.NO_PICTURES: "neither a video nor a picture that can be read: nothing can be said of it",
}


@dataclass(frozen=True)
class KnownOutput:
    """An output in the ledger that the file is, or comes from; ``how`` it was found: file, watermark or looks."""

    how: str
    entry: str  # the record's digest
    content_sha256: str
    made_at: str
    model: str
    ability: str | None = None
    prompt: str | None = None  # if it has not been erased
    parents: tuple[str, ...] = ()
    p_value: float | None = None  # of a watermark: how often chance would match as well
    tuned: tuple[str, ...] = ()  # what was tuned from clips and took part, by its SHA-256


@dataclass(frozen=True)
class KnownSource:
    """A source in the ledger that is exactly this file, and the outputs that it was given to."""

    entry: str | None  # the record's digest; None if the file was given without being entered
    title: str = ""
    creator: str = ""
    licence: str = ""
    given_to: tuple[str, ...] = ()  # content hashes of outputs


@dataclass(frozen=True)
class FileVerdict:
    """What is known of a file. ``changed`` and the like are set if the finding is about them."""

    file: str
    sha256: str
    finding: VerifyFinding
    credentials: Credentials | None = None
    signer: str = "nobody"
    signed_here: bool = False
    chain: tuple[str, ...] = ()  # SHA-256 of the certificates, as far as they can be read
    known: tuple[KnownOutput, ...] = ()
    source: KnownSource | None = None
    uncovered: tuple[tuple[str, int], ...] = ()
    changed: str = ""
    appended: int = 0
    missing: int = 0
    mark: str = ""  # what the watermark says, if one was looked for
    training: tuple[str, ...] = ()  # what this machine knows of the model's training

    @property
    def sentence(self) -> str:
        """The verdict in a sentence."""
        return SENTENCES[self.finding].format(
            signer=self.signer,
            uncovered=sum(count for _, count in self.uncovered),
            changed=self.changed or "its bytes are not those that were signed",
            appended=self.appended,
            missing=self.missing,
        )

    @property
    def intact(self) -> bool | None:
        """Whether the bytes are those that were signed; None if nothing shows it."""
        if self.finding < VerifyFinding.CHANGED:
            return True
        return False if self.finding <= VerifyFinding.CUT else None

    def plain(self) -> dict[str, Any]:
        """The verdict as JSON values, for programs."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        values["known"] = [dataclasses.asdict(known) for known in self.known]
        values["source"] = dataclasses.asdict(self.source) if self.source is not None else None
        values["uncovered"] = dict(self.uncovered)
        if self.credentials is not None:
            values["credentials"] = dataclasses.asdict(self.credentials)
            values["credentials"]["mark"] = self.credentials.mark.hex() if self.credentials.mark else None
        number = {"exit_code": int(self.finding), "finding": self.finding.name.lower().replace("_", "-")}
        return {**values, **number, "verdict": self.sentence, "intact": self.intact}
