"""Which clips are the same footage again: by PDQ fingerprints of their frames, each compared with each, exactly.

A copy that was encoded again, resized, re-timed or slightly cropped has fingerprints near the original's. Beside the
fingerprint of each whole frame there is one of its inner part, so that a copy with its rim cut off is found, too.
Exact search with vector instructions: see benchmarks/r6_duplicates.py for how it compares with an index.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8, UInt16

from langit.curate.settings import DuplicateSettings

_AT_ONCE = 1 << 22  # distances that are held in memory


@dataclass(frozen=True)
class ClipFingerprints:
    """A clip's fingerprints: of whole frames, and of the frames' inner parts, 32 bytes each; frames of detail only."""

    name: str
    whole: tuple[bytes, ...]
    inner: tuple[bytes, ...]


def rows(prints: Sequence[bytes]) -> UInt8[np.ndarray, "n 32"]:
    """Fingerprints as rows of bytes."""
    return np.frombuffer(b"".join(prints), np.uint8).reshape(-1, 32)


def distances(queries: UInt8[np.ndarray, "q 32"], stored: UInt8[np.ndarray, "n 32"]) -> UInt16[np.ndarray, "q n"]:
    """Bits in which each query differs from each stored fingerprint."""
    one, other = (np.ascontiguousarray(each).view(np.uint64) for each in (queries, stored))
    found = np.zeros((len(one), len(other)), np.uint16)
    for word in range(one.shape[1]):
        found += np.bitwise_count(one[:, word, None] ^ other[None, :, word])
    return found


class DuplicateIndex:
    """Clips that were kept so far; later ones are compared with them."""

    def __init__(self, settings: DuplicateSettings) -> None:
        self.settings = settings
        self._names: list[str] = []
        self._lengths: list[int] = []
        self._owners = np.zeros(0, np.int64)
        self._owners_new: list[int] = []
        self._new: dict[str, list[bytes]] = {"whole": [], "inner": []}
        self._prints = {"whole": np.zeros((0, 32), np.uint8), "inner": np.zeros((0, 32), np.uint8)}

    def add(self, clip: ClipFingerprints) -> None:
        """Keep a clip; it is put with the others when the next one is looked for."""
        self._owners_new += [len(self._names)] * len(clip.whole)
        self._names.append(clip.name)
        self._lengths.append(len(clip.whole))
        self._new["whole"] += clip.whole
        self._new["inner"] += clip.inner

    def _settle(self) -> None:
        if self._owners_new:
            self._owners = np.concatenate([self._owners, self._owners_new])
            for kind, new in self._new.items():
                self._prints[kind] = np.concatenate([self._prints[kind], rows(new)])
            self._owners_new, self._new = [], {"whole": [], "inner": []}

    @property
    def whole(self) -> UInt8[np.ndarray, "n 32"]:
        """The fingerprints of whole frames."""
        self._settle()
        return self._prints["whole"]

    def find(self, clip: ClipFingerprints) -> tuple[str, float] | None:
        """The kept clip that this one repeats, and the share of fingerprints that agree; None if there is none."""
        self._settle()
        if not clip.whole or not len(self._owners):
            return None
        near = np.zeros((len(clip.whole), len(self._names)), bool)
        step = max(1, _AT_ONCE // max(1, len(self._owners)))
        pairs = (("whole", "whole"), ("inner", "whole"), ("whole", "inner"))
        for ours, theirs in pairs:
            queries = rows(getattr(clip, ours))
            for start in range(0, len(queries), step):
                close = distances(queries[start : start + step], self._prints[theirs]) <= self.settings.bits
                for row, column in np.argwhere(close):
                    near[start + row, self._owners[column]] = True
        agree = near.sum(axis=0) / np.minimum(len(clip.whole), np.maximum(1, self._lengths))
        best = int(agree.argmax())
        return (self._names[best], min(1.0, float(agree[best]))) if agree[best] >= self.settings.share else None
