"""The watermark's pattern: a sum of waves of brightness that all fit one square tile, repeated over the picture.

Each wave carries two signs, one in its cosine and one in its sine. The signs of the pilot waves are fixed, so that a
reader can find the mark; the other waves carry the id (`payload`). All signs are pseudo-random, so that a picture
without a mark resembles one only by chance, whatever it shows. They follow from a public key: anyone can read the mark,
and anyone who wants to can remove it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from jaxtyping import Complex, Float, Int

KEY: Final = b"org.langit.watermark.1"
TILE: Final = 64
"""Side of the tile in pixels, in pictures up to 360 lines; it grows with larger ones, which are scaled down more."""
SHORT: Final = 360
"""Lines above which the tile grows."""
LOWEST: Final = 3.0
HIGHEST: Final = 14.0
"""Cycles per tile, which are waves 21 to 4.6 pixels long. Longer waves drown in the picture's content, shorter ones do
not survive coding: at a constant rate factor of 36 the band from 3 to 10 is best, at 18 one up to 20."""
COLUMNS: Final = 2 * int(HIGHEST) + 1
PAYLOAD_WAVES: Final = 176


@dataclass(frozen=True)
class Waves:
    """The waves (across, down), in whole cycles per tile, and what each carries.

    ``pilot`` and ``payload`` are indices of waves; ``known`` holds the pilots' signs as (±1 ± i) / sqrt 2; ``scramble``
    flips the payload's signs, two per wave, so that no id gives a regular pattern.
    """

    across: Int[np.ndarray, " waves"]
    down: Int[np.ndarray, " waves"]
    pilot: Int[np.ndarray, " pilots"]
    payload: Int[np.ndarray, " payload"]
    known: Complex[np.ndarray, " pilots"]
    scramble: Float[np.ndarray, " signs"]

    def amplitudes(self, signs: Float[np.ndarray, " signs"]) -> Complex[np.ndarray, "rows columns"]:
        """Amplitudes of all waves for these payload signs: rows are 0, 1, … cycles down, columns -14 … 14 across."""
        waves = np.zeros(len(self.across), np.complex128)
        waves[self.pilot] = self.known
        pairs = (signs * self.scramble).reshape(-1, 2)
        waves[self.payload] = (pairs[:, 0] + 1j * pairs[:, 1]) / np.sqrt(2)
        grid = np.zeros((int(HIGHEST) + 1, COLUMNS), np.complex128)
        grid[self.down, self.across + int(HIGHEST)] = waves
        return grid


@cache
def waves() -> Waves:
    """The waves of a half plane, in the key's order; the other half is their conjugate, as the pattern is real."""
    most = int(HIGHEST)
    half = [(a, d) for d in range(most + 1) for a in range(-most, most + 1) if d > 0 or a > 0]
    band = np.array([pair for pair in half if LOWEST <= np.hypot(*pair) <= HIGHEST])
    count = len(band)
    random = hashlib.shake_256(KEY).digest(8 * count + count)
    order = np.argsort(np.frombuffer(random[: 8 * count], "<u8"), kind="stable")
    signs = np.array([1 - 2 * (byte >> bit & 1) for byte in random[8 * count :] for bit in (0, 1)], np.float64)
    payload, pilot = order[:PAYLOAD_WAVES], order[PAYLOAD_WAVES:]
    pairs = signs[2 * PAYLOAD_WAVES :].reshape(-1, 2)
    known = (pairs[:, 0] + 1j * pairs[:, 1]) / np.sqrt(2)
    return Waves(band[:, 0], band[:, 1], pilot, payload, known, signs[: 2 * PAYLOAD_WAVES])


def tile(height: int, width: int) -> float:
    """The side of the tile in a picture of this size, in pixels."""
    return TILE * max(1.0, min(height, width) / SHORT)


def turns(length: int, period: float, cycles: int) -> Complex[np.ndarray, "length cycles"]:
    """exp(2 pi i c x / period) for 0 to ``cycles`` - 1 cycles c, at the centre x of each pixel."""
    places = np.arange(length) + 0.5
    return np.exp(2j * np.pi / period * np.outer(places, np.arange(cycles)))


def pattern(
    height: int, width: int, amplitudes: Complex[np.ndarray, "rows columns"]
) -> Float[np.ndarray, "{height} {width}"]:
    """The sum of the waves over a picture, with a root mean square of 1."""
    side, most = tile(height, width), int(HIGHEST)
    right = turns(width, side, most + 1)
    across = np.concatenate([right[:, :0:-1].conj(), right], axis=1)
    added: np.ndarray = (turns(height, side, most + 1) @ amplitudes @ across.T).real
    even: np.ndarray = added / np.sqrt(np.mean(added**2))
    return even
