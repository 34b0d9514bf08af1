"""Read ``release.toml`` under LANGIT_HOME, which configures the door. Missing sections and keys have defaults.

This module does not know what the settings mean: each section belongs to the module that reads it.
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
    """Read one section of a home's settings as a config of the given kind.

    Raises:
        ValueError: the file is not TOML, or the section has a wrong key or value; the message names the file.
    """
    path = home / FILE
    try:
        return config.load(kind, _read_tables(path).get(name, {}))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def check_sections(home: Path, known: Collection[str]) -> None:
    """Refuse sections that no module reads.

    Raises:
        ValueError: the file is not TOML, or has an unknown section; the message names both.
    """
    path = home / FILE
    unknown = sorted(set(_read_tables(path)) - set(known))
    if unknown:
        raise ValueError(f"{path}: there is no section [{unknown[0]}]: use {', '.join(f'[{name}]' for name in known)}")


def _read_tables(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (ValueError, RecursionError) as error:  # deep nesting exhausts the parser's stack
        raise ValueError(f"{path} is not TOML ({error}): correct the file") from error
