"""Every test: one thread, fixed seeds, a state folder of its own, and shapes checked on public functions."""

from __future__ import annotations

import ctypes.util
import itertools
import os
import random
from collections.abc import Iterator
from pathlib import Path

from jaxtyping import install_import_hook

os.environ.setdefault("OMP_NUM_THREADS", "1")
# Before the first import of langit. Not in rooms that torch.compile traces, nor where values are checked for people.
CHECKED = ["autoencoder", "families", "flow", "generate", "patches", "release", "shapes", "video", "worlds"]
install_import_hook([f"langit.{room}" for room in CHECKED], "shapecheck.check")

import numpy as np  # noqa: E402
import pytest  # noqa: E402
import torch  # noqa: E402
from hypothesis import settings  # noqa: E402

torch.set_num_threads(1)
# Busy machines are slow at times. In CI a change is judged by cases that do not vary; elsewhere new ones are tried.
settings.register_profile("house", deadline=None, derandomize=os.environ.get("CI") == "true")
settings.load_profile("house")


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Folders that nobody has used; whoever keeps state there makes them."""
    base = tmp_path_factory.mktemp("homes")
    return (base / str(number) for number in itertools.count())


@pytest.fixture(autouse=True)
def _alone(homes: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the person's own state is read or written, and chance is the same on every run."""
    monkeypatch.setenv("LANGIT_HOME", str(next(homes)))
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the files that tests/attacks/suite.txt lists as attacks; skip what cannot be drawn here."""
    tests = Path(__file__).parent
    suite = {tests / line for line in (tests / "attacks" / "suite.txt").read_text(encoding="utf-8").splitlines()}
    for item in items:
        if item.path in suite:
            item.add_marker(pytest.mark.attack)
    _skip_drawing(items)


def _skip_drawing(items: list[pytest.Item]) -> None:
    """Tests that draw worlds need OSMesa where there is no GPU. In CI its absence is an error, not a skip."""
    drawing = [item for item in items if item.get_closest_marker("draws") or "worlds" in Path(item.path).parts]
    elsewhere = os.environ.get("MUJOCO_GL", "osmesa") != "osmesa"
    elsewhere = elsewhere or ("MUJOCO_GL" not in os.environ and Path("/dev/nvidia0").exists())
    if elsewhere or ctypes.util.find_library("OSMesa") or os.environ.get("CI") == "true":
        return
    for item in drawing:
        item.add_marker(pytest.mark.skip(reason="OSMesa is missing: install libosmesa6"))
