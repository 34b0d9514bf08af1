"""Records as lines of canonical JSON, and lines as records: how they travel out of a ledger and are read elsewhere.

A line's SHA-256 is the record's digest, so that whoever has the line and the log needs none of this code. Knows
nothing of where lines are kept.
"""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from functools import cache
from typing import Any

from langit.ledger.derived import KINDS
from langit.ledger.record import Record

SHOWN = 60
"""Characters of a line that an error repeats."""


def parse_line(line: bytes) -> Record:
    """The record that a line is the canonical JSON of.

    Raises:
        ValueError: it is no such line: not JSON, of no kind that is known, or not written canonically.
    """
    try:
        said = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{_shown(line)} is no record: it was changed, get it again") from error
    name = said.pop("record", None) if isinstance(said, dict) else None
    kind = KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise ValueError(f"{_shown(line)} is no record of a kind that this Langit knows: get it again, or upgrade it")
    fields = _fields(kind.record)
    for key, value in said.items():
        if key not in fields:
            raise ValueError(f"a {name} has {key!r}, which this Langit does not know: get it again, or upgrade it")
        if isinstance(value, list):
            said[key] = value = tuple(value)
        if not _fits(value, fields[key]):
            raise ValueError(f"a {name} says {value!r} as {key}: it was changed, get it again")
    empty = {key: () for key, kinds in fields.items() if tuple in kinds}  # what is empty is left out of a record
    try:
        record = kind(**(empty | said))
    except TypeError as error:
        raise ValueError(f"{_shown(line)} lacks what a {name} has to say: it was cut, get it again") from error
    if record.canonical != line:
        raise ValueError(f"{_shown(line)} is not written as records are: it was changed, get it again")
    return record


def references(record: Record) -> tuple[str, ...]:
    """The digests of records that a record hangs on (a clip's source, a caption's clip ...), in order of its fields."""
    named = ("source", "clip", "covers", "manifest")
    found = (getattr(record, field.name) for field in dataclasses.fields(record) if field.name in named)
    return tuple(value for value in found if value is not None)


@cache
def _fields(name: str) -> dict[str, tuple[type, ...]]:
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
