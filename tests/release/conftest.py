"""A tiny video and a picture, what made them, and who signs; a door for a small model with real parts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bundle.miniature import make_parts, make_provenance
from PIL import Image
from release.authorities import EMAIL, Holder, issue

from langit import video
from langit.bundle import Bundle, load_bundle, save_bundle
from langit.bundle.provenance import LedgerState
from langit.release import Door
from langit.release.credentials.identity import Identity, identity
from langit.release.facts import Facts

LEDGER = LedgerState("langit-ledger-test", 30600, "ef" * 32)


@pytest.fixture(scope="session")
def facts() -> Facts:
    return Facts(
        model="pocket",
        prompt="bola merah di atas salju",
        seed=7,
        fps=8.0,
        steps=12,
        guidance=3.0,
        provenance="sha256:" + "ab" * 32,
        ledger=LEDGER,
        asked="bola merah",
        sampling='{"solver":"ab2","steps":12}',
    )


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video that nobody has signed."""
    path = tmp_path_factory.mktemp("plain") / "plain.mp4"
    frames = np.random.default_rng(0).integers(0, 255, (5, 64, 64, 3), dtype=np.uint8)
    video.write(path, frames, 8, {"title": "bola merah"})
    return path


@pytest.fixture(scope="session")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("picture") / "picture.png"
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (48, 64, 3), dtype=np.uint8)).save(path)
    return path


@pytest.fixture(scope="session")
def own(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    """The identity of a home, whose keys lie in ``Path(own.where).parent``."""
    return identity(tmp_path_factory.mktemp("home") / "keys")


@pytest.fixture(scope="session")
def root() -> Holder:
    return issue("Root of the test", authority=True)


@pytest.fixture(scope="session")
def leaf(root: Holder) -> Holder:
    return issue("Leaf of the test", root, use=EMAIL)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A bundle of random weights without an index of its films."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    save_bundle(folder, make_parts(), make_provenance())
    return load_bundle(folder)


@pytest.fixture
def door(tiny: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Door:
    """A door with a home of its own."""
    return Door.of(tiny, tmp_path_factory.mktemp("home"))


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """An empty folder to leave videos in."""
    folder = tmp_path / "out"
    folder.mkdir()
    return folder
