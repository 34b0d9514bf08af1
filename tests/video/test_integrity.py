"""Files that are cut short or damaged are refused, in every container; whole ones are read."""

from __future__ import annotations

import zlib
from pathlib import Path

import av
import numpy as np
import pytest
from video.filming import encode, moving

from langit import video
from langit.video import ogg
from langit.video.payload import PayloadCheck

KINDS = {
    "a.mp4": {},
    "index first.mp4": {"muxer": {"movflags": "+faststart"}},
    "fragments.mp4": {"muxer": {"movflags": "frag_keyframe+empty_moov"}, "options": {"g": "4"}},
    "a.mov": {},
    "a.mkv": {},
    "a.webm": {"codec": "libvpx"},
    "live.mkv": {"muxer": {"live": "1"}},
    "a.ts": {},
    "a.m2ts": {"kind": "mpegts", "muxer": {"mpegts_m2ts_mode": "1"}},
    "a.mpg": {"codec": "mpeg2video"},
    "a.avi": {"codec": "mpeg4"},
    "a.gif": {"codec": "gif", "pixels": "rgb8"},
    "a.flv": {"codec": "flv"},
    "a.wmv": {"codec": "wmv2"},
    "a.mxf": {"codec": "mpeg2video"},
    "a.y4m": {"codec": "wrapped_avframe", "kind": "yuv4mpegpipe"},
    "a.nut": {"codec": "ffv1"},
    "a.h264": {"kind": "h264"},
}


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("films")
    return {name: encode(folder / name, moving(), **how) for name, how in KINDS.items()}  # type: ignore[arg-type]


@pytest.mark.parametrize("name", KINDS)
def test_a_whole_file_is_read(films: dict[str, Path], name: str) -> None:
    assert len(video.read(films[name])) == video.probe(films[name]).frames == 50


