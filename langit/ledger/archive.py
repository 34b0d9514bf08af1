"""ZIP files of plain parts, from strangers: written once, read part by part with limits on size and ratio.

Nothing is extracted to disk. Knows nothing of what the parts mean.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Mapping
from lzma import LZMAError
from pathlib import Path

from langit.files import atomic_write

RATIO = 200
"""Unpacked bytes per packed byte. Repeated hashes in exposure logs reach 60; a bomb needs 1,000."""
ALLOWANCE = 1 << 20
"""Unpacked bytes that are allowed whatever the ratio, for files of a few parts."""
LARGEST = 1 << 32
"""Unpacked bytes of a whole file."""
PARTS = 10_000
NAME = re.compile(r"[\w.-]+(/[\w.-]+)*", re.ASCII)
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The same parts give the same bytes, whenever they are written."""


class UnprovedError(ValueError):
    """What was read whole and does not verify: changed, of another key, of a log that was rewritten."""


def write_parts(path: Path, parts: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> None:
    """Write parts by name, all or nothing.

    Raises:
        OSError: the file cannot be written.
    """
    with atomic_write(path) as unfinished, zipfile.ZipFile(unfinished, "w", method) as file:
        for name, data in parts.items():
            assert NAME.fullmatch(name), name
            file.writestr(zipfile.ZipInfo(name, EPOCH), data, method)


class Archive:
    """A ZIP file whose directory was judged; parts are unpacked when they are asked for."""

    def __init__(self, path: Path) -> None:
        """Open a file and judge its directory.

        Raises:
            UnprovedError: not a ZIP file, cut off, a part twice, or too large or too densely packed when unpacked.
            OSError: the file cannot be read.
        """
        self.path = path
        size = path.stat().st_size
        try:
            with zipfile.ZipFile(path) as file:
                found = file.infolist()
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
            raise UnprovedError(f"{path} is not a whole file ({error}): get it again") from error
        if len(found) > PARTS:
            raise UnprovedError(f"{path} claims to hold {len(found)} parts, more than {PARTS}: get it again")
        self._parts = {item.filename: item for item in found}
        if len(self._parts) < len(found):
            raise UnprovedError(f"{path} has a part twice: get it again")
        # The directory is the sender's word; `part` stops at the size that was claimed, so these limits hold.
        claimed = sum(item.file_size for item in found)
        if claimed > min(LARGEST, RATIO * size + ALLOWANCE):
            raise UnprovedError(f"{path} has {size} bytes and claims to unpack to {claimed}: get it again")

    def names(self) -> tuple[str, ...]:
        """The names of all parts."""
        return tuple(self._parts)

    def __contains__(self, name: str) -> bool:
        return name in self._parts

    def part(self, name: str) -> bytes:
        """Unpack a part.

        Raises:
            UnprovedError: there is none of that name, or it is damaged.
        """
        item = self._parts.get(name)
        if item is None:
            raise UnprovedError(f"{self.path} has no part {name}: get it again")
        try:
            with zipfile.ZipFile(self.path) as file, file.open(item) as opened:
                data = opened.read(item.file_size + 1)
                if len(data) != item.file_size or opened.read(1):  # the read to the end checks the CRC
                    raise UnprovedError(f"{name} of {self.path} is not as large as it claims: get it again")
                return data
        except (zipfile.BadZipFile, zlib.error, LZMAError, EOFError, NotImplementedError, RuntimeError) as error:
            raise UnprovedError(f"{name} of {self.path} is damaged ({error}): get the file again") from error
        except OSError as error:
            if error.filename is not None:
                raise
            raise UnprovedError(f"{name} of {self.path} is damaged ({error}): get the file again") from error


def is_archive(path: Path) -> bool:
    """Whether a file begins as a ZIP file does, whole or not."""
    with path.open("rb") as file:
        return file.read(2) == b"PK"
