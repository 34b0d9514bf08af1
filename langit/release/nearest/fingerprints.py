"""PDQ fingerprints of frames and of their mirror images, to find copies. This module does not know clips or models."""

from __future__ import annotations

from typing import Final

import numpy as np
from jaxtyping import UInt8

from langit.fingerprint import BYTES, fingerprint

KEPT: Final = (2, 6)
"""Frames of a stored window of which a fingerprint is kept: half a second after its start, and before its end."""
QUERIED: Final = slice(None, None, 2)
"""Frames of a query window that are compared: one is at most a quarter of a second from a frame that was kept."""
MIN_QUALITY: Final = 40
"""PDQ quality below which fingerprints are not compared, as in curation."""
LUMA: Final = np.array([0.2126, 0.7152, 0.0722], np.float32)  # BT.709
NO_FINGERPRINT: Final = bytes(BYTES)


def fingerprints_of(frames: UInt8[np.ndarray, "T H W 3"]) -> UInt8[np.ndarray, "T 32"]:
    """A fingerprint of each frame; zeros for a frame with too little detail."""
    found = [fingerprint((frame @ LUMA).round().astype(np.uint8), full_range=True) for frame in frames]
    bits = b"".join(one.bits if one.quality >= MIN_QUALITY else NO_FINGERPRINT for one in found)
    return np.frombuffer(bits, np.uint8).reshape(-1, BYTES)


class StoredFingerprints:
    """Fingerprints of windows, ready to be searched: (n, p, 32), with zeros where there is none."""

    def __init__(self, fingerprints: UInt8[np.ndarray, "n p 32"]) -> None:
        known = fingerprints.any(axis=2)
        self._counts = known.sum(axis=1)
        self._windows = np.repeat(np.arange(len(fingerprints)), self._counts)
        # Column-major, four words of eight bytes: the search runs through one column after another.
        self._words = np.ascontiguousarray(fingerprints[known].view(np.uint64).T)

    def find(self, frames: UInt8[np.ndarray, "T H W 3"], max_bits: int) -> dict[int, tuple[float, int]]:
        """Windows with a fingerprint near one of the frames' or of their mirror images'.

        Returns:
            By window, the share of its fingerprints that were found, and the least bits apart.
        """
        if not self._words.size:
            return {}
        queries = np.concatenate([fingerprints_of(frames), fingerprints_of(frames[:, :, ::-1])])
        nearest = np.full(self._words.shape[1], 8 * BYTES, np.uint16)
        for query in queries[queries.any(axis=1)].view(np.uint64):
            bits = np.zeros(len(nearest), np.uint16)
            for word, stored in zip(query, self._words, strict=True):
                bits += np.bitwise_count(word ^ stored)
            np.minimum(nearest, bits, out=nearest)
        near = np.flatnonzero(nearest <= max_bits)
        owners = self._windows[near]
        return {
            int(window): (
                float((owners == window).sum() / self._counts[window]),
                int(nearest[near][owners == window].min()),
            )
            for window in np.unique(owners)
        }
