"""The index of training clips in the ledger's place: a Lance table, versioned, for each space of vectors.

A model's index is entered when it is first asked for. Few rows are scanned; from ``MANY`` on Lance makes an inverted
file of them (IVF), and a search reads some of its parts. Callers see one call. Which rows are nearest is all that it
says: scores are ``index``'s.
"""

from __future__ import annotations

from typing import Final

import lance
import numpy as np
import pyarrow as pa
from jaxtyping import Float32, Int64

from langit.ledger.place import Bucket, Folder
from langit.release.nearest.index import ClipIndex, restored

MANY: Final = 100_000
PROBES: Final = 24
"""Parts of an inverted file that are read; with a part to about a thousand rows."""
ROWS_EACH: Final = 1000


class NearestTable:
    """Vectors of one space; ``space`` is the digest of the index file that says how vectors are made."""

    def __init__(self, place: Folder | Bucket, space: str) -> None:
        self.place, self.name = place, f"nearest-{space[:16]}"

    def enter(self, index: ClipIndex) -> None:
        """Enter an index where it is not there yet."""
        if self.place.has_table(self.name):
            return
        with self.place.writing():
            if self.place.has_table(self.name):
                return
            vectors = restored(index.vectors)
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
            made = lance.write_dataset(table, mode="create", **where)
            if len(vectors) >= MANY:
                parts = len(vectors) // ROWS_EACH
                made.create_index("vector", "IVF_FLAT", metric="dot", num_partitions=parts)

    def search(self, queries: Float32[np.ndarray, "q d"], count: int) -> Int64[np.ndarray, " m"]:
        """Rows of the index that are among the ``count`` nearest of some query, by the cosine."""
        dataset = lance.dataset(self.place.table(self.name), storage_options=self.place.options)
        found: set[int] = set()
        for query in queries:
            asked = {"column": "vector", "q": query, "k": count, "nprobes": PROBES, "metric": "dot"}
            found |= set(dataset.to_table(nearest=asked, columns=["row", "_distance"])["row"].to_pylist())
        return np.array(sorted(found), np.int64)
