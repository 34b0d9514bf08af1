"""PDQ, a fingerprint of 256 bits of a picture, from its luma alone. Knows no files.

After "The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm" (Meta, 2019). The two box filters and
the decimation are linear, so they are one matrix for each side here: the same bits as `pdqhash` gives for the
same luma, at a tenth of its time. The bits do not change when brightness is scaled or shifted, so that luma in the
stored range (16 to 235) does as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from jaxtyping import Float32, UInt8

BITS: Final = 256
BYTES: Final = 32
_SIDE, _KEPT = 64, 16  # of the decimated picture, and of the corner of its cosine transform that is kept
_BAND: Final = 4  # rows of the decimated picture that are made at once: little memory stays in the cache
_WINDOWS: Final = 128  # box windows to a side
_STEEPEST: Final = 90.0  # sum of gradients, in hundredths of white, at one point of quality


@dataclass(frozen=True)
class Fingerprint:
    """``bits`` as 32 bytes, in the order of PDQ strings; ``quality`` 0 to 100: with little detail bits are chance."""

    bits: bytes
    quality: int


def fingerprint(luma: UInt8[np.ndarray, "H W"], full_range: bool = False) -> Fingerprint:
    """The PDQ fingerprint of a picture of at least 64 pixels a side; smaller ones are repeated up to that."""
    height, width = luma.shape
    if min(height, width) < _SIDE:
        luma = np.repeat(np.repeat(luma, -(-_SIDE // height), axis=0), -(-_SIDE // width), axis=1)
        height, width = luma.shape
    low = np.empty((_SIDE, width), np.float32)
    for rows, first, last, weights in _bands(height):
        low[rows] = weights @ luma[first:last].astype(np.float32)
    small = low @ _filter(width).T
    waves = _cosines() @ small @ _cosines().T
    bits = waves > np.partition(waves, BITS // 2 - 1, axis=None)[BITS // 2 - 1]  # half of them, exactly
    white = 255.0 if full_range else 219.0
    steps = [np.trunc(np.diff(small, axis=axis) * (100.0 / white)) for axis in (0, 1)]
    gradient = sum(float(np.abs(step).sum()) for step in steps)
    return Fingerprint(np.packbits(bits.ravel()[::-1]).tobytes(), min(100, int(gradient / _STEEPEST)))


def distance(one: bytes, other: bytes) -> int:
    """Bits that differ."""
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).bit_count()


@lru_cache(maxsize=64)
def _filter(length: int) -> Float32[np.ndarray, "64 length"]:
    """Two box filters one after the other, taken at the middles of 64 equal parts; windows shrink at the edges."""
    window = -(-length // _WINDOWS)
    right = (window + 2) // 2 - 1
    left = window - 1 - right
    weights = np.zeros((_SIDE, length), np.float32)
    for row in range(_SIDE):
        middle = int((row + 0.5) * length / _SIDE)
        outer = range(max(0, middle - left), min(length - 1, middle + right) + 1)
        for place in outer:
            low, high = max(0, place - left), min(length - 1, place + right)
            weights[row, low : high + 1] += 1 / (len(outer) * (high - low + 1))
    return weights


@lru_cache(maxsize=64)
def _bands(length: int) -> list[tuple[slice, int, int, Float32[np.ndarray, "band part"]]]:
    """The filter in bands of rows, each with the stretch of its input that it needs."""
    weights, bands = _filter(length), []
    for row in range(0, _SIDE, _BAND):
        needed = np.flatnonzero(weights[row : row + _BAND].any(axis=0))
        first, last = int(needed[0]), int(needed[-1]) + 1
        part = np.ascontiguousarray(weights[row : row + _BAND, first:last])
        bands.append((slice(row, row + _BAND), first, last, part))
    return bands


@lru_cache(maxsize=1)
def _cosines() -> Float32[np.ndarray, "16 64"]:
    waves, places = np.arange(1, _KEPT + 1)[:, None], np.arange(_SIDE)[None]
    return np.asarray(np.sqrt(2 / _SIDE) * np.cos(np.pi / 2 / _SIDE * waves * (2 * places + 1)), np.float32)
