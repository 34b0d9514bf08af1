"""Look records up by one column, without reading the whole table.

Lance scans that column alone, and only rows that match become records. Knows nothing of what records mean.
"""

from __future__ import annotations

from typing import TypeVar

import lance

from langit.ledger.record import Record
from langit.ledger.store import Ledger

Kind = TypeVar("Kind", bound=Record)


def find_records(ledger: Ledger, kind: type[Kind], column: str, value: bytes) -> tuple[Kind, ...]:
    """Records that have this value in a column of hexadecimal digits, in order of entry, each compared with the log.

    Rows beyond the log's end, which a writer that died left behind, are not shown. A record whose column was changed
    to another value is not seen here, only by readers of the whole table (:meth:`Ledger.check`).

    Raises:
        ValueError: a record that was found is not the one that was entered, or the table lacks an entry.
    """
    size = ledger.size
    ledger.check_table(kind.record)
    place = ledger.place
    if not place.has_table(kind.record):
        return ()
    if column not in lance.dataset(place.table(kind.record), storage_options=place.options).schema.names:
        return ()  # its rows are older than the column
    found, changed = ledger.read_rows(kind, f"{column} = '{value.hex()}' AND entry < {size}")
    if changed:
        # In a bucket, a writer that lost its lease leaves its row beside the one that was entered.
        beside, _ = ledger.read_rows(kind, f"entry IN ({', '.join(map(str, sorted(changed)))})")
        lost = sorted(changed - set(beside))
        if lost:
            raise ValueError(
                f"entry {lost[0]} of {ledger.name}, a {kind.record}, is missing or was changed: restore the ledger"
            )
    return tuple(found[entry] for entry in sorted(found))
