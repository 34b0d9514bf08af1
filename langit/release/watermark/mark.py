"""Puts the mark into frames, one by one: each gets the same pattern, so no cut and no change of speed disturbs it.

Small pictures need all of it. In large ones there is more of it than a reader needs, and it is made fainter where it
would be seen, on what is smooth: the eye finds a pattern of one grey level in a sky, and none of five in a lawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float, Int8, Int16, UInt8
from numpy.typing import ArrayLike

from langit.release.watermark.lattice import pattern, waves
from langit.release.watermark.payload import check_ident, signs

CELL: Final = 4
"""Pixels of the side of the squares that are looked at for how smooth they are."""
ROUGH: Final = 4.0
"""Grey levels by which neighbouring squares differ, in the mean, where the mark need not be made fainter."""
WHOLE: Final = 128 * 128
"""Pixels of pictures that get all of the mark everywhere."""
FAINTEST: Final = 0.4
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
        self._least = max(FAINTEST, min(1.0, (WHOLE / (height * width)) ** 0.5))

    def mark(self, frame: ArrayLike) -> UInt8[np.ndarray, "H W 3"]:
        """A frame, (H, W, 3) uint8, with the mark in it; the same for the same frame.

        Raises:
            ValueError: not uint8, or not of the size that was said.
        """
        picture = np.asarray(frame)
        height, width = self._added.shape[:2]
        if picture.dtype != np.uint8 or picture.shape != (height, width, 3):
            raise ValueError(f"the frame is {picture.dtype} {picture.shape}: give uint8 ({height}, {width}, 3)")
        summed = picture + (self._added if self._least == 1.0 else self._fainter(picture))
        np.clip(summed, 0, 255, out=summed)
        marked: np.ndarray = summed.astype(np.uint8)
        return marked

    def _fainter(self, picture: UInt8[np.ndarray, "H W 3"]) -> Int16[np.ndarray, "H W 1"]:
        """What is added, less of it where the picture is smooth; never more, so the ratio holds."""
        height, width = picture.shape[:2]
        share = self._least + (1.0 - self._least) * np.minimum(roughness(picture[:, :, 1]) / ROUGH, 1.0)
        whole = np.repeat(np.repeat(share, CELL, axis=0), CELL, axis=1)
        whole = np.pad(whole, ((0, height - whole.shape[0]), (0, width - whole.shape[1])), mode="edge")
        added: np.ndarray = np.rint(self._added * whole[:, :, None].astype(np.float32)).astype(np.int16)
        return added


def roughness(green: UInt8[np.ndarray, "H W"]) -> Float[np.ndarray, "rows columns"]:
    """How much each square of 4x4 pixels differs from those around it, in grey levels, the mean over 3x3 squares."""
    rows, columns = green.shape[0] // CELL, green.shape[1] // CELL
    cells = green[: rows * CELL, : columns * CELL].reshape(rows, CELL, columns, CELL)
    light = np.einsum("abcd->ac", cells, dtype=np.float32) / CELL**2
    padded = np.pad(light, 1, mode="edge")
    differs = np.abs(4 * light - padded[2:, 1:-1] - padded[:-2, 1:-1] - padded[1:-1, 2:] - padded[1:-1, :-2]) / 4
    around = np.pad(differs, 1, mode="edge")
    mean = sum(around[row : row + rows, column : column + columns] for row in range(3) for column in range(3))
    return np.asarray(mean / 9)


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
