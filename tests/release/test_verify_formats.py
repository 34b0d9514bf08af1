"""Other programs' files, in every format that verify reads: who vouches for the signer is reported in all of them."""

from __future__ import annotations

import io
import json
import resource
import zlib
from pathlib import Path

import av
import c2pa
import numpy as np
import pytest
from PIL import Image
from release.authorities import Holder, identity_of
from release.test_verify import flip_bit
from release.test_verify_pictures import scene

from langit.ledger.signals import cawg
from langit.release.credentials import boxes
from langit.release.credentials.identity import Identity, SigningConfig
from langit.release.credentials.sign import _signer, media_type, sign
from langit.release.credentials.stores import certificates_in, store_of
from langit.release.facts import Facts
from langit.release.headers import claimed_size
from langit.release.pictures import MAX_PIXELS, _decoded, first_frames, frame_rate
from langit.release.verdict import VerifyFinding
from langit.release.verify import verify

FORMATS = {
    "jpg": "image/jpeg",
    "webp": "image/webp",
    "animated.webp": "image/webp",
    "gif": "image/gif",
    "animated.gif": "image/gif",
    "png": "image/png",
    "tiff": "image/tiff",
    "big-endian.tiff": "image/tiff",
    "avi": "video/avi",
    "mp4": "video/mp4",
}


def plain_file(path: Path, kind: str) -> Path:
    frames = scene(5, 6)
    first, *others = map(Image.fromarray, frames)
    if kind in ("avi", "mp4"):
        with av.open(str(path), "w") as container:
            stream = container.add_stream("mjpeg" if kind == "avi" else "libx264", rate=8)
            stream.height, stream.width = frames.shape[1:3]
            stream.pix_fmt = "yuvj420p" if kind == "avi" else "yuv420p"
            for frame in frames:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            container.mux(stream.encode())
    elif kind.startswith("animated"):
        first.save(path, save_all=True, append_images=others, duration=125)
    elif kind == "big-endian.tiff":
        pixels = np.asarray(first).tobytes()
        tags = [(256, 4, 1, 128), (257, 4, 1, 96), (258, 3, 1, 8 << 16), (262, 3, 1, 2 << 16), (273, 4, 1, 8)]
        tags += [(277, 3, 1, 3 << 16), (278, 4, 1, 96), (279, 4, 1, len(pixels))]
        directory = len(tags).to_bytes(2, "big") + b"".join(
            tag.to_bytes(2, "big") + kind_.to_bytes(2, "big") + count.to_bytes(4, "big") + value.to_bytes(4, "big")
            for tag, kind_, count, value in tags
        )
        path.write_bytes(b"MM\0*" + (8 + len(pixels)).to_bytes(4, "big") + pixels + directory + bytes(4))
    else:
        first.save(path)
    return path


def sign_as_other_program(source: Path, target: Path, identity: Identity, mime: str) -> None:
    manifest = {"claim_generator_info": [{"name": "Other", "version": "1"}], "title": "other", "assertions": []}
    manifest["assertions"] = [
        {"label": "c2pa.actions.v2", "data": {"actions": [{"action": "c2pa.created", "digitalSourceType": "x"}]}}
    ]
    with source.open("rb") as file, target.open("w+b") as taken, _signer(identity, "") as signer:
        c2pa.Builder(json.dumps(manifest)).sign(signer, mime, file, taken)


