"""People's own footage is never taken for ours, whatever was made from it, and sources on record are named as such."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from release.leaving import FACTS
from release.test_verify_pictures import scene

from langit import video
from langit.files import sha256
from langit.generate.footage import Parent
from langit.ledger.record import Rights, Source
from langit.ledger.store import Ledger
from langit.release import Door, release, release_image
from langit.release.outputs import MAX_DISTANCE, FingerprintSampler, Outputs, fingerprint_text
from langit.release.pictures import first_frames
from langit.release.verdict import VerifyFinding
from langit.release.verify import verify

OWN, NEW = scene(21, 24), scene(28, 24)  # their fingerprints differ by 98 bits and more


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A video that a person filmed."""
    video.write(tmp_path / "holiday.mp4", OWN, 8)
    return tmp_path / "holiday.mp4"


def extend(own: Path, door: Door, out: Path, *, with_path: bool = True) -> Path:
    parent = Parent(own.name, sha256(own), (), own if with_path else None)
    facts = replace(FACTS, ability="extend", parents=(parent,))
    frames = np.concatenate([OWN, NEW])
    return release(frames, facts, out / "longer.mp4", door, given=range(len(OWN))).path


def reencode(path: Path, copy: Path) -> Path:
    """Encode anew, a little darker: other bytes, the same looks."""
    frames = np.stack(list(first_frames(path)))
    video.write(copy, (frames * 0.9).astype(np.uint8), 8)
    return copy


@pytest.mark.parametrize("with_path", [True, False])
def test_a_continued_video_is_not_taken_for_its_continuation(
    own: Path, door: Door, out: Path, tmp_path: Path, with_path: bool
) -> None:
    longer = extend(own, door, out, with_path=with_path)
    verdict = verify(own, door.home)
    assert (verdict.finding, verdict.known, verdict.training) == (VerifyFinding.KNOWN_PARENT, (), ())
    assert verdict.source is not None and verdict.source.given_to == (sha256(longer),)
    verdict = verify(reencode(own, tmp_path / "copy.mp4"), door.home)
    assert (verdict.finding, verdict.known) == (VerifyFinding.NOTHING, ())


def test_the_generated_part_is_still_found_by_its_looks(own: Path, door: Door, out: Path, tmp_path: Path) -> None:
    extend(own, door, out)
    video.write(tmp_path / "new.mp4", NEW, 8)  # without watermark, as if it had been removed
    verdict = verify(tmp_path / "new.mp4", door.home)
    assert verdict.finding is VerifyFinding.KNOWN_LOOKS and [known.how for known in verdict.known] == ["looks"]


def test_a_picture_is_not_taken_for_the_video_that_begins_with_it(door: Door, out: Path, tmp_path: Path) -> None:
    """The generated frames after a given picture look like it; none of their fingerprints may be recorded."""
    Image.fromarray(OWN[0]).save(tmp_path / "photo.png")
    parent = Parent("photo.png", sha256(tmp_path / "photo.png"), (), tmp_path / "photo.png")
    near = np.stack([OWN[0], *(np.clip(OWN[0].astype(int) + step, 0, 255).astype(np.uint8) for step in range(1, 9))])
    released = release(near, replace(FACTS, parents=(parent,)), out / "a.mp4", door, given={0})
    assert released.entry.looks == ()
    copy = tmp_path / "copy.png"
    Image.fromarray((OWN[0] * 0.8).astype(np.uint8)).save(copy)
    assert verify(copy, door.home).finding is VerifyFinding.NOTHING
    assert verify(tmp_path / "photo.png", door.home).finding is VerifyFinding.KNOWN_PARENT


def test_an_edited_picture_records_no_fingerprint_of_the_original(door: Door, out: Path, tmp_path: Path) -> None:
    Image.fromarray(OWN[0]).save(tmp_path / "photo.png")
    parent = Parent("photo.png", sha256(tmp_path / "photo.png"), (), tmp_path / "photo.png")
    edited = np.clip(OWN[0].astype(int) + 6, 0, 255).astype(np.uint8)
    assert fingerprint_text(edited)  # it has detail enough for one
    released = release_image(edited, replace(FACTS, ability="image", parents=(parent,)), out / "a.png", door)
    assert released.entry.looks == ()


