"""Locate the mark in summed residuals: the tile's size and shift, and whether the picture was flipped.

The pilot waves are measured at each size by projecting the picture on them, and correlated at all shifts at once by a
Fourier transform. This module does not know ids.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Final

import numpy as np
from jaxtyping import Complex, Float

from langit.release.watermark.lattice import COLUMNS, HIGHEST, TILE, tile, turns, waves

MOST: Final = int(HIGHEST)  # cycles per tile, in each direction
FINEST, COARSE, COARSEST = 22.0, 45.0, 90.0
"""Sides of the tile in pixels: each sum is searched from COARSE to COARSEST, the finest one from FINEST on."""
SLACK: Final = 0.048
"""The step between two sizes: over the whole picture, their tiles drift apart by this share of a tile."""
FLIPS: Final = ((False, False), (True, False), (False, True), (True, True))
KEPT: Final = 8  # locations that are refined
CERTAIN: Final = 7.5
"""Agreement of the pilots, in norms, that ends the search before it becomes costly."""
NUDGES: Final = np.linspace(-1.0, 1.0, 5)
STEPS: Final = np.linspace(-1.5, 1.5, 13)
TRIED: Final = KEPT * len(NUDGES) ** 2 * len(STEPS) ** 2
"""Locations that the refinement tries, at most."""

SUREST: Final = attrgetter("surprise")
Grid = Complex[np.ndarray, "rows columns"]


@dataclass(frozen=True)
class MarkLocation:
    """A possible location of the mark in the picture.

    The tile's size and shift are in pixels of the sum at ``level``. ``z`` is the agreement of the pilots with their
    known signs, in norms; ``tried`` the number of locations that it has to be weighed against; ``waves`` the measured
    waves, with shift and flip undone.
    """

    level: int
    wide: float
    high: float
    right: float
    down: float
    flip: tuple[bool, bool]
    z: float
    tried: float
    waves: Complex[np.ndarray, " waves"] = field(repr=False)

    @property
    def surprise(self) -> float:
        """Log of the probability that chance agrees as well: a normal variable's tail is about exp(-z^2 / 2)."""
        return math.log(self.tried) - self.z * abs(self.z) / 2


def search(sums: list[Float[np.ndarray, "_ _"]], shrunk: float) -> tuple[MarkLocation, ...]:
    """The likeliest locations, first the one where the mark was made."""
    height, width = sums[0].shape
    own = tile(round(height * shrunk), round(width * shrunk)) / shrunk
    level = min(max(0, math.floor(math.log2(own / COARSE))), len(sums) - 1)
    size = own / 2**level
    here = _measure(sums[level], size)
    unmoved = _at_rest(level, size, here, tried=2.0)
    if unmoved.z >= CERTAIN:
        return (unmoved,)
    moved = _shift(level, size, here, 8.0 * 4 * TILE**2)
    best = _refine_all(sums, moved[:KEPT], 8.0 * TRIED)
    if best and best[0].z >= CERTAIN:
        return (unmoved, *best)
    sizes = list(_sizes(sums))
    resized: list[MarkLocation] = []
    anything: list[MarkLocation] = []
    for at, size in sizes:
        measured = _measure(sums[at], size)
        resized.append(_at_rest(at, size, measured, tried=8.0 * len(sizes)))
        anything += _shift(at, size, measured, 4.0 * 4 * TILE**2 * len(sizes))[:2]
    resized = _refine_all(sums, sorted(resized, key=SUREST)[:KEPT], 8.0 * TRIED)
    anything = _refine_all(sums, sorted(anything, key=SUREST)[:KEPT], 4.0 * TRIED)
    return (unmoved, *sorted([*best, *resized, *anything], key=SUREST)[:KEPT])


def _sizes(sums: list[np.ndarray]) -> Iterator[tuple[int, float]]:
    """Levels and tile sizes, so close that none between them would fit much better."""
    for level, picture in enumerate(sums):
        size = COARSE if level else FINEST
        while size < COARSEST:
            yield level, size
            size *= 1.0 + SLACK * size / max(picture.shape)


def _measure(picture: Float[np.ndarray, "h w"], wide: float, high: float | None = None) -> Grid:
    """Amplitude and phase of each wave, normalised by those of similar length.

    Long waves are strong in the content of pictures, and a single strong wave would drown all others.
    """
    right = turns(picture.shape[1], wide, MOST + 1)
    halves = picture @ np.concatenate([right.real, right.imag], axis=1).astype(np.float32)
    cosine, sine = halves[:, : MOST + 1], halves[:, MOST + 1 :]
    across = np.concatenate([(cosine + 1j * sine)[:, :0:-1], cosine - 1j * sine], axis=1)
    grid = turns(picture.shape[0], wide if high is None else high, MOST + 1).conj().T @ across
    power = np.abs(grid) ** 2
    below = np.concatenate([power[2:0:-1, ::-1], power], axis=0)  # the other half plane mirrors this one
    padded = np.pad(below, ((0, 2), (2, 2)), mode="reflect")  # for sums over 5x5 waves
    rows = np.sum([padded[at : at + MOST + 1] for at in range(5)], axis=0)
    around = np.sum([rows[:, at : at + COLUMNS] for at in range(5)], axis=0)
    even = grid / np.sqrt(around / 25.0 + 1e-12)
    loud = np.abs(even)  # what is still far above its neighbours is content, and is limited
    measured: np.ndarray = even * np.minimum(1.0, 1.5 / np.maximum(loud, 1e-9))
    return measured


