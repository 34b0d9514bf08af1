"""Which files a curation looks at: those of a folder, of a list, or of a bucket. Knows nothing of what is in them."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".m2ts", ".mts", ".ogv", ".wmv", ".flv"}
    | {".3gp", ".mxf", ".y4m", ".gif"}
)


@dataclass(frozen=True)
class FootageFile:
    """A file: ``title`` is its path as a person knows it, ``place`` where it lies; ``refused`` why it may not be."""

    title: str
    place: str
    refused: str | None = None


def items(footage: str) -> list[FootageFile]:
    """All files of a folder (by their endings), of a .txt with a path on each line, or of a bucket; in order.

    Raises:
        ValueError: there is nothing, or it cannot be listed.
    """
    if "://" in footage:
        found = _bucket(footage)
    else:
        place = Path(footage)
        if place.is_dir():
            paths = sorted(path for path in place.rglob("*") if path.suffix.lower() in SUFFIXES and not path.is_dir())
            found = [_item(path, place) for path in paths]
        elif place.is_file() and place.suffix == ".txt":
            lines = [line.strip() for line in place.read_text(encoding="utf-8").splitlines()]
            found = [_item(place.parent / line, place.parent, line) for line in lines if line and line[0] != "#"]
        else:
            raise ValueError(f"footage {footage} is no folder, no .txt list and no address: give one of them")
    if not found:
        raise ValueError(f"footage {footage} holds no video file: give another place")
    return found


def _item(path: Path, root: Path, title: str | None = None) -> FootageFile:
    """A file that lies under ``root``, links followed; what does not is refused."""
    name = title or path.relative_to(root).as_posix()
    if not path.resolve().is_relative_to(root.resolve()):
        return FootageFile(name, str(path), f"{name} leads out of {root}: name files within it")
    return FootageFile(name, str(path))


def _bucket(address: str) -> list[FootageFile]:
    from pyarrow import ArrowInvalid, fs

    try:
        system, root = fs.FileSystem.from_uri(address)
        entries = system.get_file_info(fs.FileSelector(root, recursive=True))
    except (ArrowInvalid, OSError) as error:
        raise ValueError(f"footage {address} cannot be listed ({str(error).splitlines()[0]}): check it") from error
    files = sorted(entry.path for entry in entries if entry.type == fs.FileType.File)
    scheme = address.split("://", 1)[0]
    return [
        FootageFile(str(PurePosixPath(path).relative_to(root)), f"{scheme}://{path}")
        for path in files
        if PurePosixPath(path).suffix.lower() in SUFFIXES
    ]


def local(place: str) -> Path:
    """Where a file can be read: itself, or a copy of what lies in a bucket, kept in the temporary folder.

    Raises:
        OSError: it cannot be fetched.
    """
    if "://" not in place:
        return Path(place)
    from pyarrow import fs

    system, path = fs.FileSystem.from_uri(place)
    name = hashlib.sha256(f"{place} {system.get_file_info(path).mtime_ns}".encode()).hexdigest()
    folder = Path(tempfile.gettempdir()) / "langit-footage"
    copy = folder / f"{name}{PurePosixPath(path).suffix}"
    if not copy.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file, system.open_input_stream(path) as source:
            while piece := source.read(1 << 20):
                file.write(piece)
        Path(file.name).replace(copy)
    return copy
