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

from langit.release.watermark.alternation import PHASES
from langit.release.watermark.lattice import COLUMNS, HIGHEST, TILE, tile, turns, waves
from langit.release.watermark.residual import Pyramid, ResidualSums

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


def search(sums: ResidualSums) -> tuple[MarkLocation, ...]:
    """The likeliest locations, first those where the mark was made.

    Half of the probability of a false match goes to the place and time where the mark was made, with its sign as made,
    alternating at other phases and speeds, or constant; the other half to all other places.
    """
    height, width = sums.still[0].shape
    own = tile(round(height * sums.shrunk), round(width * sums.shrunk)) / sums.shrunk
    level = min(max(0, math.floor(math.log2(own / COARSE))), len(sums.still) - 1)
    size = own / 2**level
    unmoved = [_at_rest(level, size, _measure(sums.still[level], size), tried=8.0)]
    if sums.made:
        unmoved.append(_at_rest(level, size, _measure(sums.made[level], size), tried=8.0))
        unmoved.append(_in_phase(sums, level, size))
    unmoved.sort(key=SUREST)
    if unmoved[0].z >= CERTAIN:
        return tuple(unmoved)
    pictures = [sums.still, *(sums.waves[0] if sums.waves else ())]
    elsewhere: list[MarkLocation] = []
    for number, picture in enumerate(pictures):
        # The cosine or the sine shows where the mark is; only then is its phase known.
        moved = _shift(level, size, _measure(picture[level], size), 8.0 * len(pictures) * 4 * TILE**2)
        elsewhere += _refine_in_phase(sums, picture, number > 0, moved[:KEPT], 8.0 * len(pictures) * TRIED)
    if elsewhere and max(location.z for location in elsewhere) >= CERTAIN:
        return (*unmoved, *sorted(elsewhere, key=SUREST)[:KEPT])
    for number, picture in enumerate(pictures):
        elsewhere += _search_sizes(sums, picture, number > 0, len(pictures))
    return (*unmoved, *sorted(elsewhere, key=SUREST)[:KEPT])


def _search_sizes(sums: ResidualSums, picture: Pyramid, alternates: bool, pictures: int) -> list[MarkLocation]:
    """Locations at all sizes: scaled about the middle, and shifted and flipped as well."""
    sizes = list(_sizes(picture))
    resized: list[MarkLocation] = []
    anything: list[MarkLocation] = []
    for at, size in sizes:
        measured = _measure(picture[at], size)
        resized.append(_at_rest(at, size, measured, tried=8.0 * pictures * len(sizes)))
        anything += _shift(at, size, measured, 4.0 * pictures * 4 * TILE**2 * len(sizes))[:2]
    best = sorted(resized, key=SUREST)[:KEPT], sorted(anything, key=SUREST)[:KEPT]
    return [
        *_refine_in_phase(sums, picture, alternates, best[0], 8.0 * pictures * TRIED),
        *_refine_in_phase(sums, picture, alternates, best[1], 4.0 * pictures * TRIED),
    ]


def _in_phase(sums: ResidualSums, level: int, size: float) -> MarkLocation:
    """The mark at its place, alternating at the likeliest speed and phase."""
    tried = 4.0 * len(sums.waves) * PHASES
    turned = (
        _at_rest(level, size, _measure(sums.at(speed, phase)[level], size), tried)
        for speed in range(len(sums.waves))
        for phase in range(PHASES // 2)  # the opposite signs are the other half
    )
    return min(turned, key=SUREST)


def _refine_in_phase(
    sums: ResidualSums, picture: Pyramid, alternates: bool, locations: list[MarkLocation], more: float
) -> list[MarkLocation]:
    """Refine locations, surest first; where the sign alternates, at the phase at which the first is surest."""
    if not alternates or not locations:
        return _refine_all(picture, locations, 2 * more)
    first = min(locations, key=SUREST)
    phase = max(range(PHASES), key=lambda each: _measure_at(sums.at(0, each), first).z)
    combined = sums.at(0, phase)
    at_phase = [_measure_at(combined, location) for location in locations]
    return _refine_all(combined, [replace(one, tried=PHASES * one.tried) for one in at_phase], PHASES * more)


def _measure_at(picture: Pyramid, location: MarkLocation) -> MarkLocation:
    """The same location in another sum of the clip."""
    measured = _band(_flip(_measure(picture[location.level], location.wide, location.high), location.flip))
    turned = _undo_shift(measured, location.right / location.wide, location.down / location.high)
    return replace(location, z=_agreement(turned), waves=turned)


def _sizes(sums: Pyramid) -> Iterator[tuple[int, float]]:
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
    """The location where the mark was made, with the sign that agrees."""
    measured = _band(grid)
    z = _agreement(measured)
    return MarkLocation(level, size, size, 0.0, 0.0, FLIPS[0], abs(z), 2 * tried, measured * np.sign(z or 1.0))


def _shift(level: int, size: float, grid: Grid, tried: float) -> list[MarkLocation]:
    """The location with the best shift, for each flip, with the sign that agrees."""
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
        at = int(np.abs(shifts).argmax())
        row, column = divmod(at, TILE)
        sign = float(np.sign(shifts.flat[at]))
        z = sign * float(shifts.flat[at]) * math.sqrt(2) / max(float(np.linalg.norm(pilots)), 1e-12)
        right, below = column * size / TILE, row * size / TILE
        locations.append(
            MarkLocation(
                level,
                size,
                size,
                right,
                below,
                flip,
                z,
                2 * tried,
                sign * _undo_shift(measured, right / size, below / size),
            )
        )
    return sorted(locations, key=SUREST)


def _undo_shift(measured: Complex[np.ndarray, " waves"], right: float, down: float) -> Complex[np.ndarray, " waves"]:
    """The waves as if the mark began this share of a tile further left and up."""
    back: np.ndarray = measured * np.exp(2j * np.pi * (waves().across * right + waves().down * down))
    return back


def _refine_all(sums: Pyramid, locations: list[MarkLocation], more: float) -> list[MarkLocation]:
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
            row, column = divmod(int(np.abs(agreement).argmax()), len(STEPS))
            sign = float(np.sign(agreement[row, column]))
            z = sign * float(agreement[row, column]) * math.sqrt(2) / max(float(np.linalg.norm(pilots)), 1e-12)
            if z > best.z:
                best = replace(
                    best,
                    wide=wide,
                    high=high,
                    right=rights[column] * wide,
                    down=belows[row] * high,
                    z=z,
                    waves=sign * _undo_shift(measured, rights[column], belows[row]),
                )
    return replace(best, tried=location.tried + 2 * more)