def _flip(grid: Grid, flip: tuple[bool, bool]) -> Grid:
    """The waves of the flipped picture (left to right, top to bottom), except for its shift."""
    across, down = flip
    turned = grid[:, ::-1] if across != down else grid
    return turned.conj() if down else turned


def _band(grid: Grid) -> Complex[np.ndarray, " waves"]:
    measured: np.ndarray = grid[waves().down, waves().across + MOST]
    return measured


def _agreement(measured: Complex[np.ndarray, " waves"]) -> float:
    """Agreement of the pilots with their known signs, in norms."""
    pilots = measured[waves().pilot]
    norm = float(np.linalg.norm(pilots))
    return float((pilots * waves().known.conj()).real.sum()) * math.sqrt(2) / max(norm, 1e-12)


def _at_rest(level: int, size: float, grid: Grid, tried: float) -> MarkLocation:
    measured = _band(grid)
    return MarkLocation(level, size, size, 0.0, 0.0, FLIPS[0], _agreement(measured), tried, measured)


def _shift(level: int, size: float, grid: Grid, tried: float) -> list[MarkLocation]:
    """The location with the best shift, for each flip."""
    known = waves()
    across, down = known.across[known.pilot], known.down[known.pilot]
    locations = []
    for flip in FLIPS:
        measured = _band(_flip(grid, flip))
        pilots = measured[known.pilot]
        # A shift multiplies each wave by a phase: the inverse transform gives the agreement at all shifts at once.
        plane = np.zeros((TILE, TILE), np.complex128)
        plane[down, across % TILE] = pilots * known.known.conj()
        shifts = np.fft.ifft2(plane).real * TILE**2
        at = int(shifts.argmax())
        row, column = divmod(at, TILE)
        z = float(shifts.flat[at]) * math.sqrt(2) / max(float(np.linalg.norm(pilots)), 1e-12)
        right, below = column * size / TILE, row * size / TILE
        locations.append(
            MarkLocation(
                level, size, size, right, below, flip, z, tried, _undo_shift(measured, right / size, below / size)
            )
        )
    return sorted(locations, key=SUREST)


def _undo_shift(measured: Complex[np.ndarray, " waves"], right: float, down: float) -> Complex[np.ndarray, " waves"]:
    """The waves as if the mark began this share of a tile further left and up."""
    back: np.ndarray = measured * np.exp(2j * np.pi * (waves().across * right + waves().down * down))
    return back


def _refine_all(sums: list[np.ndarray], locations: list[MarkLocation], more: float) -> list[MarkLocation]:
    """Refine the size and shift of locations; surest first."""
    return sorted((_refine(sums[location.level], location, more) for location in locations), key=SUREST)


def _refine(picture: Float[np.ndarray, "h w"], location: MarkLocation, more: float) -> MarkLocation:
    """The best of the sizes and shifts around a location; the centre of the picture stays fixed."""
    known = waves()
    across, down = known.across[known.pilot], known.down[known.pilot]
    best = location
    for wider in NUDGES:
        wide = location.wide * (1.0 + wider * SLACK * location.wide / picture.shape[1])
        for higher in NUDGES:
            high = location.high * (1.0 + higher * SLACK * location.high / picture.shape[0])
            measured = _band(_flip(_measure(picture, wide, high), location.flip))
            pilots = measured[known.pilot]
            # Flipped waves count from the opposite border, so the centre is on the other side of zero.
            middle = [
                -side / 2 if flip else side / 2 for side, flip in zip(picture.shape[::-1], location.flip, strict=True)
            ]
            right = location.right / location.wide + middle[0] / wide - middle[0] / location.wide
            below = location.down / location.high + middle[1] / high - middle[1] / location.high
            rights, belows = right + STEPS / TILE, below + STEPS / TILE
            turned = (pilots * known.known.conj())[:, None] * np.exp(2j * np.pi * np.outer(across, rights))
            agreement = (np.exp(2j * np.pi * np.outer(down, belows)).T @ turned).real
            row, column = divmod(int(agreement.argmax()), len(STEPS))
            z = float(agreement[row, column]) * math.sqrt(2) / max(float(np.linalg.norm(pilots)), 1e-12)
            if z > best.z:
                best = replace(
                    best,
                    wide=wide,
                    high=high,
                    right=rights[column] * wide,
                    down=belows[row] * high,
                    z=z,
                    waves=_undo_shift(measured, rights[column], belows[row]),
                )
    return replace(best, tried=location.tried + more)
