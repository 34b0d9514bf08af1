"""What `langit verify` can find, as values: each finding has a number, which is the exit code, a name and a sentence.

Knows nothing of how it is found out.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from langit.release.credentials.read import Credentials


class Finding(IntEnum):
    """Exit codes. Below 10: all is well. 10 to 19: the signature fits, and there is a but. 20 to 29: it does not fit.

    30 to 39: no credentials, but known all the same. 40 and above: nothing is known. 2 is an error of the person's.
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
    NOTHING = 40
    NO_PICTURES = 41


SENTENCES: Final[Mapping[Finding, str]] = {
    Finding.TRUSTED: "intact, and signed by {signer}",
    Finding.PRIVATE: "intact, but signed by a key that only its maker vouches for ({signer})",
    Finding.UNKNOWN_ISSUER: "intact, but signed by {signer}, whose issuer nobody vouches for here",
    Finding.EXPIRED: "the certificate of {signer} has expired, and no timestamp shows that the file is older",
    Finding.CERTIFICATE: "signed by {signer} with a certificate that may not be used for this",
    Finding.UNCOVERED: "intact as far as it is signed, but {uncovered} bytes are not covered by the signature",
    Finding.CHANGED: "changed since it was signed: {changed}",
    Finding.STRUCTURE: "changed since it was signed: the pictures' data are as they were, what is around them is not",
    Finding.APPENDED: "changed since it was signed: {appended} bytes were added at its end",
    Finding.MANIFEST: "its credentials were changed or damaged since they were signed",
    Finding.ELSEWHERE: "its credentials belong to another file",
    Finding.SIGNATURE: "its signature does not fit: another key made it, or what it signs was changed",
    Finding.CUT: "not whole: at least {missing} bytes are missing at its end",
    Finding.KNOWN_FILE: "it bears no credentials, but left this machine as it is",
    Finding.KNOWN_MARK: "its credentials are gone, but its watermark is that of a video that left this machine",
    Finding.KNOWN_LOOKS: "its credentials are gone, but it looks like a video that left this machine",
    Finding.STRANGE_MARK: "its credentials are gone; it has a watermark of Langit, of a video that is not known here",
    Finding.NOTHING: "nothing is known of it: this does not mean that it was not generated",
    Finding.NO_PICTURES: "neither a video nor a picture that can be read: nothing can be said of it",
}


@dataclass(frozen=True)
class Known:
    """An entry of the ledger that this is, or that this came of; ``how`` it was found: file, watermark or looks."""

    how: str
    entry: str  # the record's digest
    content_sha256: str
    made_at: str
    model: str
    ability: str | None = None
    prompt: str | None = None  # where it is still kept
    parents: tuple[str, ...] = ()
    p_value: float | None = None  # of a watermark: how often chance would look like this


@dataclass(frozen=True)
class Verdict:
    """What is known of a file. ``changed`` and the like are filled in where the finding is about them."""

    file: str
    sha256: str
    finding: Finding
    credentials: Credentials | None = None
    signer: str = "nobody"
    signed_here: bool = False
    chain: tuple[str, ...] = ()  # SHA-256 of the certificates, as far as they can be read
    known: tuple[Known, ...] = ()
    uncovered: tuple[tuple[str, int], ...] = ()
    changed: str = ""
    appended: int = 0
    missing: int = 0
    mark: str = ""  # what the watermark says, where it was looked for
    training: str = ""  # what this machine knows of the model's training

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
        """Whether the bytes are those that were signed; None where nothing says so."""
        if self.finding < Finding.CHANGED:
            return True
        return False if self.finding <= Finding.CUT else None

    def plain(self) -> dict[str, Any]:
        """For programs."""
        said = {each.name: getattr(self, each.name) for each in dataclasses.fields(self)}
        said["known"] = [dataclasses.asdict(each) for each in self.known]
        said["uncovered"] = dict(self.uncovered)
        if self.credentials is not None:
            said["credentials"] = dataclasses.asdict(self.credentials)
            said["credentials"]["mark"] = self.credentials.mark.hex() if self.credentials.mark else None
        number = {"exit_code": int(self.finding), "finding": self.finding.name.lower().replace("_", "-")}
        return {**said, **number, "verdict": self.sentence, "intact": self.intact}
