"""Atomic writes: a file or folder is there complete, or as it was before."""

import errno
import os
import stat
from pathlib import Path

import pytest
from safetensors import SafetensorError

from langit.files import atomic_write, created_folder, full_disk, recover, replace_folder, sha256, write_bytes


def test_the_digest_is_sha256(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    write_bytes(tmp_path / "a", b"old")
    with pytest.raises(RuntimeError), atomic_write(tmp_path / "a") as unfinished:
        unfinished.write_bytes(b"half")
        raise RuntimeError
    assert (tmp_path / "a").read_bytes() == b"old" and [path.name for path in tmp_path.iterdir()] == ["a"]


def test_the_first_of_several_writers_wins_if_nothing_is_replaced(tmp_path: Path) -> None:
    write_bytes(tmp_path / "a", b"first", replace=False)
    with pytest.raises(FileExistsError):
        write_bytes(tmp_path / "a", b"second", replace=False)
    assert (tmp_path / "a").read_bytes() == b"first" and len(list(tmp_path.iterdir())) == 1


def test_a_private_file_is_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with atomic_write(tmp_path / "key", private=True) as unfinished:
            assert stat.S_IMODE(unfinished.stat().st_mode) == 0o600  # from the first byte
            unfinished.write_bytes(b"secret")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600


def test_folders_that_were_created_for_nothing_are_removed(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(RuntimeError), created_folder(tmp_path / "there" / "a" / "b"):
        raise RuntimeError
    assert list((tmp_path / "there").iterdir()) == []
    with created_folder(tmp_path / "there" / "a"):
        pass
    assert (tmp_path / "there" / "a").is_dir()


def test_a_folder_is_replaced_in_one_step_or_stays(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    replace_folder(folder, lambda place: (place / "a").write_text("1") and None)

    def fail(place: Path) -> None:
        (place / "b").write_text("2")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        replace_folder(folder, fail)
    assert [path.name for path in folder.iterdir()] == ["a"] and [path.name for path in tmp_path.iterdir()] == [
        "folder"
    ]
    replace_folder(folder, lambda place: (place / "b").write_text("2") and None)
    assert [path.name for path in folder.iterdir()] == ["b"]


def test_a_replacement_that_was_cut_short_is_undone(tmp_path: Path) -> None:
    (tmp_path / ".folder.old").mkdir()
    (tmp_path / ".folder.old" / "a").write_text("1")
    recover(tmp_path / "folder")
    assert (tmp_path / "folder" / "a").read_text() == "1" and len(list(tmp_path.iterdir())) == 1


def test_a_full_disk_is_named_by_the_file_that_did_not_fit(tmp_path: Path) -> None:
    with (
        pytest.raises(OSError, match="No space left on device.*film.mp4") as caught,
        atomic_write(tmp_path / "film.mp4"),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")  # as a write to an open file fails: without a name
    assert caught.value.filename == str(tmp_path / "film.mp4") and not list(tmp_path.iterdir())


def test_a_full_disk_is_known_by_the_words_of_other_writers(tmp_path: Path) -> None:
    words = "Error while serializing: I/O error: No space left on device (os error 28)"
    with pytest.raises(OSError, match="No space left on device.*some") as caught, atomic_write(tmp_path / "some"):
        raise SafetensorError(words)
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(tmp_path / "some"))

    def full(_: Path) -> None:
        raise SafetensorError(words)

    with pytest.raises(OSError, match="No space left on device.*folder") as caught:
        replace_folder(tmp_path / "folder", full)
    assert caught.value.errno == errno.ENOSPC and list(tmp_path.iterdir()) == []
    # What was read is not what was written.
    with pytest.raises(SafetensorError, match="No such file"), atomic_write(tmp_path / "some"):
        raise SafetensorError("No such file or directory (os error 2)")


def test_a_full_disk_is_told_from_other_errors() -> None:
    lance = OSError("LanceError(IO): No space left on device (os error 28), writer.rs:254:9")  # without a number
    for error in (lance, SafetensorError("(os error 122)"), OSError(errno.ENOSPC, "full")):
        found = full_disk(error)
        assert found is not None and found.errno in (errno.ENOSPC, errno.EDQUOT)
    for other in (OSError("(os error 2)"), OSError(errno.ENOENT, "no space"), ValueError("the disk is full")):
        assert full_disk(other) is None


def test_the_first_writer_wins_on_disks_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(source: Path, path: Path) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted", str(source), None, str(path))  # as exFAT says

    monkeypatch.setattr(os, "link", link)
    write_bytes(tmp_path / "a", b"first", replace=False)
    with pytest.raises(FileExistsError):
        write_bytes(tmp_path / "a", b"second", replace=False)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a", b"first")]
