"""Puts the mark into frames, one by one: each gets the same pattern, so no cut and no change of speed disturbs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Int8, UInt8
from numpy.typing import ArrayLike

from langit.release.watermark.lattice import pattern, waves
from langit.release.watermark.payload import check_ident, signs

SMALLEST: Final = 16
"""Pixels of a side: less holds no mark that could be found again."""


@dataclass(frozen=True)
class WatermarkConfig:
    """How strong the mark is: the peak signal-to-noise ratio, in dB, that no marked frame falls below."""

    psnr: float = 40.3

    def __post_init__(self) -> None:
        if not 30.0 <= self.psnr <= 50.0:
            raise ValueError(f"psnr {self.psnr}: below 30 dB it is seen, above 50 dB lost; give a number between")


class Watermark:
    """The mark of one id for frames of one size.

    Args:
        height, width: of the frames, in pixels.
        ident: 8 bytes.
        config: how strong it is.

    Raises:
        ValueError: an id that is not 8 bytes, or frames too small to hold it.
    """

    def __init__(self, height: int, width: int, ident: bytes, config: WatermarkConfig | None = None) -> None:
        if min(height, width) < SMALLEST:
            raise ValueError(f"frames of {width}x{height} are too small for a watermark: make them {SMALLEST} or more")
        amplitudes = waves().amplitudes(signs([check_ident(ident)])[0])
        most = 255.0**2 / 10 ** ((config or WatermarkConfig()).psnr / 10)
        self._added = _rounded(pattern(height, width, amplitudes), most)[:, :, None].astype(np.int16)

    def mark(self, frame: ArrayLike) -> UInt8[np.ndarray, "H W 3"]:
        """A frame, (H, W, 3) uint8, with the mark in it; the same for the same frame.

        Raises:
            ValueError: not uint8, or not of the size that was said.
        """
        picture = np.asarray(frame)
        height, width = self._added.shape[:2]
        if picture.dtype != np.uint8 or picture.shape != (height, width, 3):
            raise ValueError(f"the frame is {picture.dtype} {picture.shape}: give uint8 ({height}, {width}, 3)")
        summed = picture + self._added
        np.clip(summed, 0, 255, out=summed)
        marked: np.ndarray = summed.astype(np.uint8)
        return marked


def _rounded(shape: np.ndarray, most: float) -> Int8[np.ndarray, "H W"]:
    """The pattern in whole grey levels, as strong as may be while its mean square is not above ``most``."""
    strength = np.sqrt(most)
    while True:
        levels = np.rint(shape * strength)
        error = np.mean(levels**2)
        if error <= most:
            whole: np.ndarray = levels.astype(np.int8)
            return whole
        strength *= min(0.999, np.sqrt(most / error))
