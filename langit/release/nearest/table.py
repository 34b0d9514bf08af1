"""The index of training clips as a versioned Lance table beside the ledger, one for each vector space.

A model's index is entered on its first query. A small table is scanned; from ``MANY`` rows on, Lance builds an inverted
file (IVF) and a search reads some of its partitions. The table says which rows are nearest; `index` scores them.
"""

from __future__ import annotations

from typing import Final

import lance
import numpy as np
import pyarrow as pa
from jaxtyping import Float32, Int64

from langit.ledger.place import Bucket, Folder
from langit.release.nearest.index import ClipIndex, dequantize

MANY: Final = 100_000
PROBES: Final = 24
"""Partitions of an inverted file that a search reads."""
ROWS_PER_PARTITION: Final = 1000


class NearestTable:
    """Vectors of one space; ``space`` is the digest of the index file, which defines how vectors are made."""

    def __init__(self, place: Folder | Bucket, space: str) -> None:
        self.place, self.name = place, f"nearest-{space[:16]}"

    def enter(self, index: ClipIndex) -> None:
        """Enter an index unless it is there already."""
        if self.place.has_table(self.name):
            return
        with self.place.writing():
            if self.place.has_table(self.name):  # another process was faster
                return
            vectors = dequantize(index.vectors)
            column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
            table = pa.table(
                {
                    "row": pa.array(np.arange(len(vectors))),
                    "clip": pa.array([index.name(int(clip)) for clip in index.clips]),
                    "start": pa.array(index.starts),
                    "vector": column,
                }
            )
            where = {"uri": self.place.table(self.name), "storage_options": self.place.options}
            dataset = lance.write_dataset(table, mode="create", **where)
            if len(vectors) >= MANY:
                partitions = len(vectors) // ROWS_PER_PARTITION
                dataset.create_index("vector", "IVF_FLAT", metric="dot", num_partitions=partitions)

    def search(self, queries: Float32[np.ndarray, "q d"], count: int) -> Int64[np.ndarray, " m"]:
        """Rows of the index that are among the ``count`` nearest of any query, by the cosine."""
        dataset = lance.dataset(self.place.table(self.name), storage_options=self.place.options)
        rows: set[int] = set()
        for query in queries:
            nearest = {"column": "vector", "q": query, "k": count, "nprobes": PROBES, "metric": "dot"}
            rows |= set(dataset.to_table(nearest=nearest, columns=["row", "_distance"])["row"].to_pylist())
        return np.array(sorted(rows), np.int64)
