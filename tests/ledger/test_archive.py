"""Audit and record files from strangers: size, ratio and number of parts are judged before anything is unpacked."""

from __future__ import annotations

import io
import resource
import struct
import zipfile
from pathlib import Path

import pytest

from langit.ledger import archive
from langit.ledger.archive import Archive, UnprovedError, is_archive, write_parts

PARTS = {"records.jsonl": b"a line\n" * 100, "manifests/abc": b"", "model/scenes.log": bytes(range(256)) * 36}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.zip"
    write_parts(path, PARTS)
    return path


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_parts_are_read_as_they_were_written_and_bytes_are_the_same_each_time(tmp_path: Path, method: int) -> None:
    for name in ("a.zip", "b.zip"):
        write_parts(tmp_path / name, PARTS, method)
    found = Archive(tmp_path / "a.zip")
    assert {name: found.part(name) for name in found.names()} == PARTS and is_archive(tmp_path / "a.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    with pytest.raises(UnprovedError, match="has no part nothing"):
        found.part("nothing")


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    """1.5 MB that would unpack to 1.5 GB."""
    path = tmp_path / "bomb.zip"
    zeros = bytes(1 << 20)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened, opened.open("records.jsonl", "w") as part:
        for _ in range(1500):
            part.write(zeros)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UnprovedError, match="claims to unpack to"):
        Archive(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # KiB


def test_a_bomb_that_lies_of_its_size_is_cut_off(tmp_path: Path) -> None:
    """The directory and the header claim 1,000 bytes; the data go on."""
    plain = tmp_path / "plain.zip"
    write_parts(plain, {"records.jsonl": bytes(10 << 20)})
    data = bytearray(plain.read_bytes())
    for place in (22, data.index(b"PK\x01\x02") + 24):  # local header, directory: the unpacked size
        struct.pack_into("<I", data, place, 1000)
    lying = tmp_path / "lying.zip"
    lying.write_bytes(data)
    with pytest.raises(UnprovedError, match=r"damaged|not as large"):
        Archive(lying).part("records.jsonl")


def test_many_parts_and_parts_that_are_there_twice_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "twice.zip"
    with zipfile.ZipFile(path, "w") as opened:
        opened.writestr("a", b"1")
        with pytest.warns(UserWarning, match="Duplicate"):
            opened.writestr("a", b"2")
    with pytest.raises(UnprovedError, match="twice"):
        Archive(path)
    monkeypatch.setattr(archive, "PARTS", 2)
    write_parts(path, PARTS)
    with pytest.raises(UnprovedError, match="3 parts"):
        Archive(path)


def test_every_changed_byte_of_a_part_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "stored.zip"
    write_parts(path, {"a": b"the words that count"}, zipfile.ZIP_STORED)
    data, place = path.read_bytes(), path.read_bytes().index(b"the words")
    for at in range(place, place + 20):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        with pytest.raises(UnprovedError, match="damaged"):
            Archive(path).part("a")


def test_noise_is_one_plain_error(tmp_path: Path) -> None:
    path = tmp_path / "noise.zip"
    for data in (b"", b"PK", b"PK\x03\x04" + bytes(50), io.BytesIO(b"x" * 5000).getvalue()):
        path.write_bytes(data)
        with pytest.raises(UnprovedError, match="not a whole file"):
            Archive(path)
