"""The signing key of a ledger: a file in its folder that only its owner can read, created when first needed.

The key's name is the log's origin. Knows nothing of what is signed.
"""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from langit.files import PRIVATE_FOLDER, write_bytes
from langit.ledger.checkpoint import Signer

FILE = "signing.key"


def signer(folder: Path, name: str | None = None) -> Signer:
    """Return the key of the ledger in ``folder``; creates one, named ``name`` or at random, if there is none.

    Raises:
        ValueError: the file is not a key, others can read it, or the key has another name.
    """
    file = folder / FILE
    if not file.exists():
        folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        _create(file, Signer.generate(name or f"langit-ledger-{secrets.token_hex(4)}"))
    if os.name == "posix" and stat.S_IMODE(file.stat().st_mode) & 0o077:
        raise ValueError(f"{file} can be read by others than its owner: chmod 600 it, or revoke the key")
    found = Signer.parse(file.read_text(encoding="utf-8"))
    if name is not None and found.name != name:
        raise ValueError(f"{file} is a key named {found.name!r}, not {name!r}: a ledger keeps its key and its name")
    return found


def _create(file: Path, key: Signer) -> None:
    """Write a key whole, readable by its owner alone from the first byte; of two who try at once one wins."""
    with suppress(FileExistsError):
        write_bytes(file, (key.export() + "\n").encode(), private=True, replace=False)
