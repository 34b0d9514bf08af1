"""A caller names files in allowed folders alone, wherever links lead."""

from __future__ import annotations

from pathlib import Path

import pytest

from langit.tools.confine import AllowedFolders


@pytest.fixture
def folders(tmp_path: Path) -> AllowedFolders:
    for name in ("outputs", "footage", "outputs-too"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "film.mp4").write_bytes(b"film")
    (tmp_path / "secret.txt").write_bytes(b"secret")
    (tmp_path / "outputs" / "link.mp4").symlink_to(tmp_path / "secret.txt")
    (tmp_path / "outputs" / "door").symlink_to(tmp_path)
    (tmp_path / "outputs" / "near.mp4").symlink_to(tmp_path / "footage" / "film.mp4")
    return AllowedFolders([tmp_path / "outputs", tmp_path / "footage"])


def test_files_inside_are_found(folders: AllowedFolders, tmp_path: Path) -> None:
    assert folders.find_file("film.mp4") == tmp_path / "outputs" / "film.mp4"
    assert folders.find_file(str(tmp_path / "footage" / "film.mp4")) == tmp_path / "footage" / "film.mp4"
    assert folders.find_file("near.mp4") == tmp_path / "footage" / "film.mp4"


@pytest.mark.parametrize(
    "name",
    [
        "../secret.txt",
        "link.mp4",
        "door/secret.txt",
        "/etc/passwd",
        "../outputs-too/film.mp4",
        "~/film.mp4",
        "",
        "a\0b",
    ],
)
def test_nothing_outside_is_found(folders: AllowedFolders, name: str) -> None:
    with pytest.raises(ValueError, match="not"):
        folders.find_file(name)


def test_a_message_does_not_tell_what_is_outside(folders: AllowedFolders, tmp_path: Path) -> None:
    def message(name: str) -> str:
        with pytest.raises(ValueError, match="may be read") as caught:
            folders.find_file(name)
        return str(caught.value).replace(repr(name), "NAME")

    assert message(str(tmp_path / "secret.txt")) == message(str(tmp_path / "absent.txt"))