@pytest.mark.parametrize("left", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("name", KINDS)
def test_a_file_that_is_cut_short_is_refused(tmp_path: Path, films: dict[str, Path], name: str, left: float) -> None:
    data = films[name].read_bytes()
    path = tmp_path / name
    path.write_bytes(data[: int(left * len(data))])
    with pytest.raises(ValueError, match="is cut short|is damaged|cannot be read|contains no"):
        video.read(path)


def test_a_transport_stream_that_is_cut_between_packets_is_refused(tmp_path: Path, films: dict[str, Path]) -> None:
    data = films["a.ts"].read_bytes()
    refused = 0
    places = range(len(data) // 2 // 188 * 188, len(data), 188)
    for place in places:
        path = tmp_path / f"{place}.ts"
        path.write_bytes(data[:place])
        try:
            video.read(path)
        except ValueError:
            refused += 1
    assert refused > 0.6 * len(places)  # the others end with a whole picture, before which none is missing


def test_an_avi_whose_header_counts_more_frames_is_refused(tmp_path: Path, films: dict[str, Path]) -> None:
    data = bytearray(films["a.avi"].read_bytes())
    place = data.index(b"strh") + 8 + 32  # the stream's length, in frames
    assert int.from_bytes(data[place : place + 4], "little") == 50
    data[place : place + 4] = (500).to_bytes(4, "little")
    path = tmp_path / "a.avi"
    path.write_bytes(data)
    with pytest.raises(ValueError, match="header counts 500 frames, it contains 50"):
        video.probe(path)


def overwrite(source: Path, path: Path) -> Path:
    """A copy in which half of the bytes of one packet in the middle are other bytes."""
    data = bytearray(source.read_bytes())
    with av.open(str(source)) as container:
        packets = sorted((p.pos, p.size) for p in container.demux(video=0) if p.size and p.pos)
    place, size = packets[len(packets) // 2]
    first, last = place + size // 4, place + 3 * size // 4
    if path.suffix == ".ts":
        first, last = place + 200, place + 200 + 3 * 188
    data[first:last] = np.random.default_rng(0).integers(0, 256, last - first, np.uint8).tobytes()
    path.write_bytes(data)
    return path


DAMAGED = {
    "h264.mp4": {},
    "h264.mkv": {},
    "h264.ts": {},
    "vp9.webm": {"codec": "libvpx-vp9", "options": {"deadline": "realtime", "cpu-used": "8"}},
    "mpeg4.avi": {"codec": "mpeg4"},
    "mpeg2.mpg": {"codec": "mpeg2video"},
    "mjpeg.avi": {"codec": "mjpeg", "pixels": "yuvj420p"},
    "flv1.flv": {"codec": "flv"},
    "ffv1.mkv": {"codec": "ffv1"},
    "vp8.mkv": {"codec": "libvpx"},
    "hevc.mkv": {"codec": "libx265", "options": {"x265-params": "log-level=0"}},
    "hevc with picture hashes.mp4": {"codec": "libx265", "options": {"x265-params": "log-level=0:hash=1"}},
    "wmv2.avi": {"codec": "wmv2"},
    "msmpeg4.avi": {"codec": "msmpeg4"},
    "av1.mp4": {"codec": "libsvtav1", "options": {"preset": "12", "svtav1-params": "lp=1"}},
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_file_with_a_damaged_packet_is_refused(tmp_path: Path, name: str) -> None:
    whole = encode(tmp_path / name, moving(50), **DAMAGED[name])  # type: ignore[arg-type]
    assert len(video.read(whole)) == 50
    with pytest.raises(ValueError, match=f"bad.{name} (is damaged|is cut short|cannot be read as video)"):
        video.read(overwrite(whole, tmp_path / f"bad.{name}"))


SLICES = {
    "h264.mp4": {},
    "h264.ts": {},
    "hevc.mp4": {"codec": "libx265", "options": {"x265-params": "log-level=0"}},
    "vp8.webm": {"codec": "libvpx"},
}


@pytest.mark.parametrize("zeros", [40, 512])
@pytest.mark.parametrize("name", SLICES)
def test_zeros_in_a_picture_are_damage_in_codings_that_cannot_have_them(tmp_path: Path, name: str, zeros: int) -> None:
    """A sector that a disk could not read comes back as zeros. HEVC and VP8 decode them without a word."""
    whole = encode(tmp_path / name, moving(50, 288, 352), **SLICES[name])  # type: ignore[arg-type]
    data = bytearray(whole.read_bytes())
    with av.open(str(whole)) as container:
        place, size = max(((p.pos, p.size) for p in container.demux(video=0) if p.size and p.pos), key=lambda p: p[1])
    assert size > 2500
    start = place + 2 * size // 3  # the first packet begins with the encoder's notes
    data[start : start + zeros] = bytes(zeros)
    bad = tmp_path / f"bad.{name}"
    bad.write_bytes(data)
    with pytest.raises(ValueError, match=f"bad.{name} is damaged at frame"):
        video.read(bad)


def test_zeros_outside_the_pictures_are_no_damage() -> None:
    """Padding, start codes that a muxer left in, and the notes of encoders (SEI) may hold any bytes."""
    check = PayloadCheck("h264", b"\1\x64\0\x1f\xff")
    note, picture = b"\x06\0\0\0\x07", b"\x41\x9a\0\0\3\1\x55"
    for units in ([note, picture], [picture + bytes(9)], [picture + b"\0\0\0\1" + picture]):
        assert not check.is_impossible(b"".join(len(unit).to_bytes(4, "big") + unit for unit in units))
    bad = b"\x41\x9a\0\0\0\7"
    assert check.is_impossible(len(bad).to_bytes(4, "big") + bad)
    raw = PayloadCheck("hevc", None)
    assert not raw.is_impossible(b"\0\0\0\1\x4e\1\0\0\0\7\0\0\1\2\1\x55")  # SEI, then a picture
    assert raw.is_impossible(b"\0\0\0\1\2\1\0\0\2\x55")


def test_the_message_says_where_the_damage_is(tmp_path: Path) -> None:
    whole = encode(tmp_path / "a.mp4", moving(50), "mpeg4")
    with pytest.raises(ValueError, match=r"is damaged at frame 25, 1\.0+ s: download or copy it again"):
        video.read(overwrite(whole, tmp_path / "b.mp4"))


def test_a_matroska_block_whose_header_is_damaged_is_noticed(tmp_path: Path) -> None:
    """VP8 decodes whatever comes: without the block the film would only lack a picture."""
    whole = encode(tmp_path / "a.webm", moving(50), "libvpx")
    data = bytearray(whole.read_bytes())
    with av.open(str(whole)) as container:
        place = sorted(p.pos for p in container.demux(video=0) if p.size)[25]
    place = data.rindex(b"\xa3", 0, place)  # the SimpleBlock that holds the packet
    bad = tmp_path / "b.webm"
    bad.write_bytes(data[:place] + bytes(8) + data[place + 8 :])
    with pytest.raises(ValueError, match=f"is damaged at byte {place}: download or copy it again"):
        video.read(bad)


def test_a_recording_of_hevc_may_begin_between_key_frames(tmp_path: Path) -> None:
    options = {"x265-params": "log-level=0:keyint=16:min-keyint=16:bframes=3:open-gop=1"}
    whole = encode(tmp_path / "a.ts", moving(50), "libx265", options=options)
    data = whole.read_bytes()
    with av.open(str(whole)) as container:
        place = [p.pos for p in container.demux(video=0) if p.size and p.pos][5]
    late = tmp_path / "late.ts"
    late.write_bytes(data[: 3 * 188] + data[place // 188 * 188 :])  # the tables first
    assert 20 < len(video.read(late)) < 50


def test_the_checksum_of_ogg_is_the_one_of_the_standard() -> None:
    table = []
    for byte in range(256):
        value = byte << 24
        for _ in range(8):
            value = (value << 1 ^ (0x04C11DB7 if value & 0x80000000 else 0)) & 0xFFFFFFFF
        table.append(value)
    data = bytes(range(256)) * 3
    expected = 0
    for byte in data:
        expected = (expected << 8 & 0xFFFFFFFF) ^ table[expected >> 24 ^ byte]
    assert ogg.checksum(data) == expected != zlib.crc32(data)


def test_ogg_pages_are_checked(tmp_path: Path) -> None:
    def page(flags: int, number: int, body: bytes) -> bytes:
        head = b"OggS\0" + bytes([flags]) + bytes(8) + (7).to_bytes(4, "little") + number.to_bytes(4, "little")
        raw = head + bytes(4) + bytes([1, len(body)]) + body
        return raw[:22] + ogg.checksum(raw).to_bytes(4, "little") + raw[26:]

    pages = page(2, 0, b"first") + page(0, 1, b"second") + page(4, 2, b"last")
    path = tmp_path / "a.ogv"
    for data, message in (
        (pages[:-3], "cut short"),
        (pages[: len(pages) - len(page(4, 2, b"last"))], "cut short"),
        (pages.replace(b"second", b"secand"), "is damaged at byte"),
        (pages, "cannot be read as video"),  # no codec's data
    ):
        path.write_bytes(data)
        with pytest.raises(ValueError, match=message):
            video.probe(path)
