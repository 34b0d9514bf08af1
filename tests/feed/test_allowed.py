"""A take-down during a run stops a clip at the next batch, and everything else goes on."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from recipes.footage import add_footage

from langit.feed.allowed import TakenDown
from langit.feed.catalogue import FootageClip, FrameReader
from langit.feed.latents import LatentClip, LatentView
from langit.feed.loader import FrameFeed, LatentFeed
from langit.ledger.record import Clip, Consent, Source
from langit.ledger.store import Ledger
from langit.shapes import PixelShape


def latent_clip(digest: str) -> LatentClip:
    return LatentClip(digest, (f"clip {digest[:4]}",), (LatentView(torch.zeros(4, 2, 4, 4), torch.zeros(2, 2, 2)),))


def test_a_clip_is_not_learnt_after_its_take_down(tmp_path: Path) -> None:
    digests = add_footage(tmp_path)
    ledger = Ledger(tmp_path / "ledger")
    other = TakenDown(Ledger(tmp_path / "ledger"), digests)
    feed = LatentFeed([latent_clip(digest) for digest in digests], 16, 0, taken_down=other)
    before = {clip for step in range(8) for clip in feed.batch(step).clips}
    assert before == set(digests) and other() == frozenset()
    ledger.revoke(digests[1], "its owner asked for it")  # by another process: this one's ledger is a reader
    batches = [feed.batch(step) for step in range(8, 40)]
    assert {clip for batch in batches for clip in batch.clips} == set(digests) - {digests[1]}
    for batch in batches:
        assert batch.clips and len(batch.items.captions) == len(batch.clips) == len(batch.items.lengths)
        assert batch.tokens == 8 * len(batch.clips)
    # A step from which nothing is missing is what it would have been.
    untouched = LatentFeed([latent_clip(digest) for digest in digests], 16, 0)
    same = [step for step in range(8, 40) if digests[1] not in untouched.batch(step).clips]
    assert same and all(feed.batch(step).clips == untouched.batch(step).clips for step in same)
    for digest in digests:
        ledger.revoke(digest, "all of them")
    with pytest.raises(ValueError, match="all 4 clips that this stage learns were taken down"):
        feed.batch(40)


def test_entries_that_forbid_nothing_change_nothing(tmp_path: Path) -> None:
    digests = add_footage(tmp_path)
    taken = TakenDown(Ledger(tmp_path / "ledger"), digests)
    more = add_footage(tmp_path, "others", films=2)
    assert taken() == frozenset() and not set(more) & taken.allowed_once
    clip: Clip = next(clip for clip in taken.ledger.clips() if clip.digest == digests[0])
    taken.ledger.revoke(clip.source, "the whole file")
    assert taken() == {digests[0]}, "the clips of a source that was taken down"


def test_a_consent_that_ends_during_a_run_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(tmp_path / "ledger")
    film = Source(kind="file", title="film", content_sha256="ab" * 32, licence="CC0-1.0")
    clip = Clip(film.digest, 0, 17, False, ("somebody waves",), "cd" * 32, likeness=True)
    consent = Consent(film.digest, "ef" * 32, ("training",), "2026-11-01", "2026-11-01T00:00:00+00:00", "2026-11-23")
    ledger.add([film, clip, consent])
    today = ["2026-11-22"]
    monkeypatch.setattr("langit.feed.allowed._today", lambda: today[0])
    taken = TakenDown(ledger, [clip.digest])
    assert taken() == frozenset()
    today[0] = "2026-11-23"
    assert taken() == frozenset(), "its last day is one of its days"
    today[0] = "2026-11-24"
    assert taken() == {clip.digest}


def test_the_autoencoder_does_not_see_it_either(tmp_path: Path) -> None:
    digests, barred = [f"{number:064x}" for number in range(4)], set[str]()
    pixels = [PixelShape.parse("16x16x5"), PixelShape.parse("32x16x5")]
    clips = [
        FootageClip(digest, ("a",), pixels[number // 3], False, tmp_path / "x", number, 8.0)
        for number, digest in enumerate(digests)
    ]

    class Reader(FrameReader):
        def frames(self, clip: FootageClip) -> torch.Tensor:  # type: ignore[override]
            size = clip.pixels
            return torch.zeros(size.frames, size.height, size.width, 3, dtype=torch.uint8)

    feed = FrameFeed(clips, Reader(), 2, 0, lambda: frozenset(barred))
    assert {clip for step in range(20) for clip in feed.batch(step).clips} == set(digests)
    barred |= {digests[3], digests[0]}
    assert {clip for step in range(20, 40) for clip in feed.batch(step).clips} == {digests[1], digests[2]}
    barred |= set(digests)
    with pytest.raises(ValueError, match="all 4 clips that this stage learns were taken down"):
        feed.batch(40)
