"""A file that names other files is not opened: a playlist from a stranger would read what it names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from langit import video
from langit.release.pictures import first_frames


def _playlist(film: Path) -> str:
    return f"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:9\n#EXTINF:2.0,\n{film}\n#EXT-X-ENDLIST\n"


def _concat(film: Path) -> str:
    return f"ffconcat version 1.0\nfile {film.name}\n"


def _dash(film: Path) -> str:
    return (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'mediaPresentationDuration="PT2S">'
        '<Period><AdaptationSet mimeType="video/mp4"><Representation id="a" bandwidth="1">'
        f"<BaseURL>{film}</BaseURL></Representation></AdaptationSet></Period></MPD>"
    )


@pytest.mark.parametrize(
    ("name", "text"), [("list.m3u8", _playlist), ("list.mp4", _concat), ("list", _concat), ("list.mpd", _dash)]
)
def test_a_list_of_files_is_not_opened(tmp_path: Path, name: str, text: Callable[[Path], str]) -> None:
    film = tmp_path / "film.mp4"
    video.write(film, np.full((4, 64, 64, 3), 90, np.uint8), 8)
    assert len(list(first_frames(film))) == 4
    (tmp_path / name).write_text(text(film), encoding="utf-8")
    assert list(first_frames(tmp_path / name)) == []
    with pytest.raises(ValueError, match="cannot be read as video"):
        video.probe(tmp_path / name)
