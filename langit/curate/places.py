"""Where curated files lie on this machine: ``curation/places.json`` in LANGIT_HOME, paths by the files' SHA-256.

Curation writes it; training and the search for nearest clips read it. The ledger names files by hash alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from langit.files import atomic_write

FOLDER: Final = "curation"  # of LANGIT_HOME; also holds cached measurements
NAME: Final = "places.json"


def places_file(home: Path) -> Path:
    """Return where the paths of curated files are stored."""
    return home / FOLDER / NAME


def read_places(file: Path) -> dict[str, str]:
    """Return paths by SHA-256; empty if nothing was curated on this machine."""
    try:
        places: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise ValueError(f"{file} is damaged: run langit curate again") from error
    return places


def add_places(file: Path, places: Mapping[str, Path]) -> None:
    """Add paths by SHA-256; the file is rewritten only if something changes."""
    known = read_places(file)
    # JSON escapes names that are not UTF-8 (Python's surrogates) and gives them back unchanged.
    new = {sha256: str(path.absolute()) for sha256, path in places.items()}
    if not new.items() <= known.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(file) as unfinished:
            unfinished.write_text(json.dumps(known | new, indent=0), encoding="utf-8")
