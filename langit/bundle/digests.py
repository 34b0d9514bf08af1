"""A cache of the digests of files that have not changed since they were hashed, so that a model opens quickly.

What it trusts: the file system's record of a file. A file counts as unchanged while its path, device, inode, size and
times of modification and of status change (to the nanosecond) are the same. Every write updates the last one, which
programs cannot set. So the cache misses a change by someone who can set the clock, write to the raw disk or edit the
cache; ``langit bundle check`` always hashes every byte. As in git's index, a file that was changed less than two
seconds ago is not remembered, because a second change could carry the same time.
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from langit import config
from langit.config import parse_json
from langit.files import sha256, write_bytes

FILE = "digests.json"  # in LANGIT_HOME
MAX_ENTRIES = 4096
SETTLED_NS = 2_000_000_000

Identity = tuple[int, ...]


@dataclass
class DigestCache:
    """Digests by path. A cache file that is missing, damaged or not writable is the same as an empty one."""

    path: Path
    _known: dict[str, tuple[Identity, str]] = field(default_factory=dict)
    _changed: bool = False

    @classmethod
    def open(cls, home: Path | None = None) -> DigestCache:
        """Read the cache in ``home`` (default LANGIT_HOME)."""
        path = (home or config.home()) / FILE
        return cls(path, _read(path))

    def sha256(self, path: Path) -> str:
        """The SHA-256 of a file's content, from the cache if the file has not changed.

        Raises:
            OSError: the file cannot be read.
        """
        name, before = str(path.resolve()), _identity(path)
        identity, digest = self._known.get(name, ((), ""))
        if identity == before:
            return digest
        digest = sha256(path)
        settled = time.time_ns() - max(before[-2:]) > SETTLED_NS
        if settled and _identity(path) == before:
            self._known.pop(name, None)  # so that the newest entries come last
            self._known[name] = (before, digest)
            self._changed = True
        return digest

    def save(self) -> None:
        """Write the cache if it changed. Failing to write it is not an error: files are then hashed again."""
        if not self._changed:
            return
        kept = list((_read(self.path) | self._known).items())[-MAX_ENTRIES:]
        plain = {name: [*identity, digest] for name, (identity, digest) in kept}
        with suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_bytes(self.path, json.dumps(plain).encode(), durable=False, private=True)


def _identity(path: Path) -> Identity:
    status = path.stat()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _read(path: Path) -> dict[str, tuple[Identity, str]]:
    try:
        plain = parse_json(path.read_bytes(), str(path))
        known = {str(name): (tuple(map(int, item[:5])), str(item[5])) for name, item in plain.items()}
    except (OSError, ValueError, TypeError, AttributeError, IndexError):
        return {}
    return known
