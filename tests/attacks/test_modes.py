"""Names, prompts and keys are for their owner alone, whatever the umask: also outside of the ledger."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from ledger.tiny_video import tiny_video

from langit.device import CPU
from langit.serve.database import Database
from langit.serve.settings import ServeSettings
from langit.studio.naming import outputs_folder
from langit.studio.opening import EMBEDDINGS, remember_embeddings


@pytest.fixture(params=[0o000, 0o022, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    old = os.umask(request.param)
    yield request.param
    os.umask(old)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LANGIT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def is_closed(path: Path, home: Path) -> bool:
    """Whether a path, or a folder above it, is for its owner alone."""
    return any(not stat.S_IMODE(here.stat().st_mode) & 0o077 for here in (path, *path.parents) if here != home.parent)


class Encoder:
    def encode(self, texts: list[str]) -> tuple[torch.Tensor, tuple[int, ...]]:
        return torch.zeros(1, 4), (1,)


@pytest.mark.parametrize("earlier", [False, True])
def test_embeddings_outputs_and_the_server_are_in_closed_folders(home: Path, umask: int, earlier: bool) -> None:
    settings = ServeSettings(home=home)
    if earlier:
        for folder in (settings.videos, home / EMBEDDINGS, home / "outputs"):
            folder.mkdir(parents=True)
    encoder = Encoder()
    remember_embeddings(encoder, "digest", CPU)  # type: ignore[arg-type]  # only `encode` is used
    encoder.encode(["Anna Example dances"])
    Database.open(settings).close()
    (outputs_folder() / "anna-dances-1.mp4").write_bytes(b"")
    (settings.videos / "upload.png").write_bytes(b"")
    files = [path for path in home.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} >= {".safetensors", ".mp4", ".png"} and len(files) > 3
    assert [path for path in files if not is_closed(path, home)] == []


def test_nothing_that_the_command_line_makes_can_be_replaced_by_others(tmp_path: Path) -> None:
    command = "import os; os.umask(0); from langit.cli import main; main(['ledger', 'add', '.'])"
    home = tmp_path / "home"
    (tmp_path / "footage").mkdir()
    (tmp_path / "footage" / "film.y4m").write_bytes(tiny_video("film"))
    environment = os.environ | {"LANGIT_HOME": str(home)}
    done = subprocess.run([sys.executable, "-c", command], env=environment, cwd=tmp_path / "footage", check=False)
    assert done.returncode == 0 and (home / "ledger" / "log.lance").is_dir()
    writable = [path for path in (home, *home.rglob("*")) if path.lstat().st_mode & 0o022]
    assert writable == []
