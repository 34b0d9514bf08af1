"""The Lance table of clip fingerprints, stored beside the ledger's own tables.

Rows of clips that are not in the ledger are ignored. It knows nothing of how fingerprints are computed
(`langit.fingerprint`) or compared (`duplicates`).
"""

from __future__ import annotations

from collections.abc import Sequence

import lance
import pyarrow as pa

from langit.curate.duplicates import ClipFingerprints
from langit.ledger.place import LedgerPlace

NAME = "fingerprint"
SCHEMA = pa.schema([("clip", pa.string()), ("whole", pa.list_(pa.binary(32))), ("inner", pa.list_(pa.binary(32)))])


class FingerprintTable:
    """The fingerprint table of one ledger."""

    def __init__(self, place: LedgerPlace) -> None:
        self.place = place

    def read(self) -> list[ClipFingerprints]:
        """Return all fingerprints, one entry per clip, in the order in which they were added."""
        if not self.place.has_table(NAME):
            return []
        table = lance.dataset(self.place.table(NAME), storage_options=self.place.options).to_table()
        by_clip = {
            row["clip"]: ClipFingerprints(row["clip"], tuple(row["whole"]), tuple(row["inner"]))
            for row in table.to_pylist()
        }
        return list(by_clip.values())

    def add(self, fingerprints: Sequence[ClipFingerprints]) -> None:
        """Append the fingerprints of clips that are not in the table yet."""
        known = {entry.name for entry in self.read()}
        new = [entry for entry in fingerprints if entry.name not in known]
        if not new:
            return
        columns = {
            "clip": [entry.name for entry in new],
            "whole": [list(entry.whole) for entry in new],
            "inner": [list(entry.inner) for entry in new],
        }
        table = pa.table(columns, schema=SCHEMA)
        mode = "append" if self.place.has_table(NAME) else "create"
        lance.write_dataset(table, self.place.table(NAME), mode=mode, storage_options=self.place.options)
