"""``SOURCES.toml``: what a person states of the files in a folder. Knows nothing of the ledger."""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path


@dataclass(frozen=True)
class StatedRights:
    """What is stated of one file; ``evidence`` is words, or the name of a file in the folder."""

    file: str = ""
    title: str | None = None
    creator: str | None = None
    licence: str | None = None
    evidence: str | None = None
    found_in: str | None = None
    note: str | None = None


def read_sources(path: Path) -> dict[str, StatedRights]:
    """What a ``SOURCES.toml`` states, by file.

    Raises:
        ValueError: not such a file, an unknown field, a licence that is not one, or a file that is named twice.
        OSError: it cannot be read.
    """
    from langit.ledger.licence import check_stated

    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not TOML: {error}") from error
    entries, names = tables.get("source"), [item.name for item in fields(StatedRights)]
    if not isinstance(entries, list) or set(tables) != {"source"}:
        raise ValueError(f"{path} must hold a list of [[source]] tables and nothing else")
    found: dict[str, StatedRights] = {}
    for number, entry in enumerate(entries, 1):
        for key, value in entry.items():
            if key not in names:
                near = difflib.get_close_matches(key, names, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"use {', '.join(names)}"
                raise ValueError(f"{path}, source {number}: unknown field {key!r}: {hint}")
            if not isinstance(value, str) or not value.strip():
                raise ValueError(f"{path}, source {number}: {key} is {value!r}: give text, or leave it out")
        stated = StatedRights(**entry)
        if not stated.file:
            raise ValueError(f'{path}, source {number} names no file: add file = "…"')
        if stated.file in found:
            raise ValueError(f"{path} describes {stated.file!r} twice: keep one")
        if stated.licence is not None:
            try:
                check_stated(stated.licence)
            except ValueError as error:
                raise ValueError(f"{path}, source {number} ({stated.file}): {error}") from error
        found[stated.file] = stated
    return found
