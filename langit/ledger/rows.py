"""Records as rows of Arrow tables, and rows as records. Knows nothing of where tables are kept."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import pyarrow as pa

from langit.ledger.record import Record

Kind = TypeVar("Kind", bound=Record)


def to_table(kind: type[Record], rows: Sequence[tuple[int, Record]]) -> pa.Table:
    """Records of one kind as the rows of their table, with their places in the log."""
    hints = typing.get_type_hints(kind)
    names = [field.name for field in dataclasses.fields(kind)]
    schema = pa.schema([("entry", pa.int64()), *((name, _arrow(hints[name])) for name in names)])
    columns: dict[str, list[Any]] = {"entry": [entry for entry, _ in rows]}
    for name in names:
        columns[name] = [getattr(record, name) for _, record in rows]
    return pa.table(columns, schema=schema)


def from_table(kind: type[Kind], table: pa.Table) -> list[tuple[int, Kind]]:
    """The rows of a table as records with their places in the log, in order; columns may be missing.

    Raises:
        ValueError: there are columns that this kind of record does not have.
    """
    names = [field.name for field in dataclasses.fields(kind)]
    strange = set(table.schema.names) - {"entry", *names}
    if strange:
        raise ValueError(f"columns that this Langit does not know ({', '.join(sorted(strange))}): upgrade it")
    present = [name for name in names if name in table.schema.names]
    table = table.sort_by("entry")
    lists = {field.name for field in table.schema if pa.types.is_list(field.type)}
    columns: list[Iterable[Any]] = [
        (tuple(value or ()) for value in table[name].to_pylist()) if name in lists else table[name].to_pylist()
        for name in present
    ]
    entries = table["entry"].to_pylist()
    return [
        (entry, kind(**dict(zip(present, row, strict=True))))
        for entry, row in zip(entries, zip(*columns, strict=True), strict=True)
    ]


def _arrow(annotation: Any) -> pa.DataType:
    """The column type for a field of a record."""
    kinds = {str: pa.string(), int: pa.int64(), bool: pa.bool_()}
    if annotation in kinds:
        return kinds[annotation]
    if annotation == tuple[str, ...]:
        return pa.list_(pa.string())
    if typing.get_origin(annotation) is typing.Literal:
        return pa.string()
    choices = [choice for choice in typing.get_args(annotation) if choice is not type(None)]
    assert len(choices) == 1, annotation
    return _arrow(choices[0])
