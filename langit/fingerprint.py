"""PDQ: a perceptual hash of 256 bits, from a picture's luma. It knows no files.

After "The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm" (Meta, 2019). PDQ's two box filters
and its decimation are linear, so they are one matrix for each axis here. The bits equal those of `pdqhash` for the
same luma, at a tenth of its time. They do not change when brightness is scaled or shifted, so luma in the stored range
(16 to 235) gives the same bits as full-range luma.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from jaxtyping import Float32, UInt8

BITS: Final = 256
BYTES: Final = 32
_SIDE: Final = 64  # of the decimated picture
_KEPT: Final = 16  # side of the corner of the cosine transform that gives the bits: the lowest frequencies
_BAND: Final = 4  # rows of the decimated picture computed at once, so that the input stays in the cache
_WINDOWS: Final = 128  # a side has this many box windows
_QUALITY_SCALE: Final = 90.0  # summed gradient, in hundredths of white, for one point of quality

# Bits of odd horizontal frequency: every second, as rows of the transform are 16 frequencies from 1 on.
_MIRROR: Final = int.from_bytes(np.packbits(np.tile([1, 0], BITS // 2)[::-1]).tobytes(), "big")


@dataclass(frozen=True)
class Fingerprint:
    """``bits`` are 32 bytes, in the order of PDQ strings; ``quality``, 0 to 100, is low where bits are random."""

    bits: bytes
    quality: int


def fingerprint(luma: UInt8[np.ndarray, "H W"], full_range: bool = False) -> Fingerprint:
    """Compute the PDQ fingerprint of a picture. Sides below 64 pixels are enlarged to at least that by repetition.

    Args:
        luma: brightness; PDQ reads nothing else.
        full_range: whether white is 255; in stored luma it is 235. Only ``quality`` depends on it.
    """
    height, width = luma.shape
    if min(height, width) < _SIDE:
        luma = np.repeat(np.repeat(luma, -(-_SIDE // height), axis=0), -(-_SIDE // width), axis=1)
        height, width = luma.shape
    rows_reduced = np.empty((_SIDE, width), np.float32)
    for rows, first, last, weights in _bands(height):
        rows_reduced[rows] = weights @ luma[first:last].astype(np.float32)
    small = rows_reduced @ _decimation(width).T
    frequencies = _cosines() @ small @ _cosines().T
    # Above the median: exactly half of the bits are set.
    bits = frequencies > np.partition(frequencies, BITS // 2 - 1, axis=None)[BITS // 2 - 1]
    white = 255.0 if full_range else 219.0  # 235 - 16
    steps = [np.trunc(np.diff(small, axis=axis) * (100.0 / white)) for axis in (0, 1)]
    gradient = sum(float(np.abs(step).sum()) for step in steps)
    return Fingerprint(np.packbits(bits.ravel()[::-1]).tobytes(), min(100, int(gradient / _QUALITY_SCALE)))


def mirror_bits(bits: bytes) -> bytes:
    """The fingerprint of the picture mirrored left to right, from the picture's own.

    Cosines of odd horizontal frequency change their sign, and with it their bits, because the median is near 0. The
    result differs from the true fingerprint in a few bits at most, those of coefficients beside the median.
    """
    return (int.from_bytes(bits, "big") ^ _MIRROR).to_bytes(BYTES, "big")


def distance(one: bytes, other: bytes) -> int:
    """Hamming distance of two fingerprints, in bits."""
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).bit_count()


@lru_cache(maxsize=64)
def _decimation(length: int) -> Float32[np.ndarray, "64 length"]:
    """Two box filters in sequence, sampled at the middles of 64 equal parts; windows shrink at the edges."""
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
    """The decimation matrix in bands of rows, each with the range of the input that it needs: most of it is zero."""
    weights, bands = _decimation(length), []
    for row in range(0, _SIDE, _BAND):
        needed = np.flatnonzero(weights[row : row + _BAND].any(axis=0))
        first, last = int(needed[0]), int(needed[-1]) + 1
        part = np.ascontiguousarray(weights[row : row + _BAND, first:last])
        bands.append((slice(row, row + _BAND), first, last, part))
    return bands


@lru_cache(maxsize=1)
def _cosines() -> Float32[np.ndarray, "16 64"]:
    """Rows 1 to 16 of the 64-point DCT-II; row 0, the mean, is left out so that brightness does not count."""
    frequencies, places = np.arange(1, _KEPT + 1)[:, None], np.arange(_SIDE)[None]
    return np.asarray(np.sqrt(2 / _SIDE) * np.cos(np.pi / 2 / _SIDE * frequencies * (2 * places + 1)), np.float32)
