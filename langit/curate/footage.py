"""Which files a curation reads: those of a folder, of a list, or of a bucket. It does not look inside them."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from langit.files import readable_name

SUFFIXES: Final = frozenset(
    {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".m2ts", ".mts", ".ogv", ".wmv", ".flv"}
    | {".3gp", ".mxf", ".y4m", ".gif"}
    | {".png", ".jpg", ".jpeg", ".webp"}
)
RAW_NAME: Final = "bytes:"  # prefix of a place that is not UTF-8; Arrow's strings must be


@dataclass(frozen=True)
class FootageFile:
    """One file of the footage.

    ``title`` is its path as shown to people, always valid UTF-8. ``place`` is what :func:`local_path` opens.
    ``refused`` says why the file may not be used, None if it may.
    """

    title: str
    place: str
    refused: str | None = None


def list_files(footage: str) -> list[FootageFile]:
    """List the videos and pictures of a folder (by suffix), of a .txt with one path per line, or of a bucket, in order.

    Raises:
        ValueError: there are no files, or they cannot be listed.
    """
    if "://" in footage:
        files = _list_bucket(footage)
    else:
        place = Path(footage)
        if place.is_dir():
            paths = sorted(path for path in place.rglob("*") if path.suffix.lower() in SUFFIXES and not path.is_dir())
            files = [_inside(path, place) for path in paths]
        elif place.is_file() and place.suffix == ".txt":
            lines = [line.strip() for line in place.read_text(encoding="utf-8-sig").splitlines()]
            files = [_inside(place.parent / line, place.parent, line) for line in lines if line and line[0] != "#"]
        else:
            raise ValueError(f"footage {footage} does not exist: give a folder, a .txt list, or a bucket's address")
    if not files:
        raise ValueError(f"footage {footage} contains no videos and no pictures: check the folder")
    return files


def _inside(path: Path, root: Path, title: str | None = None) -> FootageFile:
    """A file under ``root``; one that lies outside, also through a symbolic link, is refused."""
    name = readable_name(title or path.relative_to(root).as_posix())
    place = str(path)
    try:
        place.encode()
    except UnicodeEncodeError:  # the name on disk is not UTF-8; Python keeps its bytes as surrogates
        place = RAW_NAME + os.fsencode(path).hex()
    try:
        inside = path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError):  # Python reports a link to itself so
        return FootageFile(name, place, f"{name} is a link that leads nowhere: remove it")
    if not inside:
        return FootageFile(name, place, f"{name} lies outside {root}: list files inside it")
    if path.exists() and not path.is_file():
        return FootageFile(name, place, f"{name} is a pipe or a device: remove it")
    return FootageFile(name, place)


def _list_bucket(address: str) -> list[FootageFile]:
    from pyarrow import ArrowInvalid, fs

    try:
        system, root = fs.FileSystem.from_uri(address)
        entries = system.get_file_info(fs.FileSelector(root, recursive=True))
    except (ArrowInvalid, OSError) as error:
        raise ValueError(
            f"footage {address} cannot be listed ({str(error).splitlines()[0]}): check the address"
        ) from error
    paths = sorted(entry.path for entry in entries if entry.type == fs.FileType.File)
    scheme = address.split("://", 1)[0]
    return [
        FootageFile(str(PurePosixPath(path).relative_to(root)), f"{scheme}://{path}")
        for path in paths
        if PurePosixPath(path).suffix.lower() in SUFFIXES
    ]


def local_path(place: str) -> Path:
    """Return a path to read: the file itself, or a copy of an object in a bucket, kept in the temporary folder.

    Raises:
        OSError: the object cannot be downloaded.
    """
    if place.startswith(RAW_NAME):
        return Path(os.fsdecode(bytes.fromhex(place.removeprefix(RAW_NAME))))
    if "://" not in place:
        return Path(place)
    from pyarrow import fs

    system, path = fs.FileSystem.from_uri(place)
    # The modification time is part of the name, so an object that was replaced is downloaded again.
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
