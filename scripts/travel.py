"""Archives in files of a size that travels: cut with an index of digests, checked and joined at the other end.

Standard library alone, as `gpu.py`, which uses it.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

INDEX = "parts.json"
PART = 16.0  # MiB
PACKED = ("bundle", "wheels")


class TravelError(Exception):
    """Something that cannot go on; the message is a line for a person."""


def digest(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def split(name: str, sources: Iterable[tuple[Path, str]], folder: Path, part_mib: float = PART) -> list[dict[str, Any]]:
    """Put files into an archive and cut it into parts with an index of their digests, which is written last.

    Args:
        name: of the archive, for example "bundle".
        sources: files and folders, and what they are called in the archive.
        folder: for the parts; an index that is there already gets this archive as well.
        part_mib: size of a part, at most.
    """
    folder.mkdir(parents=True, exist_ok=True)
    whole = folder / f".{name}.tar"
    # Weights and wheels do not get smaller; code, logs and traces get a tenth of their size.
    how: dict[str, Any] = {"mode": "w"} if name in PACKED else {"mode": "w:gz", "compresslevel": 4}
    with tarfile.open(whole, **how) as archive:
        for path, called in sources:
            archive.add(path, called)
    size, parts = int(part_mib * 2**20), []
    with whole.open("rb") as file:
        while data := file.read(size):
            part = folder / f"{name}.tar.{len(parts):02d}"
            part.write_bytes(data)
            parts.append({"file": part.name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()})
    for old in folder.glob(f"{name}.tar.*"):  # of a larger archive that was here before
        if old.name not in {part["file"] for part in parts}:
            old.unlink()
    index = read_index(folder) if (folder / INDEX).exists() else {}
    index[name] = {"sha256": digest(whole), "parts": parts}
    whole.unlink()
    unfinished = folder / f".{INDEX}"
    unfinished.write_text(json.dumps(index, indent=1), encoding="utf-8")
    unfinished.replace(folder / INDEX)
    return parts


def read_index(folder: Path) -> dict[str, dict[str, Any]]:
    try:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        assert all(set(each) >= {"sha256", "parts"} for each in index.values())
        return index
    except (OSError, ValueError, AssertionError, AttributeError, TypeError) as error:
        raise TravelError(f"{folder} holds no {INDEX} that can be read ({error}): fetch it again") from error


def join(folder: Path, into: Path, names: Sequence[str] = ()) -> list[str]:
    """Check the parts of archives by their digests and unpack them; returns which.

    Raises:
        TravelError: a part is missing or is not what was written; nothing of its archive is unpacked then.
    """
    index = read_index(folder)
    for name in names or index:
        if name not in index:
            raise TravelError(f"{folder} has no {name}: it has {', '.join(index)}")
        whole = hashlib.sha256()
        for part in index[name]["parts"]:
            file = folder / Path(str(part["file"])).name
            if not file.exists():
                raise TravelError(f"{file} is missing ({len(index[name]['parts'])} parts of {name}): fetch it again")
            if file.stat().st_size != part["bytes"] or digest(file) != part["sha256"]:
                raise TravelError(f"{file} is damaged: its digest is not the one in {INDEX}; fetch it again")
            whole.update(file.read_bytes())
        if whole.hexdigest() != index[name]["sha256"]:
            raise TravelError(f"the parts of {name} in {folder} are not one archive: fetch all of them again")
    into.mkdir(parents=True, exist_ok=True)
    for name in names or index:
        files = [folder / Path(str(part["file"])).name for part in index[name]["parts"]]
        try:
            with _Joined(files) as stream, tarfile.open(fileobj=stream, mode="r|*") as archive:
                archive.extractall(into, filter="data")  # nothing leaves the folder
        except tarfile.TarError as error:
            raise TravelError(f"{name} in {folder} is no archive that can be unpacked: {error}") from error
    return list(names or index)


class _Joined:
    """Parts as one stream, read once from the beginning to the end."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.files = list(files)
        self.open: BinaryIO | None = None

    def __enter__(self) -> _Joined:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.open is not None:
            self.open.close()

    def read(self, size: int) -> bytes:
        while True:
            if self.open is None:
                if not self.files:
                    return b""
                self.open = self.files.pop(0).open("rb")
            data = self.open.read(size)
            if data:
                return data
            self.open.close()
            self.open = None
