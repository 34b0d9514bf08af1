"""Arbitrary bytes: what cannot be read is reported, and nothing raises."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langit.release.credentials import boxes, uncovered
from langit.release.credentials.identity import Identity
from langit.release.credentials.read import read
from langit.release.credentials.sign import sign
from langit.release.credentials.stores import certificates_in
from langit.release.facts import Facts

HEADS = (b"\0\0\0\x18ftypisom\0\0\0\0isommp42", boxes.PNG, b"\xff\xd8\xff\xe0", b"RIFF\x40\0\0\0AVI ", b"")
SIZES = st.integers(0, 2**32 - 1).map(lambda number: number.to_bytes(4, "big"))
KINDS = st.sampled_from([b"moov", b"mdat", b"free", b"uuid", b"abcd", b"caBX", b"IEND", b"jumb", boxes.C2PA_UUID])
PARTS = st.lists(st.one_of(st.binary(max_size=40), SIZES, KINDS), max_size=12).map(b"".join)


@pytest.fixture(scope="module")
def signed(plain: Path, facts: Facts, own: Identity, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("signed") / "signed.mp4"
    sign(plain, path, facts, own)
    return path.read_bytes()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "any.mp4"


def read_everything(place: Path, contents: bytes) -> None:
    """Call everything that reads hostile files."""
    place.write_bytes(contents)
    found, credentials = boxes.layout(place), read(place)
    assert credentials is None or credentials.state in ("trusted", "valid", "invalid", "unreadable")
    if found is None:
        return
    assert found.stray >= 0 and found.missing >= 0 and found.stray * found.missing == 0
    ends = [found.boxes[0].start if found.boxes else 0] + [box.end for box in found.boxes]
    assert ends == sorted(ends)
    assert max(ends) - found.missing + found.stray <= len(contents) or found.container == "png"
    with place.open("rb") as file:
        assert len(boxes.pieces(file, found, boxes.piece_size(found))) <= 2 * boxes.PIECES + 1
    uncovered.has_trace(place, found)
    if credentials is not None:
        uncovered.find_uncovered(place, found, credentials)
        certificates_in(place, credentials.label)


@given(head=st.sampled_from(HEADS), rest=PARTS)
@settings(max_examples=150)
def test_arbitrary_bytes_never_raise(place: Path, head: bytes, rest: bytes) -> None:
    read_everything(place, head + rest)


@given(data=st.data())
@settings(max_examples=100)
def test_damaged_signed_files_never_raise(place: Path, signed: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(signed) // 4))  # the manifests are in front
    length = data.draw(st.integers(0, 60))
    other = data.draw(st.one_of(st.binary(max_size=60), SIZES, KINDS))
    read_everything(place, signed[:at] + other + signed[at + length :])


def box(kind: bytes, size: int, body: bytes = b"") -> bytes:
    return size.to_bytes(4, "big") + kind + body


FIRST = box(b"ftyp", 16, b"isom\0\0\0\0")


@pytest.mark.parametrize(
    ("contents", "kinds", "stray", "missing"),
    [
        (FIRST, ["ftyp"], 0, 0),
        (FIRST + box(b"mdat", 0, b"to the end"), ["ftyp", "mdat"], 0, 0),
        (FIRST + box(b"mdat", 1, (24).to_bytes(8, "big") + b"12345678"), ["ftyp", "mdat"], 0, 0),
        (FIRST + box(b"mdat", 1, (8).to_bytes(8, "big")), ["ftyp"], 16, 0),
        (FIRST + box(b"mdat", 100, b"half"), ["ftyp", "mdat"], 0, 88),
        (FIRST + box(b"abcd", 100, b"half"), ["ftyp"], 12, 0),
        (FIRST + box(b"free", 7), ["ftyp"], 8, 0),
        (FIRST + b"\0\0\0", ["ftyp"], 3, 0),
        (boxes.PNG + box(b"IHDR", 0) + b"crc.", ["IHDR"], 0, 12),
        (boxes.PNG + b"\0\0\0\0IEND" + b"crc." + b"more", ["IEND"], 4, 0),
        (boxes.PNG + b"\0\0\0\x09IDAT", ["IDAT"], 0, 13),
    ],
)
def test_layouts_of_whole_and_damaged_files(
    place: Path, contents: bytes, kinds: list[str], stray: int, missing: int
) -> None:
    if contents.startswith(boxes.PNG):
        contents = contents.replace(box(b"IHDR", 0), b"\0\0\0\0IHDR")
    place.write_bytes(contents)
    found = boxes.layout(place)
    assert found is not None
    assert ([each.kind for each in found.boxes], found.stray, found.missing) == (kinds, stray, missing)


def test_other_formats_have_no_layout(place: Path) -> None:
    for contents in (b"", b"RIFF", b"hello world, hello"):
        place.write_bytes(contents)
        assert boxes.layout(place) is None


def pieces_of(place: Path, contents: bytes, size: int | None = None) -> tuple[str, ...]:
    place.write_bytes(contents)
    found = boxes.layout(place)
    assert found is not None
    with place.open("rb") as file:
        return boxes.pieces(file, found, size or boxes.piece_size(found))


def test_pieces_locate_a_change(place: Path) -> None:
    body = bytes(range(255)) * 10
    for count in (1, 15, 16, 17, 2550):
        contents = FIRST + box(b"mdat", 8 + count, body[:count])
        first, second = pieces_of(place, contents), pieces_of(place, contents[:-1] + b"\xff")
        assert 1 <= len(first) <= boxes.PIECES and len(first) == len(second)
        assert first[:-1] == second[:-1] and first[-1] != second[-1]
    longer = FIRST + box(b"mdat", 8 + 5000, body + body[:2450])
    assert pieces_of(place, longer, 160)[:15] == first[:15]


def test_boxes_inside_boxes_are_found(place: Path) -> None:
    inner = box(b"free", 12, b"1234")
    place.write_bytes(FIRST + box(b"moov", 8 + len(inner) + 8, inner + box(b"udta", 8)))
    found = boxes.layout(place)
    assert found is not None
    with place.open("rb") as file:
        (free,) = boxes.inside(file, found.boxes[1], ("free",))
        assert (free.kind, free.size, boxes.count_nonzero(file, free.body, free.end)) == ("free", 12, 4)
        assert list(boxes.inside(file, found.boxes[1], ("free", "free"))) == []
