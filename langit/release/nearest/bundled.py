"""The index that a bundle carries, opened once. Knows nothing of how it is made: see ``training``."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Final

from langit.bundle import Bundle
from langit.release.nearest.index import ClipIndex

FILE: Final = "nearest.safetensors"


def open_index(model: Bundle) -> ClipIndex | None:
    """A bundle's index of its training clips; ``None`` if it carries none. Opened once for each file."""
    digest = model.provenance.files.get(FILE)
    return None if digest is None else _opened(model.path / FILE, digest)


@lru_cache(maxsize=4)
def _opened(path: Path, digest: str) -> ClipIndex:
    del digest  # another file under the same name is another index
    return ClipIndex.load(path)
