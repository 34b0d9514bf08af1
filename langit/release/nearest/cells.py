"""Nearest-neighbour search in cells: a million vectors in memory, thousands of queries at once, on one core.

Each unit vector belongs to the nearest of some hundreds of centres (spherical k-means). A batch of queries reads the
cells nearest to it, each cell once for all queries that need it, as one small matrix product. Reading a few cells is an
approximation. The exact search uses the same cells: no member of a cell is nearer than its rim, so cells whose rim is
further than the best match need not be read. This module does not know what the vectors stand for.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from jaxtyping import Float32, Int64

SAMPLE: Final = 64
"""Vectors per cell from which the centres are learnt."""
ROUNDS: Final = 8
_BATCH: Final = 1 << 15


class Cells:
    """Unit vectors (n, d) in cells, by default about the square root of n of them."""

    def __init__(self, vectors: Float32[np.ndarray, "n d"], cells: int | None = None, seed: int = 0) -> None:
        count = min(len(vectors), cells or max(1, round(len(vectors) ** 0.5)))
        random = np.random.default_rng(seed)
        whole = torch.from_numpy(vectors)
        chosen = np.sort(random.choice(len(vectors), min(len(vectors), SAMPLE * count), replace=False))
        self._centres = _centres(whole[torch.from_numpy(chosen)], count, random)
        own, near = _assign(whole, self._centres)
        self._order = torch.argsort(own, stable=True)  # members of a cell lie side by side in memory
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
        """Find the row of the vector nearest to each query, and their cosine.

        Args:
            queries: of length one; larger batches take less time per query.
            probes: cells that are read for each query; all that are needed for the exact answer if left out.
        """
        queried = torch.from_numpy(queries)
        cosines = queried @ self._centres.T  # (q, cells)
        first = min(probes or 4, cosines.shape[1])
        chosen = cosines.topk(first, dim=1, sorted=False).indices
        best = torch.full((len(queried),), -2.0)
        rows = torch.zeros(len(queried), dtype=torch.int64)
        query = torch.arange(len(queried)).repeat_interleave(first)
        self._read(queried, query, chosen.flatten(), best, rows)
        if probes is None:
            wanted = self._could_hold_better(cosines, best)
            wanted.scatter_(1, chosen, False)  # already read
            query, cell = wanted.nonzero(as_tuple=True)
            self._read(queried, query, cell, best, rows)
        return self._order[rows].numpy(), best.numpy()

    def _could_hold_better(self, cosines: torch.Tensor, best: torch.Tensor) -> torch.Tensor:
        """(q, cells): whether the rim of a cell is as near as the best match, with some slack for rounding errors."""
        return torch.acos(cosines.clamp(-1, 1)) - self._rims <= torch.acos(best.clamp(-1, 1))[:, None] + 1e-3

    def _read(
        self, queried: torch.Tensor, query: torch.Tensor, cell: torch.Tensor, best: torch.Tensor, rows: torch.Tensor
    ) -> None:
        """Compare pairs of a query and a cell, cell by cell; updates ``best`` and ``rows``."""
        order = torch.argsort(cell, stable=True)
        query, counts = query[order], torch.bincount(cell, minlength=len(self._starts)).tolist()
        at = 0
        for number, count in enumerate(counts):
            if not count or self._starts[number] == self._ends[number]:
                at += count
                continue
            in_cell = query[at : at + count]
            at += count
            start = self._starts[number]
            near, place = (queried[in_cell] @ self._members[start : self._ends[number]].T).max(dim=1)
            known = best[in_cell]
            better = near > known
            best[in_cell] = torch.where(better, near, known)
            rows[in_cell] = torch.where(better, place + start, rows[in_cell])


def _centres(sample: torch.Tensor, count: int, random: np.random.Generator) -> torch.Tensor:
    """Spherical k-means; an empty cell restarts at a random member of the sample."""
    centres = sample[torch.from_numpy(random.choice(len(sample), count, replace=False))].clone()
    for _ in range(ROUNDS):
        own, _ = _assign(sample, centres)
        sums = torch.zeros_like(centres).index_add_(0, own, sample)
        empty = torch.bincount(own, minlength=count) == 0
        if empty.any():
            sums[empty] = sample[torch.from_numpy(random.choice(len(sample), int(empty.sum())))]
        centres = torch.nn.functional.normalize(sums, dim=1)
    return centres


def _assign(vectors: torch.Tensor, centres: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The centre of each vector, and their cosine."""
    parts = [(part @ centres.T).max(dim=1) for part in vectors.split(_BATCH)]
    return torch.cat([part.indices for part in parts]), torch.cat([part.values for part in parts])
