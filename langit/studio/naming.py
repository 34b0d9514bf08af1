"""Names of output files: found where none is given, and claimed so that two runs never write the same file."""

from __future__ import annotations

import hashlib
import re
import tempfile
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import filelock

from langit import config
from langit.files import make_private
from langit.release import IMAGE, check_path

MAX_SLUG: Final = 60
"""Characters of a title that become part of a file's name."""
OUTPUTS: Final = "outputs"
"""The folder of LANGIT_HOME for files without a name, unless a caller chooses another."""


def outputs_folder() -> Path:
    """The folder for files without a name, created if it is missing.

    Raises:
        OSError: it cannot be created.
    """
    folder = config.home() / OUTPUTS
    make_private(folder)  # names of files repeat their prompts
    return folder


def free_path(folder: Path, title: str, seed: int, suffix: str) -> Path:
    """A path in a folder that says what is shown and that is not in use: "red-ball-7.mp4", "red-ball-7-2.mp4"."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    # Letters of other scripts have no ASCII form and drop out.
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:MAX_SLUG].rstrip("-") or "video"
    path, number = folder / f"{slug}-{seed}{suffix}", 1
    while path.exists() or _claim_file(path).exists():
        number += 1
        path = folder / f"{slug}-{seed}-{number}{suffix}"
    return path


@contextmanager
def claim_paths(paths: Sequence[Path], overwrite: bool = False) -> Iterator[None]:
    """Keep other runs from writing these files meanwhile. The operating system drops a claim when its process ends.

    Raises:
        FileExistsError: a file is being written by another run; or it exists and ``overwrite`` is not set.
    """
    with ExitStack() as claims:
        for path in paths:
            claims.enter_context(_claim(path, overwrite))
        yield


@contextmanager
def claim_free_path(folder: Path, title: str, seed: int, suffix: str) -> Iterator[Path]:
    """Find a free path and claim it; see :func:`free_path`."""
    with ExitStack() as claim:
        while True:
            path = free_path(folder, title, seed, suffix)
            try:
                claim.enter_context(_claim(path, overwrite=False))
            except FileExistsError:
                continue  # another run was faster
            break
        yield path


def check_outputs(
    paths: Sequence[Path], suffixes: tuple[str, ...], overwrite: bool = False, preview: Path | None = None
) -> None:
    """Refuse names that cannot be written to, before anything is opened or generated.

    Args:
        paths: of the files.
        suffixes: they have to end in one of them.
        overwrite: whether existing files are replaced.
        preview: a .png to keep up to date, if there is one.

    Raises:
        ValueError, OSError: see :func:`langit.release.check_path`; or the preview is one of the files.
    """
    for path in paths:
        check_path(path, overwrite, suffixes)
    if preview is not None:
        check_path(preview, overwrite, (IMAGE,))
        if preview.absolute() in [path.absolute() for path in paths]:
            raise ValueError(f"{preview} cannot be both the preview and the image itself: give two names")


@contextmanager
def _claim(path: Path, overwrite: bool) -> Iterator[None]:
    lock = filelock.FileLock(_claim_file(path))
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout as error:
        raise FileExistsError(f"{path} is being written by another run: choose another name, or wait for it") from error
    try:
        # Checked only now: another run may have finished the file just before.
        if path.exists() and not overwrite:
            raise FileExistsError(f"{path} exists: choose another name, or overwrite it (--overwrite)")
        yield
    finally:
        # Removed while the lock is held: another run that opens it now finds it locked.
        _claim_file(path).unlink(missing_ok=True)
        lock.release()


def _claim_file(path: Path) -> Path:
    """A hidden file beside a path; its name is short however long the path's name is."""
    return path.with_name(f".{hashlib.sha256(path.name.encode(errors='surrogateescape')).hexdigest()[:16]}.claim")


def check_home() -> None:
    """Refuse a LANGIT_HOME that cannot be written to, before anything is generated.

    Raises:
        OSError: names the folder and the remedy.
    """
    home = config.home()
    try:
        home.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=home).close()  # permission bits do not decide it for root, or on read-only disks
    except OSError as error:
        raise PermissionError(
            f"{home}, the folder of keys and of the ledger, cannot be written to ({error.strerror}):"
            " set LANGIT_HOME to another folder"
        ) from error