def test_the_record_of_a_source_answers_before_the_looks(door: Door, tmp_path: Path) -> None:
    """A home of an older version has recorded fingerprints of given frames: the source is still named first."""
    video.write(tmp_path / "flower.mp4", OWN, 8)
    digest = sha256(tmp_path / "flower.mp4")
    source = Source("file", "flower.webm", digest, creator="NASA", licence="CC0-1.0")
    ledger = Ledger(door.home / "ledger")
    ledger.add([source])
    parent = Parent("flower.mp4", digest)
    looks = [text for text in map(fingerprint_text, OWN[::4]) if text]
    output = Outputs(ledger).enter("ab" * 32, replace(FACTS, parents=(parent,)), looks)
    verdict = verify(tmp_path / "flower.mp4", door.home)
    assert (verdict.finding, verdict.known, verdict.training) == (VerifyFinding.KNOWN_SOURCE, (), ())
    assert verdict.source is not None
    assert (verdict.source.title, verdict.source.creator) == ("flower.webm", "NASA")
    assert (verdict.source.licence, verdict.source.given_to) == ("CC0-1.0", (output.content_sha256,))
    ledger.add([Rights(source.digest, "2026-01-01T00:00:00+00:00", licence="CC-BY-4.0", holder="Its heirs")])
    later = verify(tmp_path / "flower.mp4", door.home).source
    assert later is not None and (later.creator, later.licence) == ("Its heirs", "CC-BY-4.0")


def test_our_own_video_is_known_even_if_it_was_entered_as_a_source(door: Door, out: Path) -> None:
    path = release(NEW, FACTS, out / "a.mp4", door).path
    Ledger(door.home / "ledger").add([Source("file", "mine.mp4", sha256(path), creator="me", licence="CC-BY-4.0")])
    bare = reencode(path, out / "bare.mp4")
    Ledger(door.home / "ledger").add([Source("file", "mine.mp4", sha256(bare), creator="me", licence="CC-BY-4.0")])
    verdict = verify(bare, door.home)
    assert verdict.finding is VerifyFinding.KNOWN_MARK and [known.how for known in verdict.known] == ["watermark"]


def test_one_similar_frame_of_many_is_not_enough(door: Door, tmp_path: Path) -> None:
    """Eight fingerprints, of which the file shows one: fades, title cards and logos are alike everywhere."""
    looks = [fingerprint_text(scene(seed, 1)[0]) for seed in range(40, 48)]
    Outputs.of(door.home).enter("ab" * 32, FACTS, looks)
    video.write(tmp_path / "a.mp4", np.repeat(scene(43, 1), 5, axis=0), 8)
    assert verify(tmp_path / "a.mp4", door.home).finding is VerifyFinding.NOTHING
    shown = np.concatenate([np.repeat(scene(seed, 1), 5, axis=0) for seed in range(40, 44)])
    video.write(tmp_path / "b.mp4", shown, 8)
    assert verify(tmp_path / "b.mp4", door.home).finding is VerifyFinding.KNOWN_LOOKS


def test_frames_without_detail_have_no_fingerprint(door: Door, out: Path, tmp_path: Path) -> None:
    """The bits of a black or grey frame are chance: they would be found in strangers' films."""
    flat = np.full((9, 96, 128, 3), 120, np.uint8)
    flat[:, 40:44, 40:44] = 124
    assert [fingerprint_text(frame) for frame in (flat[0], np.zeros((96, 128, 3), np.uint8))] == ["", ""]
    assert release(flat, FACTS, out / "a.mp4", door).entry.looks == ()
    video.write(tmp_path / "flat.mp4", flat, 8)
    assert verify(tmp_path / "flat.mp4", door.home).finding is VerifyFinding.NOTHING


def test_fingerprints_near_given_frames_are_left_out() -> None:
    sampler = FingerprintSampler()
    for frame in OWN[:8]:
        sampler.take(frame, given=True)
    sampler.take(OWN[4])
    sampler.take(NEW[4])
    assert sampler.kept == (fingerprint_text(NEW[4]),)
    sampler.exclude([NEW[4]])
    assert sampler.kept == ()


def test_what_a_parent_shows_to_verify_is_far_from_what_is_recorded(own: Path, door: Door, out: Path) -> None:
    extend(own, door, out)
    (output,) = Outputs.of(door.home).ledger.outputs()
    assert output.looks
    for frame in first_frames(own):
        shown = int(fingerprint_text(frame), 16)
        assert all((int(text, 16) ^ shown).bit_count() > MAX_DISTANCE for text in output.looks)
