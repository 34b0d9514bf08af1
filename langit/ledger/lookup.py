"""Look records up by one column, without reading the whole table.

Lance scans that column alone, and only rows that match become records. Knows nothing of what records mean.
"""

from __future__ import annotations

from typing import TypeVar

import lance

from langit.ledger.record import Record
from langit.ledger.rows import from_table
from langit.ledger.store import Ledger

Kind = TypeVar("Kind", bound=Record)


def find_records(ledger: Ledger, kind: type[Kind], column: str, value: bytes) -> tuple[Kind, ...]:
    """Records that have this value in a column of hexadecimal digits, in order of entry.

    Rows that are not what the log names at their place were changed or never acknowledged, and are left out.
    """
    digests, place = ledger.digests(), ledger.place
    if not place.has_table(kind.record):
        return ()
    dataset = lance.dataset(place.table(kind.record), storage_options=place.options)
    if column not in dataset.schema.names:
        return ()
    rows = from_table(kind, dataset.to_table(filter=f"{column} = '{value.hex()}' AND entry < {len(digests)}"))
    return tuple(record for entry, record in rows if record.digest == digests[entry])
