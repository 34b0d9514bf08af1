"""Altered copies of windows: what people do to a video that stays the same video. Left and right are never swapped.

Used to learn what similarity has to ignore, and to measure whether copies are found.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import numpy as np
from jaxtyping import UInt8
from PIL import Image

Frames = UInt8[np.ndarray, "T H W 3"]
Alteration = Callable[[Frames, np.random.Generator], Frames]


def compress(frames: Frames, random: np.random.Generator) -> Frames:
    """Compress each frame as JPEG of quality 15 to 50."""
    quality, compressed = int(random.integers(15, 50)), []
    for frame in frames:
        memory = io.BytesIO()
        Image.fromarray(frame).save(memory, "JPEG", quality=quality)
        compressed.append(np.asarray(Image.open(memory)))
    return np.stack(compressed)


def relight(frames: Frames, random: np.random.Generator) -> Frames:
    """Change brightness, contrast and gamma."""
    changed = (frames / np.float32(255)) ** random.uniform(0.7, 1.4) * 255 * random.uniform(0.8, 1.25)
    return _to_uint8(changed + random.uniform(-15, 15))


def crop(frames: Frames, random: np.random.Generator) -> Frames:
    """Cut 4 to 15% off each side, at any place, and scale back to the size."""
    height, width = frames.shape[1:3]
    share = random.uniform(0.85, 0.96)
    high, wide = max(1, int(height * share)), max(1, int(width * share))
    top, left = int(random.integers(0, height - high + 1)), int(random.integers(0, width - wide + 1))
    return _resize(frames[:, top : top + high, left : left + wide], width, height, Image.Resampling.BICUBIC)


def add_noise(frames: Frames, random: np.random.Generator) -> Frames:
    """Add noise with a standard deviation of 4 to 14 grey levels of 255."""
    return _to_uint8(frames + random.normal(0, random.uniform(4, 14), frames.shape))


def downscale(frames: Frames, random: np.random.Generator) -> Frames:
    """Scale to half or two thirds of the size, and back."""
    height, width = frames.shape[1:3]
    share = float(random.choice([0.5, 0.67]))
    small = _resize(frames, max(1, int(width * share)), max(1, int(height * share)), Image.Resampling.BOX)
    return _resize(small, width, height, Image.Resampling.BICUBIC)


def crop_relight_compress(frames: Frames, random: np.random.Generator) -> Frames:
    """Crop, relight and compress."""
    return compress(relight(crop(frames, random), random), random)


ALTERATIONS: Final[Mapping[str, Alteration]] = MappingProxyType(
    {
        "encoded at a low rate": compress,
        "other light": relight,
        "cropped": crop,
        "noise": add_noise,
        "smaller": downscale,
        "cropped, other light, low rate": crop_relight_compress,
    }
)
"""By name; indexes depend on their order, which decides what a seed draws."""


def _to_uint8(frames: np.ndarray) -> Frames:
    return frames.round().clip(0, 255).astype(np.uint8)


def _resize(frames: Frames, width: int, height: int, how: Image.Resampling) -> UInt8[np.ndarray, "T h w 3"]:
    pictures = (Image.fromarray(np.ascontiguousarray(frame)).resize((width, height), how) for frame in frames)
    return np.stack([np.asarray(picture) for picture in pictures])
