"""Pieces of footage: the right moments, decoded in one pass, and what is left out is counted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from feed.test_footage import clip, ramp, shades

from langit.feed.buckets import BucketConfig
from langit.feed.catalogue import ClipRecords, FrameReader
from langit.feed.footage import TrainingFormat, clip_frames, find_training_set
from langit.feed.pieces import (
    FootagePlan,
    Piece,
    bucketed_held_out,
    footage_pieces,
    manifest_sizes,
    piece_frames,
    plan_footage,
)
from langit.files import sha256
from langit.ledger.derived import Caption, Manifest
from langit.ledger.policy import Policy
from langit.ledger.record import Source
from langit.ledger.store import Ledger
from langit.shapes import PixelShape

SIZE = PixelShape.parse("16x16x5")
CONFIG = BucketConfig(area=256, frames=(5,))


def test_pieces_are_what_whole_clips_are_moved_on(tmp_path: Path) -> None:
    path = ramp(tmp_path / "a.mp4")
    whole = clip(frames=36)  # frames 12 to 47, three seconds
    pieces = [Piece(whole, SIZE, 0.0), Piece(whole, SIZE, 1.25), Piece(clip(start=30, frames=13), SIZE, 0.0)]
    first, second, other = piece_frames(path, pieces, 4.0)
    assert (first == clip_frames(path, whole, TrainingFormat(SIZE, 4.0))).all()
    assert shades(second) == [27, 30, 33, 36, 39] and shades(other) == [30, 33, 36, 39, 42]


def test_time_stamps_count_in_pieces_too(tmp_path: Path) -> None:
    stamps = [number if number < 15 else number + 9 for number in range(48)]  # the 15th stays for ten
    path = ramp(tmp_path / "a.mp4", stamps=stamps)
    (frames,) = piece_frames(path, [Piece(clip(frames=36), SIZE, 0.25)], 4.0)
    assert shades(frames) == [14, 14, 14, 15, 18]
    with pytest.raises(ValueError, match="has no frame 90: it is not the file that was curated"):
        piece_frames(path, [Piece(clip(start=90), SIZE, 0.0)], 4.0)


def entered(tmp_path: Path) -> tuple[Ledger, list[str], Path]:
    """Clips of two and a half, one, a quarter second, and one without a caption."""
    path = ramp(tmp_path / "a.mp4")
    ledger = Ledger(tmp_path / "ledger")
    source = Source(kind="file", title="a", content_sha256=sha256(path), licence="CC0-1.0")
    clips = [clip(source.digest, 0, 30), clip(source.digest, 30, 12), clip(source.digest, 42, 3)]
    clips.append(replace(clip(source.digest, 18, 13), crop="64x32+0+8"))
    said = [Caption(each.digest, "it grows bright", "en", "sidecar", "1") for each in clips[:3]]
    ledger.add([source, *clips, *said])
    listing = ledger.evidence.put("".join(f"{each.digest}\n" for each in clips).encode())
    when = "2026-11-23T00:00:00+00:00"
    ledger.add([Manifest("set", ledger.size, "0" * 64, "0" * 64, "0" * 64, len(clips), listing, when)])
    (tmp_path / "places.json").write_text(json.dumps({source.content_sha256: str(path)}))
    return ledger, [each.digest for each in clips], path


def planned(ledger: Ledger, held_out: frozenset[str] = frozenset()) -> tuple[ClipRecords, FootagePlan]:
    records, chosen = ClipRecords.read(ledger, Policy()), find_training_set(ledger, "set")
    sizes = manifest_sizes(records, chosen, CONFIG, 4.0)
    assert sizes == (SIZE,)
    return records, plan_footage(records, chosen, sizes, 4.0, held_out)


def test_a_plan_says_what_is_learnt_and_what_is_left_out(tmp_path: Path) -> None:
    ledger, digests, path = entered(tmp_path)
    records, plan = planned(ledger, frozenset([digests[1]]))
    assert [(piece.clip.digest, piece.starts) for piece in plan.pieces] == [
        (digests[0], 0.0),
        (digests[0], 1.25),
        (digests[1], 0.0),
    ]
    assert plan.left_out == {"shorter than 5 frames at 4 a second": 1, "without a caption": 1}
    assert list(plan.lines()) == [
        "16x16x5 at 4 frames a second: 2 clips in 3 pieces, 4 s, 75% of the picture kept",
        "left out: 1 clips, shorter than 5 frames at 4 a second",
        "left out: 1 clips, without a caption",
        "held out: 1 of these clips, to say how near real clips are to each other",
    ]

    def places() -> dict[str, str]:
        found: dict[str, str] = json.loads((tmp_path / "places.json").read_text())
        return found

    reports: list[tuple[int, int]] = []
    pieces = footage_pieces(records, plan, places, tmp_path / "frames", lambda *counts: reports.append(counts))
    assert reports == [(3, 3)] and [piece.starts for piece in pieces] == [0.0, 1.25, 0.0]
    reader = FrameReader()
    assert [shades(reader.frames(piece).numpy())[0] for piece in pieces] == [0, 15, 30]
    path.unlink()

    def gone() -> dict[str, str]:
        raise AssertionError("frames that are kept are not looked for")

    assert footage_pieces(records, plan, gone, tmp_path / "frames", lambda *_: None) == pieces


def test_a_revoked_clip_is_left_out_and_sizes_and_split_stay(tmp_path: Path) -> None:
    ledger, digests, _ = entered(tmp_path)
    records, _ = planned(ledger)
    before = bucketed_held_out(records, find_training_set(ledger, "set"), (SIZE,), 4.0)
    ledger.revoke(digests[0], "asked to")
    records, plan = planned(ledger)
    assert {piece.clip.digest for piece in plan.pieces} == {digests[1]}
    assert any("revoked" in reason for reason in plan.left_out)
    assert bucketed_held_out(records, find_training_set(ledger, "set"), (SIZE,), 4.0) == before
    with pytest.raises(ValueError, match=r"of its 4 clips every clip that could be learnt is held out \(1 may not be"):
        planned(ledger, frozenset([digests[1]]))
    ledger.revoke(digests[1], "asked to")
    with pytest.raises(ValueError, match=r"of its 4 clips none can be learnt \(2 may not be used .*revoked.*caption"):
        planned(ledger)


def test_footage_that_fits_nowhere_says_so(tmp_path: Path) -> None:
    ledger, *_ = entered(tmp_path)
    records, chosen = ClipRecords.read(ledger, Policy()), find_training_set(ledger, "set")
    with pytest.raises(
        ValueError, match=r"none of its 4 clips is large and long enough: the longest lasts 2.5 s where"
    ):
        manifest_sizes(records, chosen, BucketConfig(area=256, frames=(17,)), 4.0)
    longer = (PixelShape.parse("16x16x9"),)
    with pytest.raises(ValueError, match=r"has 1 captioned clips of 9 frames.*give at least 2.*1 of its clips have no"):
        bucketed_held_out(records, chosen, longer, 4.0)
