"""Calibrate cosines: scores that mean the same everywhere, and how rare each is among held-out clips.

The score is the cosine with a training clip minus some of the mean cosine with the nearest background clips, which
nobody trained on (score normalisation, as in the video similarity challenge VSC2022; the weight here is the one that
finds most altered copies, see docs/nearest.md). The share then compares a score with those of held-out clips: 0.995
says that one held-out clip in two hundred is as near to a training clip by chance, since real clips of one world are
similar. This module does not know clips.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float32

from langit.release.nearest.embedding import WIDTH, Vectors

WEIGHT: Final = 0.2
NEAREST: Final = 5
"""Background clips that count."""


@dataclass(frozen=True, eq=False)
class ScoreScale:
    """Background vectors, and the sorted best scores of held-out windows: by content and motion, and by content."""

    background: Float32[np.ndarray, "m d"]
    both: Float32[np.ndarray, " h"]
    content: Float32[np.ndarray, " h"]

    def scores(
        self, queries: Float32[np.ndarray, "q e"], stored: Float32[np.ndarray, "n e"]
    ) -> Float32[np.ndarray, "q n"]:
        """The score of each query with each stored vector, all of length one; of content alone if they are halves."""
        background = self.background if queries.shape[1] == self.background.shape[1] else content_half(self.background)
        near = queries @ background.T
        count = min(NEAREST, near.shape[1])  # a small index has fewer background clips
        level = np.partition(near, -count, axis=1)[:, -count:].mean(axis=1, keepdims=True)
        return np.asarray(queries @ stored.T - np.float32(WEIGHT) * level, np.float32)

    def share(self, score: float, whole: bool = True) -> float:
        """The share of held-out windows whose nearest clip is less near than this score."""
        held = self.both if whole else self.content
        return float(np.searchsorted(held, score, side="left") / len(held))


def content_half(vectors: Vectors) -> Float32[np.ndarray, "_ e"]:
    """The content half alone, of length one: for pictures and for videos too short to compare their motion."""
    half = vectors[:, : min(WIDTH, vectors.shape[1] // 2)]
    return np.asarray(half / np.maximum(np.linalg.norm(half, axis=1, keepdims=True), 1e-9), np.float32)


def motion_half(vectors: Vectors) -> Float32[np.ndarray, "_ e"]:
    """The motion half alone; of length one, or nearly zero where nothing moves."""
    half = vectors[:, min(WIDTH, vectors.shape[1] // 2) :]
    return np.asarray(half / np.maximum(np.linalg.norm(half, axis=1, keepdims=True), 1e-9), np.float32)
