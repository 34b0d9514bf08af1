"""One trainer to a run: a lock on the run's folder, held for as long as a process trains it.

Two trainers in one folder would write each other's steps into the exposure log, and nobody could say any more what the
model had seen. The operating system releases the lock when a process ends, however it ends.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import filelock

LOCK: Final = ".lock"
OWNER: Final = ".trainer.json"  # who holds it


@contextmanager
def locked_run(folder: Path) -> Iterator[None]:
    """Hold the lock of a run's folder, which is created if it is missing.

    Raises:
        ValueError: another process holds it; the message names the process.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout as error:
        raise ValueError(
            f"{folder} is being trained by {_owner(folder)}: wait for it or stop it, or train beside it under another"
            " name (name=OTHER)"
        ) from error
    try:
        # A file of its own: opening the lock file to try the lock empties it.
        (folder / OWNER).write_text(json.dumps({"process": os.getpid(), "host": platform.node()}), encoding="utf-8")
        yield
    finally:
        (folder / OWNER).unlink(missing_ok=True)
        lock.release()


def _owner(folder: Path) -> str:
    try:
        owner = json.loads((folder / OWNER).read_text(encoding="utf-8"))
        elsewhere = f" on {owner['host']}" if owner["host"] != platform.node() else ""
        return f"process {owner['process']}{elsewhere}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"  # it has the lock and has not written who it is yet