@pytest.mark.parametrize("kind", FORMATS)
def test_a_private_root_is_private_in_every_format(tmp_path: Path, leaf: Holder, root: Holder, kind: str) -> None:
    plain = plain_file(tmp_path / f"plain.{kind}", kind)
    with plain.open("rb") as file:
        assert media_type(file.read(16)) == FORMATS[kind]
    assert verify(plain, tmp_path / "home").finding is VerifyFinding.NOTHING
    for whole, finding in ((True, VerifyFinding.PRIVATE), (False, VerifyFinding.UNKNOWN_ISSUER)):
        signed = tmp_path / f"signed-{whole}.{kind}"
        sign_as_other_program(plain, signed, identity_of(leaf, whole=whole), FORMATS[kind])
        verdict = verify(signed, tmp_path / "home")
        assert (verdict.finding, verdict.intact) == (finding, True)
        assert len(verdict.chain) == (2 if whole else 1)
    (tmp_path / "root.pem").write_bytes(root.pem)
    trusting = SigningConfig(trusted=(str(tmp_path / "root.pem"),))
    assert verify(tmp_path / f"signed-True.{kind}", tmp_path / "home", trusting).finding is VerifyFinding.TRUSTED


@pytest.mark.parametrize("kind", FORMATS)
def test_damaged_files_of_every_format_never_raise(tmp_path: Path, leaf: Holder, kind: str) -> None:
    plain = plain_file(tmp_path / f"plain.{kind}", kind)
    sign_as_other_program(plain, tmp_path / "signed", identity_of(leaf), FORMATS[kind])
    contents = (tmp_path / "signed").read_bytes()
    random = np.random.default_rng(3)
    for _ in range(60):
        at, length = int(random.integers(0, len(contents))), int(random.integers(0, 40))
        damaged = contents[:at] + random.bytes(length) + contents[at + int(random.integers(0, 40)) :]
        (tmp_path / "damaged").write_bytes(damaged[: int(random.integers(16, len(damaged)))])
        store_of(tmp_path / "damaged")
        certificates_in(tmp_path / "damaged", "label")
        list(first_frames(tmp_path / "damaged"))


def test_the_checksum_of_the_manifests_chunk_is_checked(
    picture: Path, facts: Facts, own: Identity, tmp_path: Path
) -> None:
    """C2PA leaves the whole chunk out of the hash, with its CRC: four bytes that anybody could choose."""
    home = Path(own.where).parents[1]
    sign(picture, tmp_path / "a.png", facts, own)
    layout = boxes.layout(tmp_path / "a.png")
    assert layout is not None and layout.manifest is not None
    contents = (tmp_path / "a.png").read_bytes()
    (tmp_path / "b.png").write_bytes(flip_bit(contents, layout.manifest.end - 1))
    verdict = verify(tmp_path / "b.png", home)
    assert verdict.finding is VerifyFinding.UNCOVERED
    assert verdict.uncovered == (("the checksum of the manifests' chunk", 4),)


def chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")


def flat_png(width: int, height: int) -> bytes:
    """A PNG of one colour: a few kilobytes for as many pixels as one likes."""
    compressor = zlib.compressobj(9)
    row = b"\0" + bytes(3 * width)
    data = b"".join(compressor.compress(row) for _ in range(height)) + compressor.flush()
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x02\0\0\0"
    return boxes.PNG + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def test_a_picture_of_too_many_pixels_is_judged_by_its_header(tmp_path: Path) -> None:
    side = 16000
    assert side * side > MAX_PIXELS
    (tmp_path / "bomb.png").write_bytes(flat_png(side, side))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert list(first_frames(tmp_path / "bomb.png")) == []
    assert verify(tmp_path / "bomb.png", tmp_path).finding is VerifyFinding.NO_PICTURES
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before  # kilobytes
    assert grown < 200_000


@pytest.mark.parametrize("kind", [b"zTXt", b"iCCP"])
def test_a_picture_whose_text_or_profile_is_a_bomb_is_not_opened(tmp_path: Path, kind: bytes) -> None:
    """FFmpeg would unpack it without a limit, and a claim of its size is all that a header needs."""
    packed = zlib.compress(bytes(128 << 20), 9)
    plain = flat_png(16, 16)
    (tmp_path / "bomb.png").write_bytes(plain[:33] + chunk(kind, b"Comment\0\0" + packed) + plain[33:])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert list(first_frames(tmp_path / "bomb.png")) == [] and frame_rate(tmp_path / "bomb.png") is None
    claimed_size(tmp_path / "bomb.png")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kilobytes


