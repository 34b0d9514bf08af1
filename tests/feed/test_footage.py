"""Real clips of a manifest: the right stretch, moments and shape, and only what is allowed."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from langit.feed.catalogue import ClipRecords, FootageClip, FrameReader
from langit.feed.footage import (
    TrainingFormat,
    clip_frames,
    crop_and_scale,
    find_training_set,
    footage_clips,
    held_out_footage,
)
from langit.files import sha256
from langit.ledger.derived import Caption, Manifest
from langit.ledger.policy import Policy
from langit.ledger.record import Clip, Source
from langit.ledger.store import Ledger
from langit.shapes import PixelShape

WANTED = TrainingFormat(PixelShape.parse("16x16x5"), 4.0)


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


def test_frames_are_chosen_by_time_stamps_not_by_numbers(tmp_path: Path) -> None:
    stamps = [number if number < 15 else number + 9 for number in range(48)]  # the 15th stays for ten
    frames = clip_frames(ramp(tmp_path / "a.mp4", stamps=stamps), clip(), WANTED)
    assert shades(frames) == [12, 14, 14, 14, 15]


def test_bars_are_cropped_and_the_middle_is_kept() -> None:
    frame = np.zeros((48, 64, 3), np.uint8)
    frame[8:40] = 200
    frame[8:40, :16] = frame[8:40, 48:] = 90
    assert (crop_and_scale(frame, "64x32+0+8", WANTED.pixels) == 200).all()
    assert crop_and_scale(frame, None, PixelShape.parse("128x96x1")).shape == (96, 128, 3)


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


def clips_of(ledger: Ledger, manifest: Manifest, places: Path, folder: Path, report=lambda *_: None):
    """The manifest's clips as the ledger allows them now."""
    records = ClipRecords.read(ledger, Policy())
    return footage_clips(records, find_training_set(ledger, manifest.digest), places, folder, WANTED, report)


def test_a_manifest_gives_clips_whose_frames_are_kept(tmp_path: Path) -> None:
    ledger, manifest, clips, path = entered(tmp_path)
    assert find_training_set(ledger, "set") == find_training_set(ledger, manifest.digest)
    assert find_training_set(ledger, "set").clips == {each.digest for each in clips}
    given = (ledger, manifest, tmp_path / "places.json", tmp_path / "frames")
    reports: list[tuple[int, int]] = []
    found = clips_of(*given, lambda *counts: reports.append(counts))
    assert [each.digest for each in found] == [clips[0].digest, clips[2].digest]  # too short, and without a caption
    assert found[0].captions == ("it grows bright",) and reports == [(2, 2)]
    assert {(type(each), each.fps, each.pixels) for each in found} == {(FootageClip, 4.0, WANTED.pixels)}
    reader = FrameReader()
    assert shades(reader.frames(found[1]).numpy()) == [20, 23, 26, 29, 32]
    assert not reader.masks(found[1]).any()
    path.unlink()
    assert clips_of(*given) == found  # read from what was kept
    ledger.revoke(clips[0].digest, "asked to")
    with pytest.raises(ValueError, match="bring it back"):
        clips_of(*given)  # another set of frames, whose file has gone
    ledger.revoke(clips[2].digest, "asked to")
    with pytest.raises(ValueError, match="no clip for 16x16x5"):
        clips_of(*given)


def test_a_set_without_usable_clips_says_why(tmp_path: Path) -> None:
    ledger, manifest, clips, _ = entered(tmp_path)
    given = (ledger, manifest, tmp_path / "places.json", tmp_path / "frames")
    for each in (clips[0], clips[2]):
        ledger.revoke(each.digest, "asked to")
    with pytest.raises(ValueError, match="2 of its 4 are allowed, 1 of these are long enough, and none of these has"):
        clips_of(*given)
    ledger.revoke(clips[3].digest, "asked to")
    with pytest.raises(ValueError, match="1 of its 4 are allowed, and the longest lasts 0.833 s where 1 s are needed"):
        clips_of(*given)
    ledger.revoke(clips[1].digest, "asked to")
    with pytest.raises(ValueError, match=r"none of its 4 clips may be used any more \(.*revoked.*\): curate again"):
        clips_of(*given)


def test_a_file_that_was_changed_is_not_read(tmp_path: Path) -> None:
    ledger, manifest, _, path = entered(tmp_path)
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(ValueError, match="changed after"):
        clips_of(ledger, manifest, tmp_path / "places.json", tmp_path / "frames")
    with pytest.raises(ValueError, match="nothing says where the file"):
        clips_of(ledger, manifest, tmp_path / "no.json", tmp_path / "frames")


def test_an_unknown_manifest_is_named(tmp_path: Path) -> None:
    ledger, *_ = entered(tmp_path)
    with pytest.raises(ValueError, match="no manifest 'other'.*there is set"):
        find_training_set(ledger, "other")


def test_a_tenth_of_footage_is_held_out_and_at_least_one_clip_of_two(tmp_path: Path) -> None:
    ledger, manifest, clips, _ = entered(tmp_path)
    chosen = find_training_set(ledger, manifest.digest)
    held_out = held_out_footage(ClipRecords.read(ledger, Policy()), chosen, WANTED)
    assert len(held_out) == 1 and held_out < {clips[0].digest, clips[2].digest}
    ledger.revoke(next(iter(held_out)), "asked to")
    assert held_out_footage(ClipRecords.read(ledger, Policy()), chosen, WANTED) == held_out  # the split stays
    longer = TrainingFormat(PixelShape.parse("16x16x17"), 4.0)
    with pytest.raises(ValueError, match="has 0 captioned clips.*give at least 2"):
        held_out_footage(ClipRecords.read(ledger, Policy()), chosen, longer)
