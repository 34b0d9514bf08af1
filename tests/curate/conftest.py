"""A folder of footage with its ledger, as curation finds them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from langit.files import sha256
from langit.ledger.record import Source
from langit.ledger.store import Ledger

Enter = Callable[..., Source]


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger")


@pytest.fixture
def footage(tmp_path: Path) -> Path:
    folder = tmp_path / "footage"
    folder.mkdir()
    return folder


@pytest.fixture
def enter(ledger: Ledger) -> Enter:
    """Enter a file's source, with a licence unless told otherwise."""

    def entered(path: Path, licence: str | None = "CC0-1.0") -> Source:
        source = Source(kind="file", title=path.name, content_sha256=sha256(path), licence=licence)
        ledger.add([source])
        return source

    return entered
