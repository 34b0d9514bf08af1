"""What lies in a folder of footage and is no file is reported, never opened."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from langit.curate.footage import list_files


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes of POSIX")
def test_pipes_and_links_that_lead_nowhere_are_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "loop.mp4").symlink_to("loop.mp4")
    (tmp_path / "zero.mp4").symlink_to("/dev/zero")
    (tmp_path / "film.mp4").write_bytes(b"x")
    problems = [file.refused for file in list_files(str(tmp_path))]
    said = ["None", "a link that leads nowhere", "a pipe or a device", "lies outside"]
    assert all(words in str(problem) for problem, words in zip(problems, said, strict=True))
