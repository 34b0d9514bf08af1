"""Packed lines come back byte for byte, and packed lines that were changed are refused."""

from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langit.ledger.packing import pack_lines, unpack_lines

LARGEST = 1 << 20


def sha(text: object) -> str:
    return hashlib.sha256(str(text).encode()).hexdigest()


def line(**fields: object) -> bytes:
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()


@st.composite
def written(draw: st.DrawFn) -> tuple[list[bytes], bytes]:
    """Lines with hashes that are new, repeated, of lines before, or in the known file; and that file."""
    lines: list[bytes] = []
    known = draw(st.binary(max_size=40))
    for number in range(draw(st.integers(0, 12))):
        before = [hashlib.sha256(item).hexdigest() for item in lines]
        hashes = draw(st.lists(st.sampled_from([sha(number), sha("again"), *before, "ab" * 31, "A" * 64]), max_size=3))
        lines.append(line(text=draw(st.text(max_size=8)), hashes=hashes))
        if draw(st.booleans()):
            known += bytes.fromhex(sha(number)) + draw(st.binary(max_size=3))
    return lines, known


@given(written())
def test_lines_come_back(case: tuple[list[bytes], bytes]) -> None:
    lines, known = case
    packed, hashes = pack_lines(lines, known)
    assert unpack_lines(packed, hashes, known, LARGEST) == lines
    assert len(hashes) % 32 == 0


def test_hashes_of_lines_above_and_of_the_known_file_take_no_space() -> None:
    first = line(content=sha(1))
    lines = [first, line(source=hashlib.sha256(first).hexdigest(), content=sha(2), again=sha(2))]
    known = b"head" + bytes.fromhex(sha(2)) + b"tail" + bytes.fromhex(sha(1))
    assert pack_lines(lines, known)[1] == b""
    assert pack_lines(lines)[1] == b"".join(bytes.fromhex(sha(each)) for each in (1, 2, 2))


@pytest.mark.parametrize(
    ("packed", "hashes", "words"),
    [
        (b'{"a":"\x02' + b'1"}\n', b"", "refers to the line 1 above it"),
        (b'{}\n{"a":"\x02' + b'0"}\n', b"", "refers to the line 0 above it"),
        (b'{}\n{"a":"\x02' + b'-1"}\n', b"", "refers to the line -1 above it"),
        (b'{"a":"\x01"}\n', b"short", "a hash that is not there"),
        (b'{"a":"\x03' + b'-1"}\n', b"", "a hash that is not there"),
        (b'{"a":"\x03' + b'9"}\n', b"", "a hash that is not there"),
        (b"{}\n", bytes(32), "32 bytes of hashes belong to no line"),
        (b"{}", b"", "is cut off"),
        (b'{"a":"\x01"}\n' * 9, bytes(9 * 32), "larger than 200 bytes"),
    ],
)
def test_what_does_not_fit_is_refused(packed: bytes, hashes: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        unpack_lines(packed, hashes, bytes(40), 200)
