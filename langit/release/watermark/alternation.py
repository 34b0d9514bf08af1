"""The mark's sign over time: it alternates once a second.

A still scene is the same in every frame, and would drown a mark that is the same in every frame too. A reader that
subtracts half of the seconds from the others cancels the scene and keeps the mark; it finds marks at half the strength
(docs/watermark.md). The sign follows the time and not the number of the frame, so that other frame rates change
nothing; a reader that does not know where a clip was cut, or at which speed it is played, tries phases and speeds.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from jaxtyping import Float

HALF: Final = 1.0
"""Seconds for which the mark keeps its sign."""
RATE: Final = 8.0
"""Frames a second of clips whose rate is not known."""
SPEEDS: Final = (1.0, 2.0, 0.5)
"""Speeds at which a clip may be played; others between them are found too, as few periods drift apart only slowly."""
PHASES: Final = 16
"""Phases that are tried; half of them are the other half with the opposite sign."""


def sign(seconds: float) -> int:
    """The sign of the mark at a time from the beginning of a video: 1 in the first second, -1 in the next."""
    return -1 if int(seconds / HALF + 1e-6) % 2 else 1


def weights(seconds: float) -> Float[np.ndarray, " sums"]:
    """Weights of a frame in the sums of a clip: still; as made; and cosine and sine for each of :data:`SPEEDS`."""
    turns = np.array(SPEEDS) * (np.pi * seconds / HALF)
    return np.concatenate([[1.0, sign(seconds)], np.stack([np.cos(turns), np.sin(turns)], axis=1).ravel()])


def combine(phase: int) -> tuple[float, float]:
    """Weights of the cosine and the sine sum at one of :data:`PHASES` phases."""
    turn = 2 * np.pi * phase / PHASES
    return float(np.cos(turn)), float(np.sin(turn))
