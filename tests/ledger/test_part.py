"""Some clips of a ledger are read as all of them are, and what forbids them is not missed."""

from __future__ import annotations

from pathlib import Path

import lance
import pytest

from langit.feed.allowed import TakenDown
from langit.feed.catalogue import ClipRecords
from langit.ledger import part
from langit.ledger.derived import Caption, Drop
from langit.ledger.policy import Policy
from langit.ledger.record import Clip, Signal, Source
from langit.ledger.store import Ledger

WHEN = "2026-11-28T00:00:00+00:00"


@pytest.fixture
def filled(tmp_path: Path) -> tuple[Ledger, list[str]]:
    """Twenty sources of three captioned clips each, one source of them refused."""
    ledger, digests = Ledger(tmp_path / "ledger"), list[str]()
    for number in range(20):
        licence = "CC-BY-NC-4.0" if number == 7 else "CC0-1.0"
        source = Source(kind="file", title=f"{number}", content_sha256=f"{number:064x}", licence=licence)
        clips = [
            Clip(
                source.digest,
                24 * at,
                24,
                False,
                (),
                f"{number}{at}".zfill(64),
                "64x48",
                None,
                "24",
                f"{at}",
                "9",
                False,
            )
            for at in range(3)
        ]
        said = [Caption(clip.digest, f"{text} {number}", "en", "sidecar", "1") for clip in clips for text in ("a", "b")]
        ledger.add([source, *clips, *said])
        digests += [clip.digest for clip in clips]
    return ledger, digests


@pytest.mark.parametrize("at_once", [2, 5_000])
@pytest.mark.parametrize("most", [0.0, 1.0])
def test_a_part_is_what_all_say_of_it(
    filled: tuple[Ledger, list[str]], monkeypatch: pytest.MonkeyPatch, at_once: int, most: float
) -> None:
    monkeypatch.setattr(part, "AT_ONCE", at_once)
    monkeypatch.setattr(part, "MOST", most)
    ledger, digests = filled
    wanted = {*digests[18:26], digests[0], "f" * 64}
    every, some = ClipRecords.read(ledger, Policy()), ClipRecords.read(ledger, Policy(), wanted)
    assert some.clips == tuple(clip for clip in every.clips if clip.digest in wanted) and len(some.clips) == 6
    assert (
        some.refused == tuple(item for item in every.refused if item.clip.digest in wanted) and len(some.refused) == 3
    )
    assert some.sources == every.sources and some.size == every.size
    known = {clip.digest for clip in some.clips} | {item.clip.digest for item in some.refused}
    assert some.captions == {clip: texts for clip, texts in every.captions.items() if clip in known}


def test_only_what_could_forbid_is_read_again(
    filled: tuple[Ledger, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, digests = filled
    reads: list[int] = []
    monkeypatch.setattr("langit.feed.allowed.read_clips", lambda *given: reads.append(1) or part.read_clips(*given))
    taken = TakenDown(ledger, digests[:3])
    ledger.add([Drop("probe", "unreadable", "a file", title="a"), Caption(digests[0], "more", "en", "sidecar", "1")])
    assert not taken() and not reads
    ledger.revoke(digests[30], "another's")
    assert not taken() and reads == [1]
    source = next(clip.source for clip in ledger.clips() if clip.digest == digests[0])
    ledger.add([Signal(source, "cawg", "reserved", "a file", WHEN, "test")])
    assert taken() == {*digests[:3]} and reads == [1, 1]
    assert taken() == {*digests[:3]} and reads == [1, 1]
    other = TakenDown(ledger, digests[3:6])
    made = Source(kind="synthetic", title="made", content_sha256=f"{1:064x}", licence="CC0-1.0")
    ledger.add([made])
    assert other() == {*digests[3:6]}, "the same bytes were made by a model"


@pytest.mark.parametrize(("table", "change"), [("clip", {"licence": None}), ("caption", {"text": "'other'"})])
def test_rows_that_were_changed_are_noticed(
    filled: tuple[Ledger, list[str]], table: str, change: dict[str, str]
) -> None:
    ledger, digests = filled
    changes = {"likeness": "true"} if table == "clip" else change
    lance.dataset(str(ledger.path / f"{table}.lance")).update(changes)
    with pytest.raises(ValueError, match=f"a {table}, is missing or was changed: restore the ledger"):
        ClipRecords.read(Ledger(ledger.path), Policy(), digests[:2])
    lance.dataset(str(ledger.path / f"{table}.lance")).delete("true")
    with pytest.raises(ValueError, match=f"a {table}, is missing"):
        ClipRecords.read(Ledger(ledger.path), Policy(), digests[:2])
