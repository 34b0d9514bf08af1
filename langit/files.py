"""Digests of files, atomic writes, and folders that are replaced in one step.

All code that writes files uses this module. It knows nothing of their content.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700  # for keys and for personal data, whatever the umask
NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK)  # sticks and shares: FAT, exFAT, SMB
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # the disk, a quota, or what one file may hold
_unfinished: set[Path] = set()  # what `atomic_write` is writing now, in any thread


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex.

    Raises:
        OSError: the file cannot be read, or is a pipe, a device or a folder.
    """
    check_ordinary(path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_ordinary(path: Path) -> None:
    """Check that a path is a file before it is opened: a pipe may never answer, and a device never end.

    Raises:
        OSError: it is a folder, a pipe, a socket or a device, or does not exist.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "it is a folder, a pipe or a device, and not a file", str(path))


def readable_name(name: str) -> str:
    """A file name in valid UTF-8; bytes on disk that are not UTF-8 appear as ``\\xff``."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


@contextmanager
def atomic_write(path: Path, *, durable: bool = False, private: bool = False, replace: bool = True) -> Iterator[Path]:
    """Yield a temporary name beside ``path`` to write to; it is renamed to ``path`` on success, removed on an error.

    Args:
        path: the final name. Its folder must exist.
        durable: flush the file and its folder's entry to disk, so that it survives a power failure.
        private: create the file readable by its owner alone, from the first byte.
        replace: replace a file that exists; otherwise the first of several writers wins.

    Raises:
        FileExistsError: ``path`` exists and ``replace`` is false.
        OSError: the folder cannot be written to, or the disk is full, also where the writer says so by another error.
    """
    unfinished = path.with_name(f".{secrets.token_hex(8)}.part{path.suffix}")
    _unfinished.add(unfinished)
    try:
        if private:
            os.close(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE))
        with _full_named(path):
            yield unfinished
            if durable:
                flush(unfinished)
        if replace:
            unfinished.replace(path)
        else:
            move_to_new_name(unfinished, path)
        if durable:
            flush(path.parent)
    finally:
        unfinished.unlink(missing_ok=True)
        _unfinished.discard(unfinished)


@contextmanager
def _full_named(path: Path) -> Iterator[None]:
    """Name what did not fit: of a failed write the system says neither file nor folder, and libraries hide the rest."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL and error.filename is None:
            error.filename = str(path)
        raise
    except Exception as error:  # whatever a writer has for it; others pass through
        if (full := system_error(error, path)) is not None and full.errno in FULL:
            raise full from error
        raise


def system_error(error: Exception, path: Path | None = None) -> OSError | None:
    """The ``OSError`` that libraries in Rust (safetensors, Lance) hide in the words of their own, if there is one.

    Args:
        error: what a writer raised.
        path: what was being written, if that is known.
    """
    number = re.search(r"\(os error (\d+)\)", str(error))
    if number is None:
        return None
    named = () if path is None else (str(path),)
    return OSError(int(number[1]), os.strerror(int(number[1])), *named)


def full_disk(error: Exception) -> OSError | None:
    """The error as the system's own if it says that a disk or a quota is full, in whatever words; None otherwise."""
    known = error if isinstance(error, OSError) and error.errno is not None else system_error(error)
    return known if known is not None and known.errno in (errno.ENOSPC, errno.EDQUOT) else None


def move_to_new_name(source: Path, path: Path) -> None:
    """Give a file its name; unlike a rename, fail where the name is taken. ``source`` may stay as a second name.

    Raises:
        FileExistsError: ``path`` exists.
        OSError: the folder cannot be written to.
    """
    try:
        os.link(source, path)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))  # takes the name, for the rename to replace
        source.replace(path)


def discard_unfinished() -> None:
    """Remove what other threads are writing: a process that ends now does not let them clean up."""
    for path in list(_unfinished):
        path.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes, *, durable: bool = True, private: bool = False, replace: bool = True) -> None:
    """Write a whole file by :func:`atomic_write`, which explains the options and errors."""
    with atomic_write(path, durable=durable, private=private, replace=replace) as unfinished:
        unfinished.write_bytes(data)


def make_private(folder: Path) -> None:
    """Create a folder for its owner alone, whatever the umask; one that an earlier version made is closed as well.

    Raises:
        OSError: it cannot be created, or is another person's.
    """
    folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    if folder.stat().st_mode & 0o077:
        folder.chmod(PRIVATE_FOLDER)


@contextmanager
def created_folder(folder: Path) -> Iterator[None]:
    """Create a folder and its parents; on an error or interrupt, remove those that were created and are still empty.

    Raises:
        OSError: the folder cannot be created.
    """
    new = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for path in new:
            with suppress(OSError):
                path.rmdir()
        raise


def replace_folder(folder: Path, write: Callable[[Path], None]) -> None:
    """Let ``write`` fill a temporary folder, flush it to disk, and put it in the place of ``folder``.

    The old folder stays until the new one is complete; :func:`recover` undoes a replacement that was cut short.

    Raises:
        OSError: the parent folder cannot be written to. Whatever ``write`` raises passes through.
    """
    unfinished, old = _beside(folder, "partial"), _beside(folder, "old")
    folder.parent.mkdir(parents=True, exist_ok=True)
    recover(folder)
    for stray in (unfinished, old):
        shutil.rmtree(stray, ignore_errors=True)
    try:
        unfinished.mkdir()
        with _full_named(folder):
            write(unfinished)
            for path in [*unfinished.rglob("*"), unfinished]:
                flush(path)
        if folder.exists():
            folder.rename(old)
        unfinished.rename(folder)
        flush(folder.parent)
    except BaseException:
        recover(folder)
        raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)


def recover(folder: Path) -> None:
    """Restore the old folder if a process died between moving it away and renaming the new one into its place."""
    old = _beside(folder, "old")
    if old.exists() and not folder.exists():
        old.rename(folder)


def flush(path: Path) -> None:
    """Return only when a file, or a folder's list of files, is on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _beside(folder: Path, what: str) -> Path:
    return folder.parent / f".{folder.name}.{what}"
