"""Real clips by manifest: the right stretch, at the right moments, in the right shape, and only what is allowed."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from langit.feed.catalogue import Films
from langit.feed.footage import Wanted, clip_frames, find_manifest, fitted, footage_entries
from langit.files import sha256
from langit.ledger.derived import Caption, Manifest
from langit.ledger.policy import Policy
from langit.ledger.record import Clip, Source
from langit.ledger.store import Ledger
from langit.shapes import PixelShape

WANTED = Wanted(PixelShape.parse("16x16x5"), 4.0)


def ramp(path: Path, frames: int = 48, stamps: list[int] | None = None) -> Path:
    """A film of 12 frames a second whose brightness is four times the number of the frame."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=12)
        stream.height, stream.width, stream.pix_fmt, stream.options = 48, 64, "yuv420p", {"crf": "1"}
        for number in range(frames):
            picture = np.full((48, 64, 3), 4 * number, np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = stamps[number] if stamps else number, Fraction(1, 12)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def clip(source: str = "0" * 64, start: int = 12, frames: int = 24, crop: str | None = None) -> Clip:
    ends = str(Fraction(start + frames, 12))
    content = f"{start:064x}"
    return Clip(source, start, frames, False, (), content, "64x48", crop, "12", str(Fraction(start, 12)), ends, False)


def shades(frames: np.ndarray) -> list[int]:
    return [round(float(frame.mean()) / 4) for frame in frames]


def test_frames_are_those_shown_at_the_moments(tmp_path: Path) -> None:
    frames = clip_frames(ramp(tmp_path / "a.mp4"), clip(), WANTED)
    assert frames.shape == (5, 16, 16, 3) and shades(frames) == [12, 15, 18, 21, 24]


def test_uneven_times_count_not_numbers(tmp_path: Path) -> None:
    stamps = [number if number < 15 else number + 9 for number in range(48)]  # the 15th stays for ten
    frames = clip_frames(ramp(tmp_path / "a.mp4", stamps=stamps), clip(), WANTED)
    assert shades(frames) == [12, 14, 14, 14, 15]


def test_bars_are_cut_off_and_the_middle_is_kept() -> None:
    frame = np.zeros((48, 64, 3), np.uint8)
    frame[8:40] = 200
    frame[8:40, :16] = frame[8:40, 48:] = 90
    assert (fitted(frame, "64x32+0+8", WANTED.pixels) == 200).all()
    assert fitted(frame, None, PixelShape.parse("128x96x1")).shape == (96, 128, 3)


def entered(tmp_path: Path) -> tuple[Ledger, Manifest, list[Clip], Path]:
    path = ramp(tmp_path / "a.mp4")
    ledger = Ledger(tmp_path / "ledger")
    source = Source(kind="file", title="a", content_sha256=sha256(path), licence="CC0-1.0")
    clips = [clip(source.digest), clip(source.digest, 0, 10), clip(source.digest, 20), clip(source.digest, 22)]
    said = [Caption(each.digest, "it grows bright", "en", "sidecar", "1") for each in clips[:3]]
    ledger.add([source, *clips, *said])
    listing = ledger.evidence.put("".join(f"{each.digest}\n" for each in clips).encode())
    manifest = Manifest("set", ledger.size, "0" * 64, "0" * 64, "0" * 64, 4, listing, "2026-11-23T00:00:00+00:00")
    ledger.add([manifest])
    (tmp_path / "places.json").write_text(json.dumps({source.content_sha256: str(path)}))
    return ledger, manifest, clips, path


def test_a_manifest_gives_entries_whose_frames_are_kept(tmp_path: Path) -> None:
    ledger, manifest, clips, path = entered(tmp_path)
    assert find_manifest(ledger, "set") == find_manifest(ledger, manifest.digest) == manifest
    given = (ledger, Policy(), manifest, tmp_path / "places.json", tmp_path / "frames", WANTED)
    told: list[tuple[int, int]] = []
    entries = footage_entries(*given, lambda *said: told.append(said))
    assert [entry.clip for entry in entries] == [clips[0].digest, clips[2].digest]  # too short, and without a caption
    assert entries[0].captions == ("it grows bright",) and told == [(2, 2)]
    films = Films()
    assert shades(films.frames(entries[1]).numpy()) == [20, 23, 26, 29, 32]
    assert not films.masks(entries[1]).any()
    path.unlink()
    assert footage_entries(*given, lambda *_: None) == entries  # read from what was kept
    ledger.revoke(clips[0].digest, "asked to")
    with pytest.raises(ValueError, match="bring it back"):
        footage_entries(*given, lambda *_: None)  # another set of frames, whose file has gone
    ledger.revoke(clips[2].digest, "asked to")
    with pytest.raises(ValueError, match="no clip for 16x16x5"):
        footage_entries(*given, lambda *_: None)


def test_a_file_that_was_changed_is_not_read(tmp_path: Path) -> None:
    ledger, manifest, _, path = entered(tmp_path)
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(ValueError, match="changed after"):
        footage_entries(ledger, Policy(), manifest, tmp_path / "places.json", tmp_path / "f", WANTED, lambda *_: None)
    with pytest.raises(ValueError, match="does not say where"):
        footage_entries(ledger, Policy(), manifest, tmp_path / "no.json", tmp_path / "f", WANTED, lambda *_: None)


def test_a_manifest_that_there_is_not_is_named(tmp_path: Path) -> None:
    ledger, *_ = entered(tmp_path)
    with pytest.raises(ValueError, match="no manifest 'other'.*there is set"):
        find_manifest(ledger, "other")
