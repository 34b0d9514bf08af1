"""Add the watermark to frames one by one. All get the same pattern, whose sign alternates once a second.

Pictures of 64x64 need the full strength. Larger ones hold more of the pattern than a reader needs, so it is made
fainter where it would be seen: the eye finds a pattern of one grey level in a sky, and none of five in a lawn.
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
from langit.release.watermark.masking import CELL, calm_detail, cell_means, roughness, spread_cells
from langit.release.watermark.payload import check_ident, signs
from langit.release.watermark.residual import WEIGHTS

SMALL: Final = 64.0
"""Side of a picture (the root of its pixels) up to which the mark has its full strength everywhere."""
ENLARGED: Final = 240.0
"""Side up to which videos are shown enlarged, so that the waves are seen best; between this and :data:`SMALL` the mark
is shaded by :func:`~langit.release.watermark.masking.calm_detail`."""
SHADED: Final = (SMALL, 120.0)
"""Sides between which the four values that follow change from one to the other."""
FAINTER: Final = (0.0, 5.7)
"""By how many dB the mark of a frame is fainter."""
STRONGER: Final = (0.0, 8.0)
"""By how many dB the mark is stronger than that in the roughest areas, before the whole frame is held to its ratio."""
CALM: Final = (1.0, 0.1)
"""Strength in smooth areas, as a share of that in the roughest."""
DARK: Final = (1.0, 0.5)
"""Share of it in dark smooth areas, where a level is several times as much of the light as in bright ones."""
BARE: Final = (1.0, 0.24)
"""The most that smooth areas get, dark or not, where too little of the picture is rough to reach the frame's ratio: as
little as survives coding."""
DARKNESS: Final = (24.0, 96.0)
"""Brightness of dark areas, and of those that are no longer dark, in grey levels."""
DETAIL: Final = 6.0
"""Detail, in grey levels, from which on an area hides the mark at its full strength."""
TINT: Final = (0.5, 1.3, 0.3)
"""The mark in red, green and blue. Brightness is mostly green: at the same ratio this is a third more of BT.709's
brightness, which coding keeps, than the same change in all three, and chroma is seen and kept less."""
STEPS: Final = (0.88, 0.4, 0.96)
"""Added to red, green and blue before they are cut to whole levels, so that they step one after the other, and
brightness changes by fractions of a level."""

ROUGH: Final = 4.0
"""Large pictures: mean difference between neighbouring squares, in grey levels, from which on the mark has its full
strength."""
LARGE: Final = (160.0, 480.0)
LARGE_FAINTER: Final = (5.2, 0.0)
"""By how many dB the mark is fainter in pictures of these sides; they are coded at lower quality."""
FAINTEST: Final = 0.4
"""Least strength in smooth areas of large pictures, as a share of that in rough ones."""
SMALLEST: Final = 16
"""Least side of a picture, in pixels: smaller ones cannot hold a mark that is found again."""


@dataclass(frozen=True)
class WatermarkConfig:
    """Section ``[watermark]`` of ``release.toml``: the least peak signal-to-noise ratio of a marked frame, in dB.

    Pictures that are larger than 64x64 and smaller than 480x480 get a higher one, by :data:`FAINTER`.
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
        shape = wave_pattern(height, width, waves().amplitudes(signs([check_ident(ident)])[0]))
        psnr, side = (config or WatermarkConfig()).psnr, (height * width) ** 0.5
        self._size = (height, width, 3)
        self._masked = None
        if SMALL < side <= ENLARGED:
            self._masked = _MaskedPattern(shape, psnr)
            return
        fainter = _between(side, LARGE, LARGE_FAINTER) if side > ENLARGED else 0.0
        self._pattern = _to_levels(shape, _error(psnr + fainter))[:, :, None].astype(np.int16)
        self._least = FAINTEST if side > ENLARGED else 1.0

    def mark(self, frame: ArrayLike, seconds: float = 0.0) -> UInt8[np.ndarray, "H W 3"]:
        """Return a frame, (H, W, 3) uint8, with the mark added. Equal frames at equal times give equal results.

        Args:
            frame: the picture.
            seconds: its time from the beginning of the video, which determines the mark's sign (`alternation`).

        Raises:
            ValueError: the frame is not uint8, or has another size than the mark.
        """
        picture = np.asarray(frame)
        if picture.dtype != np.uint8 or picture.shape != self._size:
            height, width, _ = self._size
            raise ValueError(f"the frame is {picture.dtype} {picture.shape}: pass uint8 ({height}, {width}, 3)")
        if self._masked is not None:
            pattern = self._masked.levels(picture)
        else:
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


class _MaskedPattern:
    """The pattern of pictures that are shown enlarged: faint where the picture hides nothing, strong where it does."""

    def __init__(self, shape: Float[np.ndarray, "H W"], psnr: float) -> None:
        height, width = shape.shape
        side = (height * width) ** 0.5
        held = psnr + _between(side, SHADED, FAINTER)
        self._most = _error(held)
        self._power = _error(held - _between(side, SHADED, STRONGER))
        self._shape = (shape * self._power**0.5).astype(np.float32)
        self._calm, self._dark = _between(side, SHADED, CALM), _between(side, SHADED, DARK)
        self._bare = _between(side, SHADED, BARE)
        self._tint = [_between(side, SHADED, (1.0, each)) for each in TINT]
        self._down, self._right = spread_cells(height), spread_cells(width)

    def levels(self, picture: UInt8[np.ndarray, "H W 3"]) -> Int16[np.ndarray, "H W 3"]:
        """The pattern for a frame in whole levels, at the frame's ratio or fainter."""
        luma = picture @ np.array(WEIGHTS, np.float32)
        hides = np.minimum(calm_detail(luma) / DETAIL, 1.0)
        light = np.interp(cell_means(luma), DARKNESS, (self._dark, 1.0))
        share, most = (hides + (1.0 - hides) * calm for calm in (self._calm * light, self._bare))
        least, fullest = (self._power * float(np.mean(each**2)) for each in (share, most))
        if least < self._most:  # little hides the mark, so what is smooth has to carry it
            share = share + (most - share) * min(1.0, (self._most - least) / max(fullest - least, 1e-9))
        wanted = self._shape * (self._down @ share.astype(np.float32) @ self._right.T)
        size, above = np.abs(wanted)[:, :, None] * np.array(self._tint, np.float32), np.array(STEPS, np.float32)
        strength = min(1.0, 1.05 * float(np.sqrt(self._most / np.mean(size**2))))
        while True:  # whole levels have another mean square: approach the limit from above
            levels = np.floor(size * np.float32(strength) + above)
            error = float(np.mean(levels**2))
            if error <= self._most:
                signed: np.ndarray = np.where(wanted[:, :, None] < 0, -levels, levels).astype(np.int16)
                return signed
            strength *= min(0.995, float(np.sqrt(self._most / error)))


def _between(side: float, sides: tuple[float, float], values: tuple[float, float]) -> float:
    """The value for pictures of this side, by the logarithm of the side."""
    return float(np.interp(np.log2(side), np.log2(sides), values))


def _error(psnr: float) -> float:
    """The mean square error of a peak signal-to-noise ratio in dB."""
    return float(255.0**2 / 10 ** (psnr / 10))


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
