"""Records as lines of canonical JSON, and lines as records: how they travel out of a ledger and are read elsewhere.

The SHA-256 of a line is the record's digest, so whoever has the line and the log needs none of this code. Knows
nothing of where lines are kept.
"""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Iterable
from functools import cache
from typing import Any

from langit.ledger.derived import KINDS
from langit.ledger.record import Record

SHOWN = 60
"""Characters of a line that an error repeats."""


def write_lines(records: Iterable[Record]) -> bytes:
    """Records as lines, each ended by a newline; JSON escapes the newlines in them."""
    return b"".join(record.canonical + b"\n" for record in records)


def parse_line(line: bytes) -> Record:
    """The record whose canonical JSON a line is.

    Raises:
        ValueError: not JSON, of an unknown kind, or not written canonically.
    """
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{_shown(line)} is not a record: it was changed, get it again") from error
    name = fields.pop("record", None) if isinstance(fields, dict) else None
    kind = KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise ValueError(f"{_shown(line)} is not a kind of record that this Langit knows: get it again, or upgrade it")
    types_of = _field_types(kind.record)
    for key, value in fields.items():
        if key not in types_of:
            raise ValueError(f"a {name} has {key!r}, which this Langit does not know: get it again, or upgrade it")
        if isinstance(value, list):
            fields[key] = value = tuple(value)
        if not _fits(value, types_of[key]):
            raise ValueError(f"a {name} has {value!r} as its {key}: it was changed, get it again")
    empty = {key: () for key, kinds in types_of.items() if tuple in kinds}  # empty fields are left out of a record
    try:
        record = kind(**(empty | fields))
    except TypeError as error:
        raise ValueError(f"{_shown(line)} lacks a field that every {name} has: it was cut, get it again") from error
    if record.canonical != line:
        raise ValueError(f"{_shown(line)} is not written as records are: it was changed, get it again")
    return record


def references(record: Record) -> tuple[str, ...]:
    """Digests of the records that a record depends on (a clip's source, a caption's clip ...), in field order."""
    named = ("source", "clip", "covers", "manifest", "supersedes", "request")
    found = (getattr(record, field.name) for field in dataclasses.fields(record) if field.name in named)
    return tuple(value for value in found if value is not None)


@cache
def _field_types(name: str) -> dict[str, tuple[type, ...]]:
    """The types that each field of a kind of record may have."""
    kind = KINDS[name]
    hints = typing.get_type_hints(kind)
    return {field.name: _types(hints[field.name]) for field in dataclasses.fields(kind)}


def _types(annotation: Any) -> tuple[type, ...]:
    origin = typing.get_origin(annotation)
    if origin is typing.Literal:
        return (str,)
    if origin in (typing.Union, types.UnionType):
        return tuple(kind for choice in typing.get_args(annotation) for kind in _types(choice))
    return (origin or annotation,)


def _fits(value: Any, kinds: tuple[type, ...]) -> bool:
    if isinstance(value, tuple):
        return tuple in kinds and all(isinstance(item, str) for item in value)
    return type(value) in kinds


def _shown(line: bytes) -> str:
    text = line.decode("utf-8", "replace")
    return repr(text if len(text) <= SHOWN else text[:SHOWN] + "…")
