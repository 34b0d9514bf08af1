"""Take-downs by looks: footage that resembles a revoked video is barred, whatever its bytes.

``langit ledger revoke --like`` keeps the fingerprints of the video that its owner showed, as evidence of a revocation.
They are asked when footage is added and when it is curated. Knows nothing of what else may bar footage.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from langit.config import canonical
from langit.curate.alike import find_alike, sample_looks
from langit.curate.duplicates import ClipFingerprints, DuplicateIndex
from langit.curate.settings import DuplicateSettings
from langit.ledger.record import Revocation
from langit.ledger.store import Ledger

KNOWN_MISSES = "cut to less than half a frame, rotated, or drawn over"
"""What a copy can do to be missed, for people who ask for a take-down."""


def keep_looks(ledger: Ledger, looks: Collection[ClipFingerprints]) -> str:
    """Keep fingerprints as evidence; returns its SHA-256, the target of a revocation by looks."""
    plain = [{"whole": [b.hex() for b in one.whole], "inner": [b.hex() for b in one.inner]} for one in looks]
    return ledger.evidence.put(canonical({"looks": plain}))


@dataclass(frozen=True)
class RevokedLooks:
    """The fingerprints of every video that was revoked by its looks."""

    index: DuplicateIndex
    revocations: dict[str, Revocation]

    @classmethod
    def of(cls, ledger: Ledger) -> RevokedLooks:
        """Read them from a ledger.

        Raises:
            ValueError: evidence of a revocation is missing or was changed: nothing may be entered until it is restored.
        """
        index, found = DuplicateIndex(DuplicateSettings()), dict[str, Revocation]()
        for revocation in ledger.revocations():
            if revocation.by != "looks":
                continue
            for number, one in enumerate(json.loads(ledger.evidence.get(revocation.target))["looks"]):
                name = f"{revocation.digest} {number}"
                whole, inner = (tuple(map(bytes.fromhex, one[kind])) for kind in ("whole", "inner"))
                index.add(ClipFingerprints(name, whole, inner))
                found[name] = revocation
        return cls(index, found)

    def find(self, looks: Collection[ClipFingerprints]) -> Revocation | None:
        """The revocation of a video that these fingerprints resemble, if any."""
        if not self.revocations:
            return None
        return next((self.revocations[name] for name in find_alike(self.index, looks)), None)

    def why_barred(self, path: Path) -> str | None:
        """Why a file may not be entered, or ``None``."""
        if not self.revocations:
            return None  # nothing to compare with: the file need not be decoded
        revocation = self.find(sample_looks(path))
        if revocation is None:
            return None
        return f"it looks like a video that was revoked at {revocation.revoked_at}: {revocation.reason}"
