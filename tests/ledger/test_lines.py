"""Records as lines: what is written is read back, and nothing else is."""

from __future__ import annotations

import contextlib
import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger.lived import ALL, CAPTION, DROP, FETCHED, FILE, FILMS, RIGHTS, SIGNALS

from langit.ledger import lines
from langit.ledger.record import Clip, Revocation, Source

HASHES = st.text("0123456789abcdef", min_size=64, max_size=64)
WORDS = st.text(min_size=1, max_size=20)
SOURCES = st.builds(
    Source,
    kind=st.just("fetched"),
    title=st.text(max_size=30),
    content_sha256=HASHES,
    creator=st.none() | WORDS,
    licence=st.none() | WORDS,
    seed=st.none() | st.integers(-(2**63), 2**63),
    url=WORDS,
    fetched_at=WORDS,
    evidence=st.lists(HASHES, max_size=3).map(tuple),
)
CLIPS = st.builds(
    Clip,
    source=HASHES,
    start=st.integers(0, 10**9),
    frames=st.integers(1, 10**6),
    mirrored=st.booleans(),
    captions=st.lists(st.text(max_size=20), max_size=3).map(tuple),
    content_sha256=HASHES,
    likeness=st.none() | st.booleans(),
)


@given(SOURCES | CLIPS)
def test_what_is_written_is_read_back(record):
    try:
        line = record.canonical
    except UnicodeEncodeError:  # half a surrogate pair: no file name or page that is UTF-8 has one
        return
    assert b"\n" not in line and lines.parse_line(line) == record


@pytest.mark.parametrize("record", [*FILMS, FILE, FETCHED, RIGHTS, SIGNALS[0], *ALL, CAPTION, DROP])
def test_every_kind_is_read_back(record):
    again = lines.parse_line(record.canonical)
    assert again == record and again.digest == record.digest


@given(st.binary(max_size=200) | st.text(string.printable, max_size=200).map(str.encode))
def test_noise_is_a_plain_mistake(noise):
    with pytest.raises(ValueError, match="get it again"):
        lines.parse_line(noise)


@given(st.data())
def test_a_changed_byte_is_another_record_or_a_plain_mistake(data):
    line = bytearray(FILE.canonical)
    place = data.draw(st.integers(0, len(line) - 1))
    line[place] ^= 1 << data.draw(st.integers(0, 7))
    with contextlib.suppress(ValueError):
        assert lines.parse_line(bytes(line)).digest != FILE.digest


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"record": "source", "kind": "file", "title": "a"}, "lacks a field that every source"),
        ({"record": "source", "kind": "file", "title": 3, "content_sha256": "0" * 64}, "3 as its title"),
        ({"record": "source", "kind": "file", "title": "a", "content_sha256": "0" * 64, "owner": "me"}, "'owner'"),
        ({"record": "clip", "captions": [1]}, "as its captions"),
        ({"record": "song"}, "is not a kind of record"),
        ({"record": ["clip"]}, "is not a kind of record"),
        ([], "is not a kind of record"),
        ({"record": "revocation", "target": "a", "reason": "b", "revoked_at": "c"}, "revoked record 'a'"),
    ],
)
def test_what_is_wrong_is_named(said, words):
    with pytest.raises(ValueError, match=words):
        lines.parse_line(json.dumps(said, sort_keys=True, separators=(",", ":")).encode())


def test_another_way_of_writing_the_same_is_refused():
    plain = json.loads(FILE.canonical)
    with pytest.raises(ValueError, match="not written as records are"):
        lines.parse_line(json.dumps(plain, sort_keys=True).encode())


def test_what_a_record_hangs_on():
    assert lines.references(ALL[0]) == (FILMS[0].digest,)
    assert lines.references(CAPTION) == (CAPTION.clip,)
    assert lines.references(FILE) == () and lines.references(Revocation("u", "r", "t", by="url")) == ()
