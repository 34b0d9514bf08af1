"""Altered copies of windows: what people do to a video and it is still the same one. Left and right are never swapped.

Used to learn what likeness is to ignore, and to measure whether copies are found.
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
Change = Callable[[Frames, np.random.Generator], Frames]


def squeezed(frames: Frames, dice: np.random.Generator) -> Frames:
    """Encoded at a low rate, frame by frame: JPEG of quality 15 to 50."""
    quality, again = int(dice.integers(15, 50)), []
    for frame in frames:
        squeezed = io.BytesIO()
        Image.fromarray(frame).save(squeezed, "JPEG", quality=quality)
        again.append(np.asarray(Image.open(squeezed)))
    return np.stack(again)


def lit(frames: Frames, dice: np.random.Generator) -> Frames:
    """Brighter or darker, with more or less contrast, and another gamma."""
    changed = (frames / np.float32(255)) ** dice.uniform(0.7, 1.4) * 255 * dice.uniform(0.8, 1.25)
    return _bytes(changed + dice.uniform(-15, 15))


def cropped(frames: Frames, dice: np.random.Generator) -> Frames:
    """4 to 15% of each side cut off, anywhere, and scaled back to the size."""
    height, width = frames.shape[1:3]
    share = dice.uniform(0.85, 0.96)
    high, wide = max(1, int(height * share)), max(1, int(width * share))
    top, left = int(dice.integers(0, height - high + 1)), int(dice.integers(0, width - wide + 1))
    return _scaled(frames[:, top : top + high, left : left + wide], width, height, Image.Resampling.BICUBIC)


def noisy(frames: Frames, dice: np.random.Generator) -> Frames:
    """With noise of 4 to 14 of 255."""
    return _bytes(frames + dice.normal(0, dice.uniform(4, 14), frames.shape))


def smaller(frames: Frames, dice: np.random.Generator) -> Frames:
    """Half the size and back, or two thirds."""
    height, width = frames.shape[1:3]
    share = float(dice.choice([0.5, 0.67]))
    small = _scaled(frames, max(1, int(width * share)), max(1, int(height * share)), Image.Resampling.BOX)
    return _scaled(small, width, height, Image.Resampling.BICUBIC)


def all_at_once(frames: Frames, dice: np.random.Generator) -> Frames:
    """Cropped, lit anew and squeezed."""
    return squeezed(lit(cropped(frames, dice), dice), dice)


CHANGES: Final[Mapping[str, Change]] = MappingProxyType(
    {
        "encoded at a low rate": squeezed,
        "other light": lit,
        "cropped": cropped,
        "noise": noisy,
        "smaller": smaller,
        "cropped, other light, low rate": all_at_once,
    }
)


def _bytes(frames: np.ndarray) -> Frames:
    return frames.round().clip(0, 255).astype(np.uint8)


def _scaled(frames: Frames, width: int, height: int, how: Image.Resampling) -> UInt8[np.ndarray, "T h w 3"]:
    pictures = (Image.fromarray(np.ascontiguousarray(frame)).resize((width, height), how) for frame in frames)
    return np.stack([np.asarray(picture) for picture in pictures])
