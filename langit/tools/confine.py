"""Which files a caller may name: those in folders that a person allowed, wherever links lead. Opens nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


class AllowedFolders:
    """Folders whose files may be read; relative names are looked for in the first."""

    def __init__(self, folders: Sequence[Path]) -> None:
        assert folders
        self.folders = tuple(folder.expanduser().resolve() for folder in folders)

    def find_file(self, name: str) -> Path:
        """The file of a name, with all links followed.

        Raises:
            ValueError: it is outside of the folders, or no file; the message does not tell what is outside.
        """
        if not name or "\0" in name:
            raise ValueError(f"{name!r} is not the name of a file: give one")
        path = (self.folders[0] / Path(name)).resolve()
        if not any(path.is_relative_to(folder) for folder in self.folders):
            raise ValueError(f"{name!r} is not in a folder that may be read here: use {self._listed}")
        if not path.is_file():
            raise ValueError(f"{name!r} is not a file: check the name")
        return path

    def contains(self, name: str) -> bool:
        """Whether a name is that of a file in the folders."""
        try:
            self.find_file(name)
        except ValueError:
            return False
        return True

    @property
    def _listed(self) -> str:
        return ", ".join(map(str, self.folders))
