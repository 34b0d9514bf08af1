"""What a file claims, read here and in a process of its own."""

from pathlib import Path

import numpy as np
import pytest

from langit import video
from langit.video import header
from langit.video.header import VideoHeader, read_header, read_header_apart


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    video.write(path, np.random.default_rng(0).integers(0, 256, (16, 32, 48, 3), dtype=np.uint8), 8)
    return path


def test_the_header_is_the_same_here_and_apart(clip: Path) -> None:
    assert read_header(clip, 60) == read_header_apart(clip, 60) == VideoHeader(48, 32, 8.0, 2.0)


def test_a_long_one_is_known_to_be_long(clip: Path) -> None:
    assert read_header(clip, 0.5).seconds > 0.5


def test_what_is_no_video_or_breaks_its_reader_is_refused(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = clip.with_name("text.mp4")
    text.write_text("no video")
    with pytest.raises(ValueError, match="cannot be read as video"):
        read_header_apart(text, 60)
    with monkeypatch.context() as patch:
        patch.setattr(header.sys, "executable", "/bin/false")  # as a process that crashed
        with pytest.raises(ValueError, match="cannot be read as video"):
            read_header_apart(clip, 60)
    monkeypatch.setattr(header, "SECONDS", 0.01)
    with pytest.raises(ValueError, match="takes longer"):
        read_header_apart(clip, 60)
