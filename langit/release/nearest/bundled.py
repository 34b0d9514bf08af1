"""The index of training clips that a bundle contains, opened once. `training` makes it."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Final

from langit.bundle import Bundle
from langit.release.nearest.index import ClipIndex

FILE: Final = "nearest.safetensors"


def open_index(model: Bundle) -> ClipIndex | None:
    """A bundle's index of its training clips; None if it has none. Each file is opened once."""
    digest = model.provenance.files.get(FILE)
    return None if digest is None else _load(model.path / FILE, digest)


@lru_cache(maxsize=4)
def _load(path: Path, digest: str) -> ClipIndex:
    del digest  # only a key of the cache: another file under the same name is another index
    return ClipIndex.load(path)
