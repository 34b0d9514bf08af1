"""Small moving pictures to mark."""

from __future__ import annotations

import numpy as np

IDENT = bytes.fromhex("0123456789abcdef")


def scene(height: int, width: int, frames: int = 5) -> np.ndarray:
    """A sky, a ground with some grain, and a ball that moves: (T, H, W, 3) uint8."""
    random = np.random.Generator(np.random.PCG64(5))
    down, right = np.mgrid[:height, :width]
    ground = 130 - 60 * (down > 0.6 * height) + 30 * down / height
    grain = random.normal(0, 3, (height, width)) * (down > 0.6 * height)
    shown = []
    for number in range(frames):
        ball = np.hypot(down - 0.5 * height, right - (0.3 + 0.05 * number) * width) < 0.15 * height
        light = np.where(ball, 190, ground + grain)
        shown.append(np.stack([light, light * 0.9, light * 0.7], axis=-1))
    return np.clip(shown, 0, 255).astype(np.uint8)
