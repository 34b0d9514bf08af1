"""Pictures in a folder of footage: curated as clips of one frame, by the same gates as films."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from curate.conftest import Enter
from curate.making import encode, scene
from curate.test_run import why
from PIL import Image, ImageDraw, ImageFont

from langit import video
from langit.curate import run
from langit.curate.alike import sample_looks, similar_clips
from langit.curate.examine import STILL, examine
from langit.curate.settings import ClipLimits, Curation
from langit.curate.survey import SurveySettings
from langit.curate.takedown import RevokedLooks, keep_looks
from langit.feed.pieces import Piece, piece_frames
from langit.feed.traces import find_artifacts
from langit.ledger.add import add_folder
from langit.ledger.lineage import Lineage
from langit.ledger.record import Revocation
from langit.ledger.statements import Provider, corpus
from langit.ledger.statements_eu import summary
from langit.ledger.store import Ledger
from langit.shapes import PixelShape

TURNED = 6  # EXIF: the top of the picture is at the right of what is stored


@pytest.fixture
def curation(footage: Path) -> Curation:
    return Curation("set", str(footage), limits=ClipLimits(sharpness=1.0))


def picture(path: Path, seed: int, **options: object) -> Path:
    Image.fromarray(scene(seed, 1)[0]).save(path, **options)  # type: ignore[arg-type]  # of each format
    return path


def turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x112] = TURNED
    return exif


def test_pictures_become_clips_of_one_frame(
    footage: Path, ledger: Ledger, enter: Enter, curation: Curation, tmp_path: Path
) -> None:
    for seed, name in enumerate(("a.png", "b.jpeg", "c.webp", "turned.jpg")):
        path = picture(footage / name, seed, **({"exif": turned(), "quality": 95} if name[0] == "t" else {}))
        path.with_suffix(".txt").write_text(f"a texture, number {seed}")
        enter(path)
    found = run.curate(curation, ledger, tmp_path / "cache")
    assert why(found) == dict.fromkeys(("a.png", "b.jpeg", "c.webp", "turned.jpg"), "kept")
    clips = ledger.clips()
    assert all(clip.is_picture and (clip.frames, clip.fps, clip.ends_at) == (1, None, "0") for clip in clips)
    assert {clip.size for clip in clips} == {"128x96", "96x128"} and len(ledger.captions()) == 4
    assert all(clip.likeness is False and "motion" not in clip.measured for clip in clips)
    upright = next(clip for clip in clips if clip.size == "96x128")
    (frames,) = piece_frames(footage / "turned.jpg", [Piece(upright, PixelShape(1, 128, 96), 0.0)], 8.0)
    stored = scene(3, 1)[0]
    assert np.abs(frames[0].astype(int) - np.rot90(stored, -1)).mean() < 8
    assert video.probe(footage / "turned.jpg").still and (upright.frames, upright.start) == (1, 0)
    size = ledger.size
    assert run.curate(curation, ledger, tmp_path / "cache").manifest == found.manifest and ledger.size == size
    whole = corpus(Lineage(ledger, find_artifacts(tmp_path)), "2026-11-28")
    said = json.dumps(summary(whole, Provider()))
    assert "Less than 1 million images (4 images)" in said and "Image, text (captions" in said


def test_a_picture_passes_the_gates_of_films(
    footage: Path, ledger: Ledger, enter: Enter, curation: Curation, tmp_path: Path
) -> None:
    enter(picture(footage / "refused.png", 1), "CC-BY-NC-4.0")
    picture(footage / "unknown.png", 2)
    Image.fromarray(scene(3, 1)[0, :40, :60]).save(footage / "small.png")
    Image.fromarray(np.full((96, 128, 3), 128, np.uint8)).save(footage / "flat.png")
    lettered = Image.fromarray(scene(4, 1, 240, 320)[0])
    ImageDraw.Draw(lettered).text((30, 190), "He said that it would rain", (255, 255, 255), ImageFont.load_default(20))
    lettered.save(footage / "lettered.png")
    whole = picture(footage / "cut.png", 5).read_bytes()
    (footage / "cut.png").write_bytes(whole[: len(whole) // 2])
    glass = Image.fromarray(scene(6, 1)[0])
    glass.putalpha(128)
    glass.save(footage / "glass.png")
    many = [Image.fromarray(scene(seed, 1)[0]) for seed in (7, 8)]
    many[0].save(footage / "moves.webp", save_all=True, append_images=many[1:])
    for name in ("small.png", "flat.png", "lettered.png", "cut.png", "glass.png", "moves.webp"):
        enter(footage / name)
    found = run.curate(replace(curation, captions=replace(curation.captions, by="none")), ledger, tmp_path / "cache")
    reasons = why(found)
    assert reasons == {
        "refused.png": "rights: refused",
        "unknown.png": "rights: unknown",
        "small.png": "black bars: too small",
        "flat.png": "sharpness: blurred",
        "lettered.png": "text overlay: lettering",
        "cut.png": "probe: unreadable",
        "glass.png": "probe: unreadable",
        "moves.webp": "probe: unreadable",
    }


def test_a_poster_is_the_copy_and_not_its_film(
    footage: Path, ledger: Ledger, enter: Enter, curation: Curation, tmp_path: Path
) -> None:
    frames = scene(1, 30)
    Image.fromarray(frames[4]).save(footage / "a poster.png")  # comes before its film, by name
    encode(footage / "film.mp4", frames)
    Image.fromarray(scene(2, 1)[0]).save(footage / "one.png")
    Image.fromarray(scene(2, 1)[0][:, ::-1]).save(footage / "other way round.png")
    for name in ("a poster.png", "film.mp4", "one.png", "other way round.png"):
        enter(footage / name)
    bare = replace(curation, captions=replace(curation.captions, by="none"))
    copy = "near-duplicates: duplicate"
    expected = {"a poster.png": copy, "film.mp4": "kept", "one.png": "kept", "other way round.png": copy}
    assert why(run.curate(bare, ledger, tmp_path / "cache")) == expected
    # A set of the film alone, after the pictures were recorded, keeps it as well.
    (footage / "film.txt").write_text("a texture slides")
    alone = replace(curation, name="films", footage=str(tmp_path / "alone"))
    (tmp_path / "alone").mkdir()
    enter(encode(tmp_path / "alone" / "again.mp4", scene(2, 30)))
    (tmp_path / "alone" / "again.txt").write_text("a texture slides")
    assert why(run.curate(alone, ledger, tmp_path / "cache")) == {"again.mp4": "kept"}


def test_a_picture_that_was_taken_down_does_not_come_back(
    footage: Path, ledger: Ledger, enter: Enter, curation: Curation, tmp_path: Path
) -> None:
    mine = picture(footage / "mine.png", 1)
    (footage / "mine.txt").write_text("a texture")
    enter(mine)
    run.curate(curation, ledger, tmp_path / "cache")
    again = tmp_path / "again"
    again.mkdir()
    Image.fromarray(scene(1, 1)[0]).resize((200, 150)).save(again / "copy.jpg", quality=70)
    (clip,) = ledger.clips()
    assert similar_clips(ledger.place, [clip.digest], again / "copy.jpg")[clip.digest].share == 1.0
    looks = keep_looks(ledger, sample_looks(mine))
    ledger.add([Revocation(target=looks, reason="mine", revoked_at="2026-11-28T00:00:00+00:00", by="looks")])
    done = add_folder(ledger, again, licence="CC0-1.0", why_barred=RevokedLooks.of(ledger).why_barred)
    assert done.new == 0 and "looks like a video that was revoked" in done.problems[0]


def test_a_name_with_a_pattern_is_one_file(tmp_path: Path) -> None:
    """To FFmpeg `a%d.png` stands for a0.png, a1.png … unless told otherwise."""
    named = picture(tmp_path / "a%d.png", 1)
    picture(tmp_path / "a0.png", 2)
    (frame,) = video.decode(named)
    assert (frame.rgb() == scene(1, 1)[0]).all()
    rows = examine(str(named), "0" * 64, STILL, SurveySettings(), tmp_path / "cache")
    assert isinstance(rows, list) and [row["ends_at"] for row in rows] == ["0"]
