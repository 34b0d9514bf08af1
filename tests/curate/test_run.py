"""A curation from a folder to a manifest: what is kept, what is dropped and why, and that nothing is done twice."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from curate.conftest import Enter
from curate.making import encode, film, scene, sound

from langit.curate import run
from langit.curate.funnel import drop_counts, html_page, save, summary_picture
from langit.curate.settings import CaptionSettings, ClipLimits, Curation
from langit.ledger.log import leaf_hash, root
from langit.ledger.policy import Policy
from langit.ledger.record import Consent
from langit.ledger.store import Ledger

HDR_PQ = 16


@pytest.fixture
def curation(footage: Path) -> Curation:
    return Curation("set", str(footage), limits=ClipLimits(sharpness=1.0))


def why(curated: run.CurationResult) -> dict[str, str]:
    return {o.title: f"{o.reason.stage}: {o.reason.reason}" if o.reason else "kept" for o in curated.outcomes}


def test_footage_becomes_captioned_clips_and_a_manifest(
    footage: Path, ledger: Ledger, enter: Enter, curation: Curation, tmp_path: Path
) -> None:
    path = encode(footage / "salju ❄.mp4", film(1, 2, frames=30))
    path.with_suffix(".txt").write_text("a picture slides to the left\ngambar bergeser ke kiri\n", encoding="utf-8")
    source = enter(path)
    told: list[tuple[str, int, int]] = []
    found = run.curate(curation, ledger, tmp_path / "cache", report=lambda *said: told.append(said[:3]))
    clips = ledger.clips()
    assert [(clip.source, clip.start, clip.frames) for clip in clips] == [
        (source.digest, 0, 30),
        (source.digest, 30, 30),
    ]
    assert (clips[1].starts_at, clips[1].ends_at, clips[1].fps, clips[1].size) == ("5/2", "5", "12", "128x96")
    assert clips[0].likeness is False and clips[0].crop is None and "sharpness" in clips[0].measured
    assert [(caption.clip, caption.captioner) for caption in ledger.captions()] == [
        (clip.digest, "sidecar") for clip in clips for _ in range(2)
    ]
    manifest = ledger.manifests()[-1]
    assert manifest == found.manifest and manifest.clips == 2 and manifest.policy == Policy().digest[7:]
    assert manifest.clip_root == root([leaf_hash(bytes.fromhex(clip.digest)) for clip in clips]).hex()
    assert ledger.evidence.get(manifest.listing).decode().split() == [clip.digest for clip in clips]
    assert len(ledger.allowed_clips(Policy()).clips) == 2
    assert told[-1][:3] == ("clips", 2, 2) and ("footage", 1, 1) in told
    size = ledger.size
    assert run.curate(curation, ledger, tmp_path / "cache").manifest == manifest
    assert ledger.size == size  # said once


def test_bad_files_are_dropped_with_a_reason_and_the_run_goes_on(
    footage: Path, ledger: Ledger, enter: Enter, curation: Curation, tmp_path: Path
) -> None:
    frames = scene(1, 30)
    good = encode(footage / "good.mp4", frames)
    data = good.read_bytes()
    (footage / "cut short.mp4").write_bytes(data[: len(data) // 2])
    (footage / "empty.mp4").write_bytes(b"")
    (footage / "text.mp4").write_text("this is no film")
    place = data.index(b"mdat")
    (footage / "claims 4 GB.mp4").write_bytes(data[: place - 4] + (2**32 - 1).to_bytes(4, "big") + data[place:])
    sound(footage / "sound.mp4")
    (footage / "out.mp4").symlink_to(encode(tmp_path / "elsewhere.mp4", frames))
    encode(
        footage / "hdr.mkv", frames, "libx265", "yuv420p10le", transfer=HDR_PQ, options={"x265-params": "log-level=0"}
    )
    encode(footage / "nobody's.mp4", scene(2, 30))
    enter(encode(footage / "refused.mp4", scene(3, 30)), "CC-BY-NC-4.0")
    enter(good)
    for path in footage.iterdir():
        path.with_suffix(".txt").write_text("words")
    found = run.curate(replace(curation, batch=3), ledger, tmp_path / "cache")
    assert why(found) == {
        "claims 4 GB.mp4": "probe: unreadable",
        "cut short.mp4": "probe: unreadable",
        "empty.mp4": "probe: unreadable",
        "good.mp4": "kept",
        "hdr.mkv": "probe: HDR",
        "nobody's.mp4": "rights: unknown",
        "out.mp4": "probe: outside the folder",
        "refused.mp4": "rights: refused",
        "sound.mp4": "probe: unreadable",
        "text.mp4": "probe: unreadable",
    }
    details = {drop.title: drop.detail for drop in ledger.drops()}
    assert details["sound.mp4"] == "contains no video: give a file that plays"
    assert "cut short" in details["cut short.mp4"] and "cut short" in details["claims 4 GB.mp4"]
    assert "PQ" in details["hdr.mkv"] and "lies outside" in details["out.mp4"]
    assert "langit ledger add" in details["nobody's.mp4"] and "CC-BY-NC-4.0" in details["refused.mp4"]
    assert all(str(tmp_path) not in detail.split("lies outside")[0] for detail in details.values())


def test_odd_but_good_files_are_kept(
    footage: Path, ledger: Ledger, enter: Enter, curation: Curation, tmp_path: Path
) -> None:
    stamps = [number + number // 5 for number in range(30)]
    enter(encode(footage / "uneven.mp4", scene(1, 30), stamps=stamps))
    enter(
        encode(footage / "ten bits.mkv", scene(2, 30), "libx265", "yuv420p10le", options={"x265-params": "log-level=0"})
    )
    enter(encode(footage / "turned.mp4", scene(3, 30), rotation=90))
    barred = scene(4, 30)
    barred[:, :16], barred[:, -16:] = 0, 0
    enter(encode(footage / "barred.mp4", barred))
    settings = replace(curation, captions=CaptionSettings(by="none"))
    found = run.curate(settings, ledger, tmp_path / "cache")
    assert set(why(found).values()) == {"kept"}
    clips = {outcome.title: outcome.clip for outcome in found.kept}
    assert clips["uneven.mp4"] is not None and clips["uneven.mp4"].ends_at is not None
    assert float(eval_fraction(clips["uneven.mp4"].ends_at)) == pytest.approx(36 / 12, abs=0.15)
    assert clips["turned.mp4"] is not None and clips["turned.mp4"].size == "96x128"
    assert clips["barred.mp4"] is not None and clips["barred.mp4"].crop is not None
    assert clips["barred.mp4"].crop.startswith("128x64+0+16")


def eval_fraction(text: str) -> float:
    above, _, below = text.partition("/")
    return int(above) / int(below or 1)


def test_each_limit_drops_for_its_own_reason(
    footage: Path, ledger: Ledger, enter: Enter, curation: Curation, tmp_path: Path
) -> None:
    enter(encode(footage / "short.mp4", scene(1, 12)))
    enter(encode(footage / "still.mp4", np.repeat(scene(2, 1), 30, axis=0)))
    soft = np.repeat(np.repeat(scene(3, 30, 12, 16, speed=1.0), 8, axis=1), 8, axis=2)
    kernel = np.ones(17) / 17
    for axis in (1, 2):
        soft = np.apply_along_axis(lambda row: np.convolve(row, kernel, "same"), axis, soft)
    enter(encode(footage / "soft.mp4", soft.astype(np.uint8)))
    bars = scene(4, 30)
    bars[:, :32], bars[:, -32:] = 0, 0
    enter(encode(footage / "bars.mp4", bars))
    enter(encode(footage / "alone.mp4", scene(5, 30)))
    found = run.curate(replace(curation, limits=ClipLimits(sharpness=4.0)), ledger, tmp_path / "cache")
    assert why(found) == {
        "short.mp4": "shots: too short",
        "still.mp4": "motion: still",
        "soft.mp4": "sharpness: blurred",
        "bars.mp4": "black bars: mostly bars",
        "alone.mp4": "captions: no caption",
    }
    assert found.manifest is None and ledger.manifests() == ()


def test_copies_are_duplicates_also_of_what_an_earlier_curation_kept(
    footage: Path, ledger: Ledger, enter: Enter, curation: Curation, tmp_path: Path
) -> None:
    frames = scene(1, 40, 192, 256, speed=1.0)
    settings = replace(curation, captions=CaptionSettings(by="none"))
    enter(encode(footage / "a.mp4", frames))
    assert why(run.curate(settings, ledger, tmp_path / "cache")) == {"a.mp4": "kept"}
    other = replace(settings, survey=replace(settings.survey, seconds=0.5))
    assert why(run.curate(other, ledger, tmp_path / "cache")) == {"a.mp4": "kept"}  # no copy of its earlier self
    enter(encode(footage / "b again.mp4", frames, options={"crf": "32"}))
    enter(encode(footage / "c small.mp4", np.ascontiguousarray(frames[:, ::2, ::2])))
    enter(encode(footage / "d cropped.mp4", np.ascontiguousarray(frames[:, 10:-10, 12:-12])))
    enter(encode(footage / "e other.mp4", scene(2, 40, 192, 256, speed=1.0)))
    enter(encode(footage / "f mirrored.mp4", np.ascontiguousarray(frames[:, :, ::-1])))
    for name, top, left in (("g letterbox.mp4", 24, 0), ("h pillars.mp4", 0, 32), ("i window.mp4", 24, 32)):
        barred = np.pad(frames, ((0, 0), (top, top), (left, left), (0, 0)), constant_values=0)
        enter(encode(footage / name, barred))
    expected = {
        "a.mp4": "kept",
        "b again.mp4": "near-duplicates: duplicate",
        "c small.mp4": "near-duplicates: duplicate",
        "d cropped.mp4": "near-duplicates: duplicate",
        "e other.mp4": "kept",
        "f mirrored.mp4": "near-duplicates: duplicate",
        "g letterbox.mp4": "near-duplicates: duplicate",
        "h pillars.mp4": "near-duplicates: duplicate",
        "i window.mp4": "near-duplicates: duplicate",
    }
    assert why(run.curate(settings, ledger, tmp_path / "cache")) == expected
    (footage / "a.mp4").unlink()
    later = why(run.curate(settings, ledger, tmp_path / "cache"))
    assert later["b again.mp4"] == "near-duplicates: duplicate"  # of the clip that the ledger has


def test_a_face_needs_consent_on_record(
    footage: Path, ledger: Ledger, enter: Enter, curation: Curation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("langit.curate.plan.people", lambda pictures, settings: 1)
    source = enter(encode(footage / "a.mp4", scene(1, 30)))
    settings = replace(curation, captions=CaptionSettings(by="none"))
    refused = run.curate(settings, ledger, tmp_path / "cache")
    assert why(refused) == {"a.mp4": "faces: likeness"}
    person = hashlib.sha256(b"salted").hexdigest()
    consent = Consent(source.digest, person, tuple(Policy().consent), "2020-01-01", "2020-01-01T00:00:00Z")
    ledger.add([consent])
    found = run.curate(settings, ledger, tmp_path / "cache")
    assert why(found) == {"a.mp4": "kept"} and ledger.clips()[0].likeness is True
    ledger.revoke(consent.digest, "withdrawn")
    assert why(run.curate(settings, ledger, tmp_path / "cache")) == {"a.mp4": "faces: likeness"}


def test_figures_that_were_damaged_are_made_again(
    footage: Path, ledger: Ledger, enter: Enter, curation: Curation, tmp_path: Path
) -> None:
    enter(encode(footage / "a.mp4", scene(1, 30)))
    settings = replace(curation, captions=CaptionSettings(by="none"))
    first = run.curate(settings, ledger, tmp_path / "cache").manifest
    (kept,) = (tmp_path / "cache").rglob("*.parquet")
    whole = kept.read_bytes()
    kept.write_bytes(whole[:100])
    assert run.curate(settings, ledger, tmp_path / "cache").manifest == first
    assert kept.read_bytes() == whole


def test_the_funnel_shows_every_clip_with_its_reason(
    footage: Path, ledger: Ledger, enter: Enter, curation: Curation, tmp_path: Path
) -> None:
    enter(encode(footage / "a<b>.mp4", scene(1, 30)))
    enter(encode(footage / "short.mp4", scene(2, 12)))
    (footage / "empty.mp4").write_bytes(b"")
    found = run.curate(replace(curation, captions=CaptionSettings(by="none")), ledger, tmp_path / "cache")
    assert drop_counts(found) == [("probe: unreadable", 1), ("shots: too short", 1)]
    said = html_page(found, "set")
    assert said.count("<figure>") == 3 and said.count("data:image/jpeg") == 2
    assert "a&lt;b&gt;.mp4" in said and "1.00 s; at least 2 s are needed" in said and "<b>" not in said
    drawn = np.asarray(summary_picture(found, "set"))
    assert (drawn == (170, 40, 40)).all(axis=2).any() and (drawn == (30, 120, 60)).all(axis=2).any()
    paths = save(found, "set", tmp_path / "out")
    assert all(path.stat().st_size > 1000 for path in paths)


@pytest.mark.parametrize("name", ["../x", "a/b", "a\\b", ".hidden", "..", " ", "two\nlines"])
def test_a_name_that_would_lead_out_of_the_folder_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        Curation(name, "footage")


def test_a_file_whose_name_is_not_utf8_is_curated(
    footage: Path, ledger: Ledger, enter: Enter, curation: Curation, tmp_path: Path
) -> None:
    path = encode(footage / "a.mp4", scene(1, 30))
    enter(path)
    path.rename(Path(str(footage) + "/no utf\udcff8.mp4"))
    found = run.curate(replace(curation, captions=CaptionSettings(by="none")), ledger, tmp_path / "cache")
    assert why(found) == {r"no utf\xff8.mp4": "kept"}
