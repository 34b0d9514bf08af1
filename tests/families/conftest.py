"""Tiny checkpoints that tests share, and copies of them to damage."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from families import tiny

from langit.families.load import OpenBundle, open_checkpoint


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A checkpoint of a kind, saved once. Do not change it."""
    base = tmp_path_factory.mktemp("checkpoints")

    def find(kind: str) -> Path:
        if not (base / kind).is_dir():
            tiny.save(kind, base / kind)
        return base / kind

    return find


@pytest.fixture(scope="session")
def opened(saved: Callable[[str], Path]) -> Callable[[str], OpenBundle]:
    """The same, opened once."""
    bundles: dict[str, OpenBundle] = {}

    def find(kind: str) -> OpenBundle:
        if kind not in bundles:
            bundles[kind] = open_checkpoint(saved(kind))
        return bundles[kind]

    return find


@pytest.fixture
def copied(saved: Callable[[str], Path], tmp_path: Path) -> Callable[[str], Path]:
    """A copy of a checkpoint, to be damaged."""
    return lambda kind: Path(shutil.copytree(saved(kind), tmp_path / "copy" / kind))
