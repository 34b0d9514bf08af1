"""Compare rows of tables with the log: which are the records that were entered, and which entries lack theirs.

The log is a list of (digest, kind), one for each entry. Knows nothing of where tables and log are kept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TypeVar

from langit.ledger.record import Record

Kind = TypeVar("Kind", bound=Record)
LogRows = Sequence[tuple[str, str]]


def matching_rows(log: LogRows, kind: type[Kind], rows: Iterable[tuple[int, Kind]], name: str) -> dict[int, Kind]:
    """The rows whose digest is what the log has at their entry.

    Other rows were changed, or are of a bucket's writer that lost its lease; the caller looks for what is missing.

    Raises:
        ValueError: the log calls such a row a record of another kind.
    """
    found = {}
    for entry, record in rows:
        digest, logged = log[entry]
        if record.digest != digest:
            continue
        if logged != kind.record:
            raise ValueError(f"entry {entry} of {name}, a {kind.record}, is logged as {logged}: restore it")
        found[entry] = record
    return found


def check_present(log: LogRows, kind: str, entries: Collection[int], name: str, changed: bool = False) -> None:
    """Check that a table has all entries that the log gives to its kind; ``changed`` says if rows were hashed too.

    Raises:
        ValueError: an entry is missing.
    """
    missing = next((entry for entry, (_, logged) in enumerate(log) if logged == kind and entry not in entries), None)
    if missing is not None:
        raise ValueError(
            f"entry {missing} of {name}, a {kind}, is missing{' or was changed' if changed else ''}: restore the ledger"
        )
