"""Videos and facts for the tests of the door."""

from __future__ import annotations

import numpy as np

from langit.release.facts import Facts, LedgerState

FACTS = Facts(
    model="tiny",
    prompt="bola merah",
    seed=7,
    fps=8.0,
    steps=25,
    guidance=4.0,
    provenance="sha256:" + "ab" * 32,
    ledger=LedgerState("langit/tiny", 3, "cd" * 32),
)


def clip(frames: int = 9, seed: int = 0, height: int = 64, width: int = 64) -> np.ndarray:
    """A box that crosses a soft ground: (T, H, W, 3) uint8."""
    dice = np.random.default_rng(seed)
    down, across = np.mgrid[0:height, 0:width] / max(height, width)
    waves = [np.sin(2 * np.pi * (a * across + b * down) + c) for a, b, c in dice.uniform(0.5, 3, (3, 3))]
    ground = np.stack(waves, axis=-1) * 40 + dice.uniform(90, 160, 3)
    shown = np.repeat(ground[None], frames, axis=0)
    for number in range(frames):
        left = int(4 + number * (width - 28) / max(frames - 1, 1))
        shown[number, 20:40, left : left + 20] = dice.uniform(0, 255, 3) if number == 0 else shown[0, 30, 10]
    return shown.clip(0, 255).astype(np.uint8)
