"""GIF and WebM leave by the same door: watermarked, signed, entered, and known again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from release.leaving import FACTS, clip

from langit import video
from langit.release import Door, check_path, release
from langit.release.credentials.stores import certificates_in
from langit.release.release import VIDEO_SUFFIXES
from langit.release.verdict import FileVerdict, VerifyFinding
from langit.release.verify import verify


def check(path: Path, door: Door) -> FileVerdict:
    return verify(path, home=door.home)


@pytest.mark.parametrize("suffix", VIDEO_SUFFIXES)
def test_every_format_carries_its_credentials_its_mark_and_an_entry(tmp_path: Path, door: Door, suffix: str) -> None:
    frames = clip(9, height=96, width=96)
    released = release(frames, FACTS, tmp_path / f"a{suffix}", door)
    info = video.probe(released.path)
    assert (info.frames, info.fps, info.width, info.height) == (9, 8.0, 96, 96)
    assert np.abs(video.read(released.path).astype(int) - frames).mean() < 6
    verdict = check(released.path, door)
    assert verdict.finding is VerifyFinding.TRUSTED and verdict.signed_here and verdict.chain
    assert verdict.credentials is not None and verdict.credentials.prompt == FACTS.prompt
    assert verdict.credentials.mark == FACTS.mark
    assert [known.how for known in verdict.known] == ["file"]
    assert certificates_in(released.path, verdict.credentials.label)
    beside = [tmp_path / "a.c2pa"] if suffix == ".webm" else []
    assert sorted(tmp_path.iterdir()) == sorted([released.path, *beside])
    assert released.sidecar == (beside[0] if beside else None)


@pytest.mark.parametrize("suffix", VIDEO_SUFFIXES)
def test_one_changed_byte_is_noticed(tmp_path: Path, door: Door, suffix: str) -> None:
    path = release(clip(), FACTS, tmp_path / f"a{suffix}", door).path
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)
    verdict = check(path, door)
    assert verdict.finding in (VerifyFinding.CHANGED, VerifyFinding.STRUCTURE) and verdict.intact is False


@pytest.mark.parametrize("suffix", [".gif", ".webm"])
def test_without_credentials_the_ledger_and_the_watermark_know_it(tmp_path: Path, door: Door, suffix: str) -> None:
    path = release(clip(17, height=96, width=96), FACTS, tmp_path / f"a{suffix}", door).path
    if suffix == ".webm":
        (tmp_path / "a.c2pa").unlink()
        assert check(path, door).finding is VerifyFinding.KNOWN_FILE
    copy = tmp_path / "copy.mp4"  # a converter drops credentials; the palette of a GIF must not have dropped the mark
    video.write(copy, video.read(path), 8)
    verdict = check(copy, door)
    assert verdict.finding is VerifyFinding.KNOWN_MARK and verdict.known[0].how == "watermark"


def test_the_credentials_beside_another_file_do_not_fit(tmp_path: Path, door: Door) -> None:
    first = release(clip(), FACTS, tmp_path / "a.webm", door)
    second = release(clip(seed=3), FACTS, tmp_path / "b.webm", door)
    assert first.sidecar is not None and second.sidecar is not None
    second.sidecar.write_bytes(first.sidecar.read_bytes())
    assert check(second.path, door).finding is VerifyFinding.CHANGED
    second.sidecar.write_bytes(b"\0" * 500)
    assert check(second.path, door).finding in (VerifyFinding.MANIFEST, VerifyFinding.KNOWN_FILE)


def test_a_file_of_credentials_is_not_replaced_unasked(tmp_path: Path, door: Door) -> None:
    beside = tmp_path / "a.c2pa"
    beside.write_bytes(b"somebody's")
    with pytest.raises(FileExistsError, match="a.c2pa exists: choose another name"):
        check_path(tmp_path / "a.webm")
    with pytest.raises(FileExistsError, match="a.c2pa exists"):
        release(clip(), FACTS, tmp_path / "a.webm", door)
    assert beside.read_bytes() == b"somebody's" and list(tmp_path.iterdir()) == [beside]
    release(clip(), FACTS, tmp_path / "a.webm", door, overwrite=True)
    assert check(tmp_path / "a.webm", door).finding is VerifyFinding.TRUSTED


def test_the_same_facts_give_the_same_pictures_in_every_format(tmp_path: Path, door: Door) -> None:
    for suffix in (".gif", ".webm"):
        one, other = (release(clip(), FACTS, tmp_path / f"{name}{suffix}", door).path for name in "xy")
        assert np.array_equal(video.read(one), video.read(other))


def test_a_gif_cannot_play_faster_than_browsers_show(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at most 50 frames per second, not 60: write an mp4"):
        video.write(tmp_path / "a.gif", clip(), 60)
    assert list(tmp_path.iterdir()) == []
