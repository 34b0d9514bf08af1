"""Add the watermark to frames one by one. All get the same pattern, whose sign alternates once a second.

Small pictures need the full strength. Larger ones hold more of the pattern than a reader needs, so it is made fainter
where it would be visible, in smooth areas: the eye finds a pattern of one grey level in a sky, and none of five in a
lawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float, Int8, Int16, UInt8
from numpy.typing import ArrayLike

from langit.release.watermark.alternation import sign
from langit.release.watermark.lattice import pattern as wave_pattern
from langit.release.watermark.lattice import waves
from langit.release.watermark.payload import check_ident, signs

CELL: Final = 4
"""Side, in pixels, of the squares of which the roughness is measured."""
ROUGH: Final = 4.0
"""Mean difference between neighbouring squares, in grey levels, from which on the mark has its full strength."""
WHOLE: Final = 64 * 64
"""Pixels of a picture up to which the mark has its full strength everywhere."""
SIDES: Final = (64.0, 128.0, 160.0, 480.0)
FAINTER: Final = (0.0, 5.2, 5.2, 0.0)
"""By how many dB the mark is fainter in pictures of these sides (the root of their pixels).

Videos of 128 lines are shown enlarged, where the waves are seen best; smaller ones hold too little of the pattern to be
fainter, and larger ones are shown at their size and coded at lower quality.
"""
FAINTEST: Final = 0.4
"""Least strength in smooth areas of large pictures, as a share of that in rough ones."""
SMALLEST: Final = 16
"""Least side of a picture, in pixels: smaller ones cannot hold a mark that is found again."""


@dataclass(frozen=True)
class WatermarkConfig:
    """Section ``[watermark]`` of ``release.toml``: the least peak signal-to-noise ratio of a marked frame, in dB.

    Pictures of 128x128 and similar sizes get a higher one, by :data:`FAINTER`.
    """

    psnr: float = 40.3

    def __post_init__(self) -> None:
        if not 30.0 <= self.psnr <= 50.0:
            raise ValueError(
                f"psnr {self.psnr} is out of range, as marks are visible below 30 dB and lost above 50 dB: use a number"
                " between"
            )


class Watermark:
    """The mark of one id for frames of one size.

    Args:
        height, width: size of the frames, in pixels.
        ident: the id, 8 bytes.
        config: the strength; the default if left out.

    Raises:
        ValueError: the id is not 8 bytes, or the frames are too small.
    """

    def __init__(self, height: int, width: int, ident: bytes, config: WatermarkConfig | None = None) -> None:
        if min(height, width) < SMALLEST:
            raise ValueError(
                f"frames of {width}x{height} are too small for a watermark: use sides of {SMALLEST} pixels or more"
            )
        amplitudes = waves().amplitudes(signs([check_ident(ident)])[0])
        fainter = float(np.interp(np.log2(height * width) / 2, np.log2(SIDES), FAINTER))
        most = 255.0**2 / 10 ** (((config or WatermarkConfig()).psnr + fainter) / 10)
        self._pattern = _to_levels(wave_pattern(height, width, amplitudes), most)[:, :, None].astype(np.int16)
        self._least = max(FAINTEST, min(1.0, (WHOLE / (height * width)) ** 0.5))

    def mark(self, frame: ArrayLike, seconds: float = 0.0) -> UInt8[np.ndarray, "H W 3"]:
        """Return a frame, (H, W, 3) uint8, with the mark added. Equal frames at equal times give equal results.

        Args:
            frame: the picture.
            seconds: its time from the beginning of the video, which determines the mark's sign (`alternation`).

        Raises:
            ValueError: the frame is not uint8, or has another size than the mark.
        """
        picture = np.asarray(frame)
        height, width = self._pattern.shape[:2]
        if picture.dtype != np.uint8 or picture.shape != (height, width, 3):
            raise ValueError(f"the frame is {picture.dtype} {picture.shape}: pass uint8 ({height}, {width}, 3)")
        pattern = self._pattern if self._least == 1.0 else self._fainter(picture)
        summed = picture + sign(seconds) * pattern
        np.clip(summed, 0, 255, out=summed)
        marked: np.ndarray = summed.astype(np.uint8)
        return marked

    def _fainter(self, picture: UInt8[np.ndarray, "H W 3"]) -> Int16[np.ndarray, "H W 1"]:
        """The pattern, fainter where the picture is smooth and nowhere stronger, so that the ratio is kept."""
        height, width = picture.shape[:2]
        share = self._least + (1.0 - self._least) * np.minimum(roughness(picture[:, :, 1]) / ROUGH, 1.0)
        whole = np.repeat(np.repeat(share, CELL, axis=0), CELL, axis=1)
        whole = np.pad(whole, ((0, height - whole.shape[0]), (0, width - whole.shape[1])), mode="edge")
        fainter: np.ndarray = np.rint(self._pattern * whole[:, :, None].astype(np.float32)).astype(np.int16)
        return fainter


def roughness(green: UInt8[np.ndarray, "H W"]) -> Float[np.ndarray, "rows columns"]:
    """How much each square of 4x4 pixels differs from its neighbours, in grey levels, averaged over 3x3 squares."""
    rows, columns = green.shape[0] // CELL, green.shape[1] // CELL
    cells = green[: rows * CELL, : columns * CELL].reshape(rows, CELL, columns, CELL)
    light = np.einsum("abcd->ac", cells, dtype=np.float32) / CELL**2
    padded = np.pad(light, 1, mode="edge")
    differs = np.abs(4 * light - padded[2:, 1:-1] - padded[:-2, 1:-1] - padded[1:-1, 2:] - padded[1:-1, :-2]) / 4
    around = np.pad(differs, 1, mode="edge")
    mean = sum(around[row : row + rows, column : column + columns] for row in range(3) for column in range(3))
    return np.asarray(mean / 9)


def _to_levels(shape: np.ndarray, most: float) -> Int8[np.ndarray, "H W"]:
    """The pattern in whole grey levels, as strong as possible while its mean square is at most ``most``."""
    strength = np.sqrt(most)
    while True:  # rounding to whole levels changes the mean square: approach the limit from above
        levels = np.rint(shape * strength)
        error = np.mean(levels**2)
        if error <= most:
            whole: np.ndarray = levels.astype(np.int8)
            return whole
        # Rounding to whole levels changes the mean square: step down until it fits.
        strength *= min(0.999, np.sqrt(most / error))
