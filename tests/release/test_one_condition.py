"""Decisions of `verify` that hang on one condition, and files that would keep a reader for ever."""

from __future__ import annotations

import dataclasses
import struct
from pathlib import Path

import pytest
from ledger.lived import FILE, Lived, live, sha
from release.leaving import FACTS, clip

from langit import video
from langit.files import sha256
from langit.ledger.record import Source
from langit.ledger.store import Ledger
from langit.release import verify as module
from langit.release.credentials.boxes import Box, inside, layout
from langit.release.credentials.problems import problem
from langit.release.credentials.read import Credentials, Signature
from langit.release.credentials.stores import store_of, superboxes
from langit.release.outputs import Outputs
from langit.release.training import describe_training
from langit.release.verify import verify
from langit.release.watermark.reading import MarkMatch

# What is known of a file


@pytest.mark.parametrize(
    ("read", "words"),
    [(b"\x01" * 8, "holds the id 0101010101010101"), (b"\x02" * 8, ": not the id that"), (b"", "cannot be read")],
)
def test_the_watermark_is_compared_with_the_one_that_is_claimed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: bytes, words: str
) -> None:
    signature = Signature("Name", "Organisation", "", "", "es256", "", "", "nobody")
    changed = problem({"code": "assertion.bmffHash.mismatch"})  # where credentials hold, nothing else is looked for
    said = Credentials("invalid", problems=(changed,), label="urn:label", signature=signature, mark=b"\x01" * 8)
    monkeypatch.setattr(module, "read", lambda *_: said)
    monkeypatch.setattr(module, "_find_mark", lambda path, ids: MarkMatch(read, 1e-9))
    video.write(tmp_path / "a.mp4", clip(3), 8)
    found = verify(tmp_path / "a.mp4", tmp_path)
    assert words in found.mark and (": the id that" in found.mark) == (read == said.mark)


def test_a_file_was_given_to_what_names_it_and_to_nothing_else(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    file = tmp_path / "a.mp4"
    video.write(file, clip(3), 8)
    outputs = Outputs(ledger)
    made = outputs.enter(sha(1), FACTS, ())
    ledger.add([dataclasses.replace(made, content_sha256=sha(2), mark=None)])
    ledger.add([dataclasses.replace(made, content_sha256=sha(3), parents=(sha256(file),))])
    assert [one.content_sha256 for one in outputs.by_parent(sha256(file))] == [sha(3)]
    assert [mark.hex() for mark in outputs.marks()] == [made.mark]  # of the two that have one, once
    found = verify(file, tmp_path).source
    assert found is not None and found.given_to == (sha(3),)


# What a model was trained on


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    return live(tmp_path_factory.mktemp("lived"))


def test_another_ledger_is_not_asked_about_a_models_footage(lived: Lived, tmp_path: Path) -> None:
    """It is long enough, and holds the same source as somebody else's."""
    other = Ledger(tmp_path / "ledger")
    other.add([dataclasses.replace(FILE, creator="Somebody Else")])
    other.add([Source("file", str(number), sha(number)) for number in range(lived.ledger.size)])
    told = describe_training(lived.name, lived.home, other)
    assert told == describe_training(lived.name, lived.home, None) and "Somebody" not in str(told)
    short = Ledger(tmp_path / "short")
    short.add([FILE])
    assert describe_training(lived.name, lived.home, short) == told


# Files that lead in circles or out of themselves


@pytest.mark.parametrize("length", [0, 1, 7, 2**31])
def test_a_superbox_of_an_impossible_length_ends_the_sequence(length: int) -> None:
    assert [*superboxes(struct.pack(">I", length) + b"jumb" + bytes(64))] == []


def test_a_tiff_whose_directories_lead_in_a_circle_ends(tmp_path: Path) -> None:
    place = tmp_path / "a.tif"
    place.write_bytes(b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", 0) + struct.pack("<I", 8))
    assert store_of(place) == b""
    long = b"".join(struct.pack("<HI", 0, 8 + 6 * (number + 1)) for number in range(4000))
    place.write_bytes(b"II*\0" + struct.pack("<I", 8) + long)
    assert store_of(place) == b""


def test_formats_without_manifests_have_none(tmp_path: Path) -> None:
    gif, jpeg = tmp_path / "a.gif", tmp_path / "a.jpg"
    gif.write_bytes(b"GIF89a" + bytes(range(1, 255)) * 4)
    assert store_of(gif) == b""
    other = b"XX" + bytes(40)  # a segment of another kind
    short = b"JP" + bytes(4)
    segments = b"".join(b"\xff\xeb" + struct.pack(">H", len(part) + 2) + part for part in (other, short))
    jpeg.write_bytes(b"\xff\xd8" + segments + b"\xff\xd9")
    assert store_of(jpeg) == b""


def test_a_box_that_reaches_out_of_its_parent_is_left_out(tmp_path: Path) -> None:
    def box(kind: bytes, body: bytes, length: int | None = None) -> bytes:
        return struct.pack(">I", len(body) + 8 if length is None else length) + kind + body

    def found(data: bytes, length: int, kind: str) -> list[str]:
        (tmp_path / "a").write_bytes(data)
        with (tmp_path / "a").open("rb") as file:
            return [one.kind for one in inside(file, Box("moov", 0, 8, length, False), (kind,))]

    assert found(box(b"moov", box(b"trak", b"abcd")), 20, "trak") == ["trak"]
    assert found(box(b"moov", box(b"mdat", b"abcd", length=100)) + bytes(200), 20, "mdat") == []
    (tmp_path / "b").write_bytes(box(b"ftyp", b"isom") + box(b"moov", b"abcd", length=100))
    cut = layout(tmp_path / "b")
    assert cut is not None and cut.missing == 88
