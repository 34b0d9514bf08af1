"""The file that sets the door: ``release.toml`` under LANGIT_HOME; what is left out of its sections is default.

Knows nothing of what the settings mean, nor who reads them: each section is its owner's.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final, TypeVar

from langit import config

FILE: Final = "release.toml"
Section = TypeVar("Section")


def section(home: Path, name: str, kind: type[Section]) -> Section:
    """One section of a home's settings.

    Raises:
        ValueError: the file is not TOML, or the section has a wrong key or value; the file is named.
    """
    path = home / FILE
    try:
        return config.load(kind, _tables(path).get(name, {}))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def check_sections(home: Path, known: Collection[str]) -> None:
    """Refuse sections that nobody reads.

    Raises:
        ValueError: the file is not TOML, or has one; file and section are named.
    """
    path = home / FILE
    strange = sorted(set(_tables(path)) - set(known))
    if strange:
        raise ValueError(f"{path}: there is no section [{strange[0]}]: use {', '.join(f'[{name}]' for name in known)}")


def _tables(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise ValueError(f"{path} is not TOML ({error}): mend the file") from error
