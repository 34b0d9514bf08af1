"""Read the watermark: where its tiles lie in a clip, their signs, and how likely chance is to look the same.

The pilots are searched in steps of growing cost, each with its own share of the probability of a false alarm: as the
mark was made; scaled as a whole; shifted and flipped; and all of these at once. Probabilities are bounds, not
estimates: a sum of given numbers with random signs exceeds z times their norm with at most 3.18 times the probability
of a normal variable, whatever the numbers (Bentkus and Dzindzalieta, A tight Gaussian bound for weighted sums of
Rademacher random variables, Bernoulli 2015), times the number of locations and ids that were tried.
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

from langit.release.watermark.alternation import RATE
from langit.release.watermark.lattice import waves
from langit.release.watermark.payload import CHECK, IDENT, SIGNS, decode, signs
from langit.release.watermark.residual import residuals
from langit.release.watermark.search import MarkLocation, search

MAX_CHANCE: Final = 1e-6
"""A mark that chance would show more often than this is not reported."""
BOUND: Final = 3.18
"""1 / (4 P(N >= sqrt 2)) of a standard normal N, rounded up: Bentkus and Dzindzalieta's constant."""
FIRST: Final = 0.5
"""Share of the false-match probability for the place where the mark was made, constant or alternating; all other
places share the rest."""


@dataclass(frozen=True)
class MarkMatch:
    """An id in a clip, and the probability that a clip without it matches as well; empty if it cannot be read."""

    ident: bytes
    p_value: float


@dataclass(frozen=True)
class MarkReading:
    """What was read from a clip: the likeliest locations of the mark, first the one where it was made."""

    locations: tuple[MarkLocation, ...]
    frames: int
    shares: tuple[float, ...] = field(repr=False)

    @property
    def p_value(self) -> float:
        """The probability that a clip without any mark looks as much as if it had one, with any id."""
        return min(_bound(location.z, location.tried) for location in self.locations)

    def find(self, ids: Sequence[bytes] = ()) -> MarkMatch | None:
        """One of these ids, else the id that can be decoded, else a mark without its id; None if chance may show it.

        Small pictures that were coded again often keep the pilots, and lose an id that nobody has as a candidate.
        """
        known = self.matches(ids) if ids else []
        found = known[0] if known else self.decode()
        if found is None and self.p_value <= MAX_CHANCE:
            return MarkMatch(b"", self.p_value)
        return found

    def decode(self) -> MarkMatch | None:
        """The id, without a list of candidates; None if chance would show one in more than 1e-6 of clips."""
        found = []
        for location, share, soft in zip(self.locations, self.shares, self.soft, strict=True):
            ident = decode(soft)
            if ident is None:
                continue
            agreement = float(signs([ident])[0] @ soft)
            alone = _bound(agreement, 2.0 ** (8 * IDENT) / share)  # as if every possible id had been tried
            checked = _bound(location.z, location.tried) * min(1.0, len(self.locations) * 2.0**-CHECK)
            found.append(
                MarkMatch(ident, min(1.0, 2.0 * min(alone, checked)))
            )  # the better of two bounds, so twice the probability
        best = min(found, key=lambda match: match.p_value, default=None)
        return best if best is not None and best.p_value <= MAX_CHANCE else None

    def matches(self, ids: Sequence[bytes], chance: float = MAX_CHANCE) -> list[MarkMatch]:
        """Which of these ids are in the clip, the surest first; far more sensitive than :meth:`decode`.

        The false-match probability holds for the whole list: the more ids, the surer each has to be.

        Raises:
            ValueError: an id is not 8 bytes long.
        """
        unique = list(dict.fromkeys(ids))
        soft, shares = np.stack(self.soft), np.array(self.shares)
        found = []
        for start in range(0, len(unique), 4096):
            part = unique[start : start + 4096]
            agreement = signs(part) @ soft.T
            for row in np.flatnonzero(agreement.max(axis=1) > 4.0):  # below, the probability is above 1e-4
                p_value = min(_bound(z, len(unique) / share) for z, share in zip(agreement[row], shares, strict=True))
                if p_value <= chance:
                    found.append(MarkMatch(part[row], p_value))
        return sorted(found, key=lambda match: match.p_value)

    @cached_property
    def soft(self) -> tuple[Float[np.ndarray, " signs"], ...]:
        """The payload's signs at each location, as soft values with a norm of 1."""
        out = []
        for location in self.locations:
            measured = location.waves[waves().payload]
            plain = np.stack([measured.real, measured.imag], axis=1).reshape(SIGNS) * waves().scramble
            out.append(plain / max(float(np.linalg.norm(plain)), 1e-12))
        return tuple(out)


def read(frames: Iterable[ArrayLike], rate: float | None = None) -> MarkReading:
    """Look for the mark in a clip of any length and size; a picture is a clip of one frame.

    Args:
        frames: (H, W, 3) uint8 each.
        rate: frames a second, as the mark's sign follows the time; :data:`RATE` if it is not known.

    Raises:
        ValueError: no frames, frames that are not uint8 (H, W, 3), or of several sizes; a rate that is not positive.
    """
    sums = residuals(frames, RATE if rate is None else rate)
    locations = search(sums)
    unmoved = 3 if sums.made else 1
    shares = [FIRST / unmoved] * unmoved
    rest = (1.0 - FIRST) / max(1, len(locations) - unmoved)
    return MarkReading(locations, sums.frames, (*shares, *[rest] * (len(locations) - unmoved)))


def _bound(z: float, tried: float) -> float:
    """Bound the probability that the best of ``tried`` sums with random signs reaches z norms."""
    return min(1.0, BOUND * tried * math.erfc(z / math.sqrt(2)) / 2)
