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
