"""Files that appear under their names only when they are whole, and folders that go again if nothing came of them."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def draft(path: Path) -> Iterator[Path]:
    """Gives a name beside `path` to write to; it becomes `path` at the end, or is removed after an error."""
    unfinished = path.with_name(f".{secrets.token_hex(8)}.part{path.suffix}")
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def made(folder: Path) -> Iterator[None]:
    """Makes a folder and those above it; after an error or an interrupt, what it made and is empty is removed.

    Raises:
        OSError: the folder cannot be made.
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
