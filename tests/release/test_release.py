"""Released files contain what made them, and paths that cannot be written are refused beforehand."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from release.leaving import FACTS

from langit import video
from langit.generate.footage import Parent
from langit.release import Door, check_path, release, release_image

FRAMES = np.full((5, 64, 64, 3), 120, np.uint8)


def test_a_released_video_says_what_made_it(tmp_path: Path, door: Door) -> None:
    path = release(FRAMES, FACTS, tmp_path / "a.mp4", door).path
    assert path == tmp_path / "a.mp4" and path.is_absolute()
    info = video.probe(path)
    assert (info.frames, info.fps) == (5, 8.0)
    texts = {
        "model": "tiny",
        "prompt": "bola merah",
        "seed": "7",
        "steps": "25",
        "guidance": "4.0",
        "title": "bola merah",
    }
    assert texts.items() <= info.metadata.items()
    assert info.metadata["provenance"] == FACTS.provenance
    assert "Langit" in info.metadata["comment"] and "tiny" in info.metadata["comment"]


def test_paths_that_cannot_be_written_are_refused_beforehand(tmp_path: Path, door: Door) -> None:
    existing = tmp_path / "existing.mp4"
    existing.write_bytes(b"kept")
    (tmp_path / "folder.mp4").mkdir()
    for path, kind, words in (
        (existing, FileExistsError, "existing.mp4 exists"),
        (tmp_path / "folder.mp4", ValueError, "is a folder"),
        (tmp_path / "a.avi", ValueError, "does not end in .mp4 or .gif or .webm: name it a.mp4"),
        (tmp_path / "a", ValueError, "name it a.mp4"),
        (tmp_path / "none" / "a.mp4", FileNotFoundError, "none is not a folder"),
        (existing / "a.mp4", FileNotFoundError, "is not a folder"),
        (tmp_path / ("a" * 300 + ".mp4"), OSError, "too long"),
    ):
        with pytest.raises(kind, match=words):
            check_path(path)
        with pytest.raises(kind, match=words):
            release(FRAMES, FACTS, path, door)
    check_path(existing, overwrite=True)
    check_path(tmp_path / "free.mp4")
    assert existing.read_bytes() == b"kept" and len(list(tmp_path.iterdir())) == 2


def test_a_folder_that_cannot_be_written_is_refused_even_for_root(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        folder = Path("/proc")  # where root may all, and cannot
    else:
        folder = tmp_path
        folder.chmod(0o500)
    with pytest.raises(PermissionError, match="cannot be written to"):
        check_path(folder / "a.mp4")


def test_a_name_as_long_as_the_file_system_allows_can_be_written(tmp_path: Path, door: Door) -> None:
    longest = os.pathconf(tmp_path, "PC_NAME_MAX")
    path = release(FRAMES, FACTS, tmp_path / ("a" * (longest - 4) + ".mp4"), door).path
    assert video.probe(path).frames == 5


def test_a_released_image_says_what_made_it(tmp_path: Path, door: Door) -> None:
    picture = np.arange(16 * 24 * 3, dtype=np.uint8).reshape(16, 24, 3)
    parents = (Parent("still.png", "ab" * 32, ("cropped",)),)
    facts = replace(FACTS, prompt="mère Nyai Loro Kidul 赤", ability="image", parents=parents)
    path = release_image(picture, facts, tmp_path / "a.png", door).path
    with Image.open(path) as opened:
        assert path.is_absolute() and np.asarray(opened).shape == picture.shape
        texts = {"prompt": facts.prompt, "seed": "7", "ability": "image"}
        assert texts.items() <= opened.text.items() and "Langit" in opened.text["Comment"]
        assert opened.text["parents"] == f"sha256:{'ab' * 32} still.png (cropped)"
    with pytest.raises(FileExistsError, match="a.png exists"):
        release_image(picture, facts, path, door)
    release_image(picture, facts, path, door, overwrite=True)
    assert list(tmp_path.iterdir()) == [path]


def test_an_image_appears_whole_or_not_at_all(tmp_path: Path, door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = np.zeros((16, 24, 3), np.uint8)
    for bad, words in ((picture[None], "uint8"), (picture.astype(float), "float64")):
        with pytest.raises(ValueError, match=words):
            release_image(bad, FACTS, tmp_path / "a.png", door)
    with pytest.raises(ValueError, match="name it a.png"):
        release_image(picture, FACTS, tmp_path / "a.jpg", door)
    written = Image.Image.save

    def interrupted(image: Image.Image, path: Path, **options: object) -> None:
        written(image, path, **options)
        raise KeyboardInterrupt

    monkeypatch.setattr(Image.Image, "save", interrupted)
    with pytest.raises(KeyboardInterrupt):
        release_image(picture, FACTS, tmp_path / "a.png", door)
    assert list(tmp_path.iterdir()) == []
