"""The one door: what made a video is written in it, and what cannot be written is refused beforehand."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from langit import video
from langit.release import Facts, check_path, release

FACTS = Facts(
    model="pocket", prompt="bola merah", seed=7, fps=8.0, steps=25, guidance=4.0, provenance="sha256:" + "ab" * 32
)
FRAMES = np.full((5, 64, 64, 3), 120, np.uint8)


def test_a_released_video_says_what_made_it(tmp_path: Path) -> None:
    path = release(FRAMES, FACTS, tmp_path / "a.mp4")
    assert path == tmp_path / "a.mp4" and path.is_absolute()
    info = video.probe(path)
    assert (info.frames, info.fps) == (5, 8.0)
    told = {
        "model": "pocket",
        "prompt": "bola merah",
        "seed": "7",
        "steps": "25",
        "guidance": "4.0",
        "title": "bola merah",
    }
    assert told.items() <= info.metadata.items()
    assert info.metadata["provenance"] == FACTS.provenance
    assert "Langit" in info.metadata["comment"] and "pocket" in info.metadata["comment"]


def test_places_that_cannot_be_written_are_refused_beforehand(tmp_path: Path) -> None:
    there = tmp_path / "there.mp4"
    there.write_bytes(b"kept")
    (tmp_path / "folder.mp4").mkdir()
    for path, kind, words in (
        (there, FileExistsError, "there.mp4 exists"),
        (tmp_path / "folder.mp4", ValueError, "is a folder"),
        (tmp_path / "a.webm", ValueError, "name it a.mp4"),
        (tmp_path / "a", ValueError, "name it a.mp4"),
        (tmp_path / "none" / "a.mp4", FileNotFoundError, "none is not a folder"),
        (there / "a.mp4", FileNotFoundError, "is not a folder"),
        (tmp_path / ("a" * 300 + ".mp4"), OSError, "too long"),
    ):
        with pytest.raises(kind, match=words):
            check_path(path)
        with pytest.raises(kind, match=words):
            release(FRAMES, FACTS, path)
    check_path(there, overwrite=True)
    check_path(tmp_path / "free.mp4")
    assert there.read_bytes() == b"kept" and len(list(tmp_path.iterdir())) == 2


def test_a_folder_that_cannot_be_written_is_refused_even_for_root(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        folder = Path("/proc")  # where root may all, and cannot
    else:
        folder = tmp_path
        folder.chmod(0o500)
    with pytest.raises(PermissionError, match="cannot be written to"):
        check_path(folder / "a.mp4")


def test_a_name_as_long_as_the_file_system_allows_can_be_written(tmp_path: Path) -> None:
    longest = os.pathconf(tmp_path, "PC_NAME_MAX")
    path = release(FRAMES, FACTS, tmp_path / ("a" * (longest - 4) + ".mp4"))
    assert video.probe(path).frames == 5
