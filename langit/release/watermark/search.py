"""Where the mark lies in summed residuals: the tile's size, its shift, and whether the picture was flipped.

The pilots' waves are heard at each size by sums of products (the picture times the waves), and compared at all shifts
at once by a Fourier transform. Knows nothing of ids.
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

MOST: Final = int(HIGHEST)
FINEST, COARSE, COARSEST = 22.0, 45.0, 90.0
"""Pixels of the tile's side: sums are searched from COARSE to COARSEST, and the finest of them from FINEST on."""
SLACK: Final = 0.048
"""Two sizes in the search lie so far apart that, over the whole picture, their tiles drift apart by this share."""
FLIPS: Final = ((False, False), (True, False), (False, True), (True, True))
KEPT: Final = 8
CERTAIN: Final = 7.5
"""Pilots this like themselves end the search before it becomes costly."""
NUDGES: Final = np.linspace(-1.0, 1.0, 5)
STEPS: Final = np.linspace(-1.5, 1.5, 13)
TRIED: Final = KEPT * len(NUDGES) ** 2 * len(STEPS) ** 2
"""Places that the refinement looks at, at the most."""

SUREST: Final = attrgetter("surprise")
Grid = Complex[np.ndarray, "rows columns"]


@dataclass(frozen=True)
class Place:
    """One way for the mark to lie in the picture.

    Sizes of the tile and its shift are in pixels of the sum at ``level``. ``z`` is how much the pilots are like
    themselves, in norms; ``tried`` how many places that has to be weighed against; ``heard`` all waves, turned back as
    if the mark lay as it was made.
    """

    level: int
    wide: float
    high: float
    right: float
    down: float
    flip: tuple[bool, bool]
    z: float
    tried: float
    heard: Complex[np.ndarray, " waves"] = field(repr=False)

    @property
    def surprise(self) -> float:
        """How likely chance makes it, as a logarithm: a normal variable's tail is about exp(-z^2 / 2)."""
        return math.log(self.tried) - self.z * abs(self.z) / 2


def search(sums: list[Float[np.ndarray, "_ _"]], shrunk: float) -> tuple[Place, ...]:
    """The likeliest places, the one where the mark was made first."""
    height, width = sums[0].shape
    own = tile(round(height * shrunk), round(width * shrunk)) / shrunk
    level = min(max(0, math.floor(math.log2(own / COARSE))), len(sums) - 1)
    size = own / 2**level
    here = _hear(sums[level], size)
    still = _still(level, size, here, tried=2.0)
    if still.z >= CERTAIN:
        return (still,)
    moved = _moved(level, size, here, 8.0 * 4 * TILE**2)
    best = _refined(sums, moved[:KEPT], 8.0 * TRIED)
    if best and best[0].z >= CERTAIN:
        return (still, *best)
    sizes = list(_sizes(sums))
    resized: list[Place] = []
    anything: list[Place] = []
    for at, size in sizes:
        heard = _hear(sums[at], size)
        resized.append(_still(at, size, heard, tried=8.0 * len(sizes)))
        anything += _moved(at, size, heard, 4.0 * 4 * TILE**2 * len(sizes))[:2]
    resized = _refined(sums, sorted(resized, key=SUREST)[:KEPT], 8.0 * TRIED)
    anything = _refined(sums, sorted(anything, key=SUREST)[:KEPT], 4.0 * TRIED)
    return (still, *sorted([*best, *resized, *anything], key=SUREST)[:KEPT])


def _sizes(sums: list[np.ndarray]) -> Iterator[tuple[int, float]]:
    """Levels and tile sizes so close that none between them would be heard much better."""
    for level, picture in enumerate(sums):
        size = COARSE if level else FINEST
        while size < COARSEST:
            yield level, size
            size *= 1.0 + SLACK * size / max(picture.shape)


def _hear(picture: Float[np.ndarray, "h w"], wide: float, high: float | None = None) -> Grid:
    """How strong each wave is, and where it begins, all waves of about one length made equally strong.

    What pictures show is strong in long waves; a single strong wave would drown all others.
    """
    right = turns(picture.shape[1], wide, MOST + 1)
    halves = picture @ np.concatenate([right.real, right.imag], axis=1).astype(np.float32)
    cosine, sine = halves[:, : MOST + 1], halves[:, MOST + 1 :]
    across = np.concatenate([(cosine + 1j * sine)[:, :0:-1], cosine - 1j * sine], axis=1)
    grid = turns(picture.shape[0], wide if high is None else high, MOST + 1).conj().T @ across
    power = np.abs(grid) ** 2
    below = np.concatenate([power[2:0:-1, ::-1], power], axis=0)  # the other half plane mirrors this one
    padded = np.pad(below, ((0, 2), (2, 2)), mode="reflect")
    rows = np.sum([padded[at : at + MOST + 1] for at in range(5)], axis=0)
    around = np.sum([rows[:, at : at + COLUMNS] for at in range(5)], axis=0)
    even = grid / np.sqrt(around / 25.0 + 1e-12)
    loud = np.abs(even)
    heard: np.ndarray = even * np.minimum(1.0, 1.5 / np.maximum(loud, 1e-9))
    return heard


