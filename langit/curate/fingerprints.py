"""The fingerprints of clips, in a Lance table beside the ledger's own. Rows of clips that it does not have are idle.

Knows nothing of how fingerprints are made or compared.
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
    """The table of a ledger's place."""

    def __init__(self, place: LedgerPlace) -> None:
        self.place = place

    def read(self) -> list[ClipFingerprints]:
        """All fingerprints, each clip's once, in order of entry."""
        if not self.place.has_table(NAME):
            return []
        table = lance.dataset(self.place.table(NAME), storage_options=self.place.options).to_table()
        found = {
            row["clip"]: ClipFingerprints(row["clip"], tuple(row["whole"]), tuple(row["inner"])) for row in table.to_pylist()
        }
        return list(found.values())

    def add(self, prints: Sequence[ClipFingerprints]) -> None:
        """Append what is not there yet."""
        known = {each.name for each in self.read()}
        new = [each for each in prints if each.name not in known]
        if not new:
            return
        columns = {
            "clip": [p.name for p in new],
            "whole": [list(p.whole) for p in new],
            "inner": [list(p.inner) for p in new],
        }
        table = pa.table(columns, schema=SCHEMA)
        mode = "append" if self.place.has_table(NAME) else "create"
        lance.write_dataset(table, self.place.table(NAME), mode=mode, storage_options=self.place.options)
