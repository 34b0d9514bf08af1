"""The looks of 35 mm film and of black and white, applied to pixels in integer arithmetic.

Grain is a pure function of (seed, frame, row, column), so that every machine gives the same pixels.
"""

import numpy as np
from jaxtyping import UInt8

_GRAIN = 6  # amplitude of the grain in 8-bit levels


def apply_style(
    frames: UInt8[np.ndarray, "T H W 3"], style: str, seed: int, first: int = 0
) -> UInt8[np.ndarray, "T H W 3"]:
    """Apply a style of STYLES to frames; `first` is the first frame's number in its film."""
    if style == "35 mm film":
        return _film(frames, seed, first)
    if style == "black and white":
        grey = _grey(frames.astype(np.int32))
        grey = np.clip((grey - 128) * 5 // 4 + 132, 0, 255)
        return np.repeat(grey[..., None], 3, axis=-1).astype(np.uint8)
    return frames


def _grey(values: np.ndarray) -> np.ndarray:
    """Luma by the weights of ITU-R BT.601, in 256ths."""
    return np.asarray((77 * values[..., 0] + 150 * values[..., 1] + 29 * values[..., 2]) // 256)


def _film(frames: UInt8[np.ndarray, "T H W 3"], seed: int, first: int) -> UInt8[np.ndarray, "T H W 3"]:
    """Raise blacks, warm whites, reduce saturation, darken corners, and add grain."""
    length, height, width, _ = frames.shape
    values = frames.astype(np.int32)
    values = values + (_grey(values)[..., None] - values) * 3 // 16
    tone = ((15, 20), (14, 16), (11, 20))  # for red, green and blue: a gain in sixteenths, and an offset
    warm = np.stack([values[..., c] * share // 16 + more for c, (share, more) in enumerate(tone)], axis=-1)
    down, across = np.mgrid[0:height, 0:width]
    away = (2 * down + 1 - height) ** 2 * 512 // height**2 + (2 * across + 1 - width) ** 2 * 512 // width**2
    shade = 1024 - np.maximum(away - 256, 0) * 7 // 16  # 1024 in the middle, 688 in the corners
    grain = _noise(seed, first, length, height, width) * _GRAIN // 256
    return np.asarray(np.clip(warm * shade[..., None] // 1024 + grain[..., None], 0, 255), np.uint8)


def _noise(seed: int, first: int, length: int, height: int, width: int) -> np.ndarray:
    """Noise of a triangular distribution on [-255, 255]: the sum of two uniform bytes of a hash of each pixel."""
    time, down, across = np.meshgrid(
        np.arange(first, first + length, dtype=np.uint64),
        np.arange(height, dtype=np.uint64),
        np.arange(width, dtype=np.uint64),
        indexing="ij",
    )
    mixed = (time << np.uint64(40)) ^ (down << np.uint64(20)) ^ across
    mixed = mixed + np.uint64(seed * 0x9E3779B97F4A7C15 % 2**64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):  # splitmix64's finaliser
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    mixed = mixed ^ (mixed >> np.uint64(31))
    low, high = (mixed & np.uint64(255)).astype(np.int64), ((mixed >> np.uint64(8)) & np.uint64(255)).astype(np.int64)
    return np.asarray(low + high - 255)
