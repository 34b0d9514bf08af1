"""Reads the mark: where its tiles lie in a clip, what the signs in them are, and how likely chance would look like it.

The pilots are looked for in ways that get costlier, each with its own share of the chance of a false alarm: as the mark
was made; made larger or smaller as a whole; shifted and flipped; and all of it at once. What follows from chance is
bounded, not estimated: a sum of given numbers with random signs exceeds z times their norm with a probability of at
most 3.18 times that of a normal variable, whatever the numbers (Bentkus and Dzindzalieta, A tight Gaussian bound for
weighted sums of Rademacher random variables, Bernoulli 2015), times how many places and ids were tried.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from langit.release.watermark.lattice import waves
from langit.release.watermark.payload import CHECK, IDENT, SIGNS, decode, signs
from langit.release.watermark.residual import residuals
from langit.release.watermark.search import Place, search

CHANCE: Final = 1e-6
"""A mark that chance shows more often than this is none."""
BOUND: Final = 3.18
"""1 / (4 P(N >= sqrt 2)) of a standard normal N, rounded up: Bentkus and Dzindzalieta's constant."""
FIRST: Final = 0.5
"""The share of the chance of a false match that the mark as it was made gets; all other places share the rest."""


@dataclass(frozen=True)
class Match:
    """An id that a clip bears, and the chance that one without it looks as much like it."""

    ident: bytes
    p_value: float


@dataclass(frozen=True)
class Reading:
    """What was read from a clip: the likeliest places of the mark, the one where it was made first."""

    places: tuple[Place, ...]
    frames: int
    shares: tuple[float, ...] = field(repr=False)

    @property
    def p_value(self) -> float:
        """The chance that a clip without any mark looks as much as if it had one, whatever its id."""
        return min(_chance(place.z, place.tried) for place in self.places)

    def decode(self) -> Match | None:
        """The id, with no list of ids; None where chance would show one more often than in 1e-6 of clips."""
        found = []
        for place, share, soft in zip(self.places, self.shares, self.soft, strict=True):
            ident = decode(soft)
            if ident is None:
                continue
            likeness = float(signs([ident])[0] @ soft)
            alone = _chance(likeness, 2.0 ** (8 * IDENT) / share)  # all ids there are were tried
            checked = _chance(place.z, place.tried) * min(1.0, len(self.places) * 2.0**-CHECK)
            found.append(Match(ident, min(1.0, 2.0 * min(alone, checked))))  # two ways to be right: twice the chance
        best = min(found, key=lambda match: match.p_value, default=None)
        return best if best is not None and best.p_value <= CHANCE else None

    def matches(self, ids: Sequence[bytes], chance: float = CHANCE) -> list[Match]:
        """Which of these ids the clip bears, the surest first; far more sensitive than :meth:`decode`.

        The chance of a false match is over the whole list: with more ids each has to be surer.

        Raises:
            ValueError: an id that is not 8 bytes.
        """
        unique = list(dict.fromkeys(ids))
        soft, shares = np.stack(self.soft), np.array(self.shares)
        found = []
        for start in range(0, len(unique), 4096):
            part = unique[start : start + 4096]
            likeness = signs(part) @ soft.T
            for row in np.flatnonzero(likeness.max(axis=1) > 4.0):  # below, chance is above 1e-4
                p_value = min(_chance(z, len(unique) / share) for z, share in zip(likeness[row], shares, strict=True))
                if p_value <= chance:
                    found.append(Match(part[row], p_value))
        return sorted(found, key=lambda match: match.p_value)

    @cached_property
    def soft(self) -> tuple[Float[np.ndarray, " signs"], ...]:
        """The payload's signs at each place as numbers with a norm of 1."""
        out = []
        for place in self.places:
            heard = place.heard[waves().payload]
            plain = np.stack([heard.real, heard.imag], axis=1).reshape(SIGNS) * waves().scramble
            out.append(plain / max(float(np.linalg.norm(plain)), 1e-12))
        return tuple(out)


def read(frames: Iterable[ArrayLike]) -> Reading:
    """Look for the mark in a clip, or in one picture, of any length and size.

    Raises:
        ValueError: no frames, frames that are not uint8 (H, W, 3), or of several sizes.
    """
    sums, shrunk, count = residuals(frames)
    places = search(sums, shrunk)
    rest = (1.0 - FIRST) / max(1, len(places) - 1)
    return Reading(places, count, (FIRST, *[rest] * (len(places) - 1)))


def _chance(z: float, tried: float) -> float:
    """A bound of the chance that the best of so many sums with random signs is z norms or more."""
    return min(1.0, BOUND * tried * math.erfc(z / math.sqrt(2)) / 2)
