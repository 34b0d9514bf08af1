"""What a cosine means: scores that are the same everywhere, and how rare they are among clips that were held out.

From the cosine with a training clip the nearness of the surroundings is taken away: some of the mean of the nearest
background clips, which nobody trained on (score normalisation, as in the video similarity challenge VSC2022; its
weight here is what found most altered copies, see docs/nearest.md). The score is then read off the scores of held-out
clips: a share of 0.995 says that one held-out clip in two hundred is as near to a clip of training by chance, since
real clips of one world are similar. Knows nothing of clips themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float32

from langit.release.nearest.embedding import WIDTH, Vectors

WEIGHT: Final = 0.2
NEAREST: Final = 5


@dataclass(frozen=True, eq=False)
class Scale:
    """Background vectors, and the sorted best scores of held-out windows: by content and motion, and by content."""

    background: Float32[np.ndarray, "m d"]
    both: Float32[np.ndarray, " h"]
    content: Float32[np.ndarray, " h"]

    def scores(
        self, queries: Float32[np.ndarray, "q e"], stored: Float32[np.ndarray, "n e"]
    ) -> Float32[np.ndarray, "q n"]:
        """The score of each query with each stored vector, all of length one; of content alone, if they are halves."""
        background = self.background if queries.shape[1] == self.background.shape[1] else by_content(self.background)
        near = queries @ background.T
        count = min(NEAREST, near.shape[1])
        level = np.partition(near, -count, axis=1)[:, -count:].mean(axis=1, keepdims=True)
        return np.asarray(queries @ stored.T - np.float32(WEIGHT) * level, np.float32)

    def share(self, score: float, whole: bool = True) -> float:
        """The share of held-out windows whose nearest clip is less near than this."""
        held = self.both if whole else self.content
        return float(np.searchsorted(held, score, side="left") / len(held))


def by_content(vectors: Vectors) -> Float32[np.ndarray, "_ e"]:
    """The content half alone, of length one: for pictures and for videos too short to compare their motion."""
    half = vectors[:, : min(WIDTH, vectors.shape[1] // 2)]
    return np.asarray(half / np.maximum(np.linalg.norm(half, axis=1, keepdims=True), 1e-9), np.float32)


def by_motion(vectors: Vectors) -> Float32[np.ndarray, "_ e"]:
    """The motion half alone; of length one, or next to nothing where nothing moves."""
    half = vectors[:, min(WIDTH, vectors.shape[1] // 2) :]
    return np.asarray(half / np.maximum(np.linalg.norm(half, axis=1, keepdims=True), 1e-9), np.float32)
