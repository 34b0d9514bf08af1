"""Near-duplicate clips: an exact search over PDQ fingerprints of frames.

A copy that was re-encoded, resized, re-timed or slightly cropped has fingerprints near the original's. Each frame has
a second fingerprint, of its inner part, so that a copy whose edges were cropped is found as well. The search compares
all pairs with vector instructions; benchmarks/r6_duplicates.py compares it with an approximate index.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8, UInt16

from langit.curate.settings import DuplicateSettings
from langit.fingerprint import mirror_bits

_BLOCK_DISTANCES = 1 << 22  # distances computed at once; bounds the memory


@dataclass(frozen=True)
class ClipFingerprints:
    """The fingerprints of a clip's sampled frames, 32 bytes each; frames with too little detail are left out.

    ``whole`` are of whole frames, ``inner`` of the frames without their edges, in the same order.
    """

    name: str
    whole: tuple[bytes, ...]
    inner: tuple[bytes, ...]

    def mirror(self) -> ClipFingerprints:
        """The fingerprints of the clip mirrored left to right."""
        return ClipFingerprints(self.name, tuple(map(mirror_bits, self.whole)), tuple(map(mirror_bits, self.inner)))


def as_rows(fingerprints: Sequence[bytes]) -> UInt8[np.ndarray, "n 32"]:
    """Return fingerprints as rows of bytes."""
    return np.frombuffer(b"".join(fingerprints), np.uint8).reshape(-1, 32)


def distances(queries: UInt8[np.ndarray, "q 32"], stored: UInt8[np.ndarray, "n 32"]) -> UInt16[np.ndarray, "q n"]:
    """Hamming distances, in bits, between each query and each stored fingerprint."""
    # As four 64-bit words each, so that one popcount instruction covers 8 bytes.
    left, right = (np.ascontiguousarray(rows).view(np.uint64) for rows in (queries, stored))
    total = np.zeros((len(left), len(right)), np.uint16)
    for word in range(left.shape[1]):
        total += np.bitwise_count(left[:, word, None] ^ right[None, :, word])
    return total


class DuplicateIndex:
    """The fingerprints of all clips kept so far; new clips are compared with them."""

    def __init__(self, settings: DuplicateSettings) -> None:
        self.settings = settings
        self._names: list[str] = []
        self._lengths: list[int] = []  # fingerprints of each clip
        self._owners = np.zeros(0, np.int64)  # for each stored fingerprint, the index of its clip
        self._pending_owners: list[int] = []
        self._pending: dict[str, list[bytes]] = {"whole": [], "inner": []}
        self._stored = {"whole": np.zeros((0, 32), np.uint8), "inner": np.zeros((0, 32), np.uint8)}

    def add(self, clip: ClipFingerprints) -> None:
        """Add a clip. Its fingerprints are appended at the next search, so that adding many clips stays linear."""
        self._pending_owners += [len(self._names)] * len(clip.whole)
        self._names.append(clip.name)
        self._lengths.append(len(clip.whole))
        self._pending["whole"] += clip.whole
        self._pending["inner"] += clip.inner

    def _append_pending(self) -> None:
        if self._pending_owners:
            self._owners = np.concatenate([self._owners, self._pending_owners])
            for kind, new in self._pending.items():
                self._stored[kind] = np.concatenate([self._stored[kind], as_rows(new)])
            self._pending_owners, self._pending = [], {"whole": [], "inner": []}

    @property
    def whole(self) -> UInt8[np.ndarray, "n 32"]:
        """All stored fingerprints of whole frames."""
        self._append_pending()
        return self._stored["whole"]

    def find_copy(self, clip: ClipFingerprints) -> tuple[str, float] | None:
        """As :func:`find`, also for clips of which this one is the mirror image."""
        matches = [match for match in (self.find(clip), self.find(clip.mirror())) if match is not None]
        return max(matches, key=lambda match: match[1], default=None)

    def find(self, clip: ClipFingerprints) -> tuple[str, float] | None:
        """Return the stored clip that this one repeats and the share of fingerprints that match, or None."""
        self._append_pending()
        if not clip.whole or not len(self._owners):
            return None
        matched = np.zeros((len(clip.whole), len(self._names)), bool)
        step = max(1, _BLOCK_DISTANCES // max(1, len(self._owners)))
        # An inner fingerprint resembles the whole fingerprint of a copy that was cropped, in either direction.
        pairs = (("whole", "whole"), ("inner", "whole"), ("whole", "inner"))
        for query_kind, stored_kind in pairs:
            queries = as_rows(getattr(clip, query_kind))
            for start in range(0, len(queries), step):
                near = distances(queries[start : start + step], self._stored[stored_kind]) <= self.settings.bits
                for row, column in np.argwhere(near):
                    matched[start + row, self._owners[column]] = True
        share = matched.sum(axis=0) / np.minimum(len(clip.whole), np.maximum(1, self._lengths))
        best = int(share.argmax())
        return (self._names[best], min(1.0, float(share[best]))) if share[best] >= self.settings.share else None
