"""Many vectors, searched in cells: a million windows in memory, thousands of queries at once, on one core.

Vectors of length one are put with the nearest of some hundreds of centres (spherical k-means). A batch of queries reads
the cells nearest to it, every cell once for all queries that need it: each is one small matrix product. That is an
approximation; the exact answer comes of the same cells, since no member of a cell can be nearer than its rim is: those
whose rim is further than the best that was found need not be read. Knows nothing of what the vectors are.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from jaxtyping import Float32, Int64

SAMPLE: Final = 64
"""Vectors for each cell from which centres are learnt."""
ROUNDS: Final = 8
_AT_ONCE: Final = 1 << 15


class Cells:
    """Unit vectors (n, d) in cells; about the square root of n of them, if it is not said."""

    def __init__(self, vectors: Float32[np.ndarray, "n d"], cells: int | None = None, seed: int = 0) -> None:
        count = min(len(vectors), cells or max(1, round(len(vectors) ** 0.5)))
        dice = np.random.default_rng(seed)
        whole = torch.from_numpy(vectors)
        chosen = np.sort(dice.choice(len(vectors), min(len(vectors), SAMPLE * count), replace=False))
        self._centres = _centres(whole[torch.from_numpy(chosen)], count, dice)
        own, near = _assign(whole, self._centres)
        self._order = torch.argsort(own, stable=True)
        self._members = whole[self._order].contiguous()
        sizes = torch.bincount(own, minlength=count)
        self._ends = torch.cumsum(sizes, 0).tolist()
        self._starts = [end - size for end, size in zip(self._ends, sizes.tolist(), strict=True)]
        # The angle from each centre to the furthest member of its cell.
        least = torch.ones(count).scatter_reduce(0, own, near, "amin")
        self._rims = torch.acos(least.clamp(-1, 1))

    def __len__(self) -> int:
        return len(self._members)

    @torch.inference_mode()
    def nearest(
        self, queries: Float32[np.ndarray, "q d"], probes: int | None = None
    ) -> tuple[Int64[np.ndarray, " q"], Float32[np.ndarray, " q"]]:
        """Of each query the row of the nearest vector, and their cosine.

        Args:
            queries: of length one; more of them at once are quicker each.
            probes: cells that are read for each; exact if left out.
        """
        asked = torch.from_numpy(queries)
        likeness = asked @ self._centres.T  # (q, cells)
        first = min(probes or 4, likeness.shape[1])
        chosen = likeness.topk(first, dim=1, sorted=False).indices
        best = torch.full((len(asked),), -2.0)
        rows = torch.zeros(len(asked), dtype=torch.int64)
        query = torch.arange(len(asked)).repeat_interleave(first)
        self._read(asked, query, chosen.flatten(), best, rows)
        if probes is None:
            wanted = self._could_hold_better(likeness, best)
            wanted.scatter_(1, chosen, False)
            query, cell = wanted.nonzero(as_tuple=True)
            self._read(asked, query, cell, best, rows)
        return self._order[rows].numpy(), best.numpy()

    def _could_hold_better(self, likeness: torch.Tensor, best: torch.Tensor) -> torch.Tensor:
        """(q, cells): the rim of a cell is as near as the best found. A hair of slack is for rounding."""
        return torch.acos(likeness.clamp(-1, 1)) - self._rims <= torch.acos(best.clamp(-1, 1))[:, None] + 1e-3

    def _read(
        self, asked: torch.Tensor, query: torch.Tensor, cell: torch.Tensor, best: torch.Tensor, rows: torch.Tensor
    ) -> None:
        """Compare pairs of a query and a cell, cell by cell; ``best`` and ``rows`` are brought up to date."""
        order = torch.argsort(cell, stable=True)
        query, counts = query[order], torch.bincount(cell, minlength=len(self._starts)).tolist()
        at = 0
        for number, count in enumerate(counts):
            if not count or self._starts[number] == self._ends[number]:
                at += count
                continue
            those = query[at : at + count]
            at += count
            start = self._starts[number]
            near, place = (asked[those] @ self._members[start : self._ends[number]].T).max(dim=1)
            known = best[those]
            better = near > known
            best[those] = torch.where(better, near, known)
            rows[those] = torch.where(better, place + start, rows[those])


def _centres(sample: torch.Tensor, count: int, dice: np.random.Generator) -> torch.Tensor:
    """Spherical k-means; an empty cell begins anew at a member of the sample."""
    centres = sample[torch.from_numpy(dice.choice(len(sample), count, replace=False))].clone()
    for _ in range(ROUNDS):
        own, _ = _assign(sample, centres)
        sums = torch.zeros_like(centres).index_add_(0, own, sample)
        empty = torch.bincount(own, minlength=count) == 0
        if empty.any():
            sums[empty] = sample[torch.from_numpy(dice.choice(len(sample), int(empty.sum())))]
        centres = torch.nn.functional.normalize(sums, dim=1)
    return centres


def _assign(vectors: torch.Tensor, centres: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Of each vector its centre, and their cosine."""
    parts = [(part @ centres.T).max(dim=1) for part in vectors.split(_AT_ONCE)]
    return torch.cat([part.indices for part in parts]), torch.cat([part.values for part in parts])
