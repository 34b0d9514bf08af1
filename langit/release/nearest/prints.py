"""PDQ fingerprints of frames and of their mirror images, for copies. Knows nothing of clips or models."""

from __future__ import annotations

from typing import Final

import numpy as np
from jaxtyping import UInt8

from langit.fingerprint import BYTES, fingerprint

KEPT: Final = (2, 6)
"""Frames of a stored window whose fingerprints are kept: half a second after its start, and before its end."""
ASKED: Final = slice(None, None, 2)
"""Frames of a window that is looked for whose fingerprints are compared: a quarter of a second from a stored one."""
QUALITY: Final = 40
"""Fingerprints of less detail are not compared, as in curation."""
LUMA: Final = np.array([0.2126, 0.7152, 0.0722], np.float32)  # BT.709
NONE: Final = bytes(BYTES)


def prints_of(frames: UInt8[np.ndarray, "T H W 3"]) -> UInt8[np.ndarray, "T 32"]:
    """A fingerprint for each frame; zeros for one of too little detail."""
    found = [fingerprint((frame @ LUMA).round().astype(np.uint8), full_range=True) for frame in frames]
    bits = b"".join(one.bits if one.quality >= QUALITY else NONE for one in found)
    return np.frombuffer(bits, np.uint8).reshape(-1, BYTES)


class Stored:
    """Fingerprints of windows, ready to be searched: ``prints`` (n, p, 32), zeros where there is none."""

    def __init__(self, prints: UInt8[np.ndarray, "n p 32"]) -> None:
        known = prints.any(axis=2)
        self._counts = known.sum(axis=1)
        self._windows = np.repeat(np.arange(len(prints)), self._counts)
        # A column for each eight bytes: they are gone through one after the other.
        self._words = np.ascontiguousarray(prints[known].view(np.uint64).T)

    def copied(self, frames: UInt8[np.ndarray, "T H W 3"], bits: int) -> dict[int, tuple[float, int]]:
        """For each window with a fingerprint near one of the frames' or of their mirror images':

        the share of its fingerprints that are, and the least bits apart.
        """
        if not self._words.size:
            return {}
        asked = np.concatenate([prints_of(frames), prints_of(frames[:, :, ::-1])])
        apart = np.full(self._words.shape[1], 8 * BYTES, np.uint16)
        for one in asked[asked.any(axis=1)].view(np.uint64):
            found = np.zeros(len(apart), np.uint16)
            for word, stored in zip(one, self._words, strict=True):
                found += np.bitwise_count(word ^ stored)
            np.minimum(apart, found, out=apart)
        near = np.flatnonzero(apart <= bits)
        owners = self._windows[near]
        return {
            int(window): (
                float((owners == window).sum() / self._counts[window]),
                int(apart[near][owners == window].min()),
            )
            for window in np.unique(owners)
        }