def test_of_a_long_strip_the_middle_is_looked_at(tmp_path: Path) -> None:
    """Looking for a watermark takes as long as the longer side."""
    (tmp_path / "wide.png").write_bytes(flat_png(1 << 19, 16))
    (tmp_path / "high.png").write_bytes(flat_png(16, 1 << 15))
    assert [frame.shape for frame in first_frames(tmp_path / "wide.png")] == [(16, 128, 3)]
    assert [frame.shape for frame in first_frames(tmp_path / "high.png")] == [(128, 16, 3)]
    assert verify(tmp_path / "wide.png", tmp_path).finding is VerifyFinding.NOTHING


def test_a_video_whose_frames_are_larger_than_its_header_says_is_not_decoded(tmp_path: Path) -> None:
    memory = io.BytesIO()
    Image.new("L", (9000, 9000)).save(memory, "JPEG", quality=1)
    with av.open(str(tmp_path / "a.avi"), "w") as container:
        stream = container.add_stream("mjpeg", rate=8)
        stream.height, stream.width, stream.pix_fmt = 64, 64, "yuvj420p"
        frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
        container.mux(stream.encode(frame))
        (packet,) = stream.encode(frame)
        large = av.Packet(memory.getvalue())
        large.pts, large.dts, large.time_base, large.stream = packet.pts, packet.dts, packet.time_base, stream
        container.mux(large)
    assert [frame.shape for frame in _decoded(tmp_path / "a.avi")] == [(64, 64, 3)]


@pytest.mark.parametrize("kind", ["gif", "webp", "tiff", "jpg"])
def test_bombs_of_other_formats_are_judged_by_their_headers(tmp_path: Path, kind: str) -> None:
    side = 9000  # WebP allows 16383
    memory = io.BytesIO()
    Image.new("L", (side, side)).convert("RGB").save(memory, {"jpg": "JPEG"}.get(kind, kind.upper()), quality=1)
    (tmp_path / "bomb").write_bytes(memory.getvalue())
    del memory
    assert list(first_frames(tmp_path / "bomb")) == []


def test_pipes_and_folders_are_refused(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "pipe.mp4")
    for path in (tmp_path / "pipe.mp4", tmp_path, Path("/dev/null")):
        with pytest.raises(FileNotFoundError, match="is not a file"):
            verify(path, tmp_path)


@pytest.mark.parametrize("kind", ["mp4", "png"])
@pytest.mark.parametrize("trace", [False, True])
def test_a_file_of_very_many_boxes_costs_seconds(tmp_path, kind, trace):
    """C2PA's library takes time with the square of their number: hours for a few megabytes."""
    store = bytes.fromhex("6332706100110010800000aa00389b71")
    if kind == "mp4":
        start = b"\0\0\0\x14ftypisom\0\0\2\0isom"
        more = (8 + 16).to_bytes(4, "big") + b"uuid" + bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
        many = b"\0\0\0\x08free" * 200_000
    else:
        start, more, many = (
            b"\x89PNG\r\n\x1a\n",
            b"\0\0\0\x10caBX" + store + bytes(4),
            (bytes(4) + b"teXt" + bytes(4)) * 200_000,
        )
    path = tmp_path / f"many.{kind}"
    path.write_bytes(start + (more if trace else b"") + many)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    verdict = verify(path, tmp_path / "home")
    found = cawg.read(path)[0].says
    assert resource.getrusage(resource.RUSAGE_SELF).ru_utime - before < 20
    expected = VerifyFinding.MANIFEST if trace else VerifyFinding.NO_PICTURES
    assert verdict.finding is (VerifyFinding.CUT if kind == "png" else expected)  # no end within what is read
    assert (verdict.credentials is not None) == trace
    assert found == ("unreadable" if trace else "silent")
