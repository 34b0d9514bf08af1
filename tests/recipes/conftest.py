"""One whole run of the tiny recipe, for all tests of this room that only look at it."""

from __future__ import annotations

from pathlib import Path

import pytest

from langit import recipes
from langit.recipes.run import run


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    run(recipes.find("tiny"), home=folder, workers=1, report=lambda *_: None)
    return folder


@pytest.fixture
def beside(home: Path, tmp_path: Path) -> Path:
    """A home of its own in which all of the run is there; folders that come new are its own."""
    for name in ("films", "ledger", "latents", "runs/tiny"):
        (tmp_path / name).mkdir(parents=True)
        for path in (home / name).glob("[!.]*"):  # not the lock: locks do not follow links
            (tmp_path / name / path.name).symlink_to(path)
    return tmp_path
