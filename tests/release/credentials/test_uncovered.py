"""Bytes outside a signature, in files that other programs could write; test_verify.py has those of our own files."""

from __future__ import annotations

from pathlib import Path

import pytest

from langit.release.credentials import boxes
from langit.release.credentials.read import Credentials
from langit.release.credentials.uncovered import find_uncovered

OTHER = Credentials("valid", label="urn:other")
LEAVES_OUT_FTYP = Credentials("valid", label="urn:other", exclusions=("/ftyp",))


def box(kind: bytes, body: bytes) -> bytes:
    return (8 + len(body)).to_bytes(4, "big") + kind + body


MANIFESTS = box(b"jumb", b"as long as it says")
FTYP = box(b"ftyp", b"isom\0\0\2\0isomiso2mp41")


def hidden(path: Path, contents: bytes, credentials: Credentials) -> dict[str, int]:
    path.write_bytes(contents)
    layout = boxes.layout(path)
    assert layout is not None
    return dict(find_uncovered(path, layout, credentials))


@pytest.mark.parametrize("added", [b"", b"x", b"hidden data", bytes(5)])
def test_data_after_the_manifests_in_their_box_are_counted(tmp_path: Path, added: bytes) -> None:
    """The box may be the last of the file: then nothing moves when it grows."""
    store = box(b"uuid", boxes.C2PA_UUID + bytes(4) + b"manifest\0" + bytes(8) + MANIFESTS + added)
    expected = {"the end of the manifests' box": len(added)} if added else {}
    assert hidden(tmp_path / "a.mp4", FTYP + box(b"mdat", b"pictures") + store, OTHER) == expected


def test_a_file_type_that_no_program_writes_is_counted(tmp_path: Path) -> None:
    rest = box(b"mdat", b"pictures")
    for body, count in (
        (b"isom\0\0\2\0isomiso2mp41", 0),
        (b"isom\0\0\2\0is\x01m", 12),
        (b"\xff\xfe\0\1\0\0\2\0isom", 12),
        (b"isom\0\0\2\0" + b"isom" * 16 + b"sixteen brands are enough", 25),
    ):
        expected = {"the ftyp box": count} if count else {}
        assert hidden(tmp_path / "a.mp4", box(b"ftyp", body) + rest, LEAVES_OUT_FTYP) == expected
    assert hidden(tmp_path / "a.mp4", FTYP + rest + FTYP, LEAVES_OUT_FTYP) == {"the ftyp box": len(FTYP) - 8}
    assert hidden(tmp_path / "a.mp4", box(b"ftyp", b"is\x01m\0\0\2\0") + rest, OTHER) == {}  # covered by the hash


def test_an_index_is_believed_only_in_fragmented_files(tmp_path: Path) -> None:
    credentials = Credentials("valid", label="urn:other", exclusions=("/mfra",))
    index = box(b"mfra", b"where fragments lie")
    whole = FTYP + box(b"mdat", b"pictures") + index
    assert hidden(tmp_path / "a.mp4", whole, credentials) == {"the mfra box": len(index) - 8}
    assert hidden(tmp_path / "a.mp4", FTYP + box(b"moof", b"fragment") + index, credentials) == {}
