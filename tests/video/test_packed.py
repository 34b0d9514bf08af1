"""PNG pictures with packed bombs are refused before anything is unpacked, wherever in a file they lie."""

from __future__ import annotations

import resource
import zlib
from pathlib import Path

import pytest

from langit import video
from langit.video import packed
from langit.video.packed import MOST, SIGNATURE, check_packed


def chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")


def png(*extra: bytes) -> bytes:
    header = chunk(b"IHDR", (8).to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0")
    pixels = chunk(b"IDAT", zlib.compress((b"\0" + bytes(24)) * 8))
    return SIGNATURE + header + b"".join(extra) + pixels + chunk(b"IEND", b"")


def deflated(size: int) -> bytes:
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(size >> 20)) + packer.flush()


BOMB = deflated(4 * MOST)


@pytest.mark.parametrize("kind", [b"zTXt", b"iCCP"])
@pytest.mark.parametrize("before", [b"", b"RIFF and other bytes before the picture"])
def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, kind: bytes, before: bytes) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(before + png(chunk(kind, b"Comment\0\0" + BOMB)))
    start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for opened in (check_packed, video.probe, lambda path: next(iter(video.stream(path)))):
        with pytest.raises(ValueError, match="text or a profile of more than 16 MB"):
            opened(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start < 60_000  # KiB


def test_many_small_ones_are_counted_together(tmp_path: Path) -> None:
    quarter = chunk(b"zTXt", b"Comment\0\0" + deflated(MOST // 4))
    path = tmp_path / "a.png"
    path.write_bytes(png(quarter, quarter, quarter))
    check_packed(path)
    path.write_bytes(png(quarter, quarter, quarter, quarter, chunk(b"zTXt", b"Comment\0\0" + deflated(1 << 20))))
    with pytest.raises(ValueError, match="more than 16 MB"):
        check_packed(path)


def test_ordinary_text_and_damaged_chunks_are_no_bombs(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    noise = chunk(b"zTXt", b"Comment\0\0no zlib at all")
    path.write_bytes(png(chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"a red ball")), noise, chunk(b"iCCP", b"")))
    check_packed(path)
    assert video.probe(path).width == 8
    for data in (b"", b"\x89PNG", SIGNATURE, SIGNATURE + b"\xff\xff\xff\xffzTXt", png()[:30]):
        path.write_bytes(data)
        check_packed(path)


def test_too_many_chunks_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "MOST_CHUNKS", 20)
    path = tmp_path / "a.png"
    path.write_bytes(png(*[chunk(b"tEXt", b"")] * 30))
    with pytest.raises(ValueError, match="too many chunks"):
        check_packed(path)
