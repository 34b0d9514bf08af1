"""C2PA's validation codes in plain words, and what each is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

CODES: Final[Mapping[str, tuple[str, str]]] = {
    "assertion.bmffHash.mismatch": ("content", "the file is not as it was when it was signed"),
    "assertion.dataHash.mismatch": ("content", "the file is not as it was when it was signed"),
    "assertion.boxesHash.mismatch": ("content", "the file is not as it was when it was signed"),
    "assertion.bmffHash.malformed": ("manifest", "the hash of the file has an impossible form"),
    "assertion.dataHash.malformed": ("manifest", "the hash of the file has an impossible form"),
    "assertion.hashedURI.mismatch": ("manifest", "what the credentials say was changed after they were signed"),
    "assertion.missing": ("manifest", "a part of the credentials is missing"),
    "assertion.undeclared": ("manifest", "something was added to the credentials after they were signed"),
    "assertion.multipleHardBindings": ("manifest", "the credentials belong to more than one file"),
    "claim.hardBindings.missing": ("manifest", "the credentials do not say which file they belong to"),
    "claim.missing": ("manifest", "the credentials make no claim"),
    "claim.multiple": ("manifest", "the credentials make more than one claim"),
    "claim.malformed": ("manifest", "the credentials are damaged"),
    "claimSignature.missing": ("signature", "the signature is missing"),
    "claimSignature.mismatch": ("signature", "the signature was not made with the key of the certificate beside it"),
    "claimSignature.outsideValidity": ("expired", "the certificate was not valid when this was signed"),
    "signingCredential.expired": ("expired", "the certificate has expired, and no timestamp shows that this is older"),
    "signingCredential.untrusted": ("untrusted", "nobody who is trusted here vouches for the signer"),
    "signingCredential.invalid": ("certificate", "the certificate may not sign content"),
    "signingCredential.ocsp.revoked": ("revoked", "the certificate was revoked by its issuer"),
    "timeStamp.mismatch": ("timestamp", "the timestamp is of something else"),
    "timeStamp.malformed": ("timestamp", "the timestamp is damaged"),
    "timeStamp.outsideValidity": ("timestamp", "the timestamp authority's certificate was not valid at the time"),
    "timeStamp.untrusted": ("timestamp", "nobody who is trusted here vouches for the timestamp authority"),
    "algorithm.unsupported": ("manifest", "it is signed with an algorithm that is not supported here"),
    "manifest.inaccessible": ("manifest", "the credentials lie elsewhere, and are not fetched"),
}
"""For each code: what it is about, and a sentence."""


@dataclass(frozen=True)
class Problem:
    """A check that failed: C2PA's code, what it is about (content, manifest, signature, …), and a plain sentence."""

    code: str
    about: str
    words: str
    detail: str = ""


def problem(failure: Mapping[str, object]) -> Problem:
    """A failed check of C2PA's library in plain words; a code that is not known counts as a broken manifest."""
    code = str(failure.get("code"))
    about, words = CODES.get(code, ("manifest", "the credentials break a rule of C2PA"))
    return Problem(code, about, words, str(failure.get("explanation") or ""))