def _flipped(grid: Grid, flip: tuple[bool, bool]) -> Grid:
    """The waves of the picture flipped left to right, top to bottom or both, but for its shift."""
    across, down = flip
    turned = grid[:, ::-1] if across != down else grid
    return turned.conj() if down else turned


def _band(grid: Grid) -> Complex[np.ndarray, " waves"]:
    heard: np.ndarray = grid[waves().down, waves().across + MOST]
    return heard


def _likeness(heard: Complex[np.ndarray, " waves"]) -> float:
    """How much the pilots are like themselves, in norms."""
    pilots = heard[waves().pilot]
    norm = float(np.linalg.norm(pilots))
    return float((pilots * waves().known.conj()).real.sum()) * math.sqrt(2) / max(norm, 1e-12)


def _still(level: int, size: float, grid: Grid, tried: float) -> Place:
    heard = _band(grid)
    return Place(level, size, size, 0.0, 0.0, FLIPS[0], _likeness(heard), tried, heard)


def _moved(level: int, size: float, grid: Grid, tried: float) -> list[Place]:
    """The best shift for each flip."""
    known = waves()
    across, down = known.across[known.pilot], known.down[known.pilot]
    places = []
    for flip in FLIPS:
        heard = _band(_flipped(grid, flip))
        pilots = heard[known.pilot]
        plane = np.zeros((TILE, TILE), np.complex128)
        plane[down, across % TILE] = pilots * known.known.conj()
        shifts = np.fft.ifft2(plane).real * TILE**2
        at = int(shifts.argmax())
        row, column = divmod(at, TILE)
        z = float(shifts.flat[at]) * math.sqrt(2) / max(float(np.linalg.norm(pilots)), 1e-12)
        right, below = column * size / TILE, row * size / TILE
        places.append(
            Place(level, size, size, right, below, flip, z, tried, _turned(heard, right / size, below / size))
        )
    return sorted(places, key=SUREST)


def _turned(heard: Complex[np.ndarray, " waves"], right: float, down: float) -> Complex[np.ndarray, " waves"]:
    """The waves as if the mark began this share of a tile further left and up."""
    back: np.ndarray = heard * np.exp(2j * np.pi * (waves().across * right + waves().down * down))
    return back


def _refined(sums: list[np.ndarray], places: list[Place], more: float) -> list[Place]:
    """The same places a little larger, smaller and shifted, where that is surer; surest first."""
    return sorted((_refine(sums[place.level], place, more) for place in places), key=SUREST)


def _refine(picture: Float[np.ndarray, "h w"], place: Place, more: float) -> Place:
    """The best of all sizes and shifts around a place; its middle stays where it is."""
    known = waves()
    across, down = known.across[known.pilot], known.down[known.pilot]
    best = place
    for wider in NUDGES:
        wide = place.wide * (1.0 + wider * SLACK * place.wide / picture.shape[1])
        for higher in NUDGES:
            high = place.high * (1.0 + higher * SLACK * place.high / picture.shape[0])
            heard = _band(_flipped(_hear(picture, wide, high), place.flip))
            pilots = heard[known.pilot]
            # Flipped waves count from the other border, so the middle lies on the other side of zero.
            middle = [
                -side / 2 if flip else side / 2 for side, flip in zip(picture.shape[::-1], place.flip, strict=True)
            ]
            right = place.right / place.wide + middle[0] / wide - middle[0] / place.wide
            below = place.down / place.high + middle[1] / high - middle[1] / place.high
            rights, belows = right + STEPS / TILE, below + STEPS / TILE
            turned = (pilots * known.known.conj())[:, None] * np.exp(2j * np.pi * np.outer(across, rights))
            likeness = (np.exp(2j * np.pi * np.outer(down, belows)).T @ turned).real
            row, column = divmod(int(likeness.argmax()), len(STEPS))
            z = float(likeness[row, column]) * math.sqrt(2) / max(float(np.linalg.norm(pilots)), 1e-12)
            if z > best.z:
                best = replace(
                    best,
                    wide=wide,
                    high=high,
                    right=rights[column] * wide,
                    down=belows[row] * high,
                    z=z,
                    heard=_turned(heard, rights[column], belows[row]),
                )
    return replace(best, tried=place.tried + more)
