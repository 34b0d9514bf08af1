"""Video files to frames and back (PyAV, whose wheels carry FFmpeg): probe, read, stream, write.

Knows nothing of models, captions or rights. Frames are uint8 RGB, (T, H, W, 3), upright as a player shows them.
Sound is left out. Writing is for `worlds/` and `release/` alone; a test keeps it so.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import numpy as np
from av.codec.codec import UnknownCodecError
from av.container import InputContainer
from av.error import FFmpegError
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from av.video.stream import VideoStream
from jaxtyping import UInt8
from numpy.typing import ArrayLike

ENCODER: Final = "libx264"
QUALITY = 18  # x264's constant rate factor: 18 is hard to tell from the original by eye
EBML = bytes.fromhex("1A45DFA3")  # what Matroska and WebM files begin with
BT709 = 1  # primaries, transfer and matrix of ITU-R BT.709 share this number in ITU-T H.273
HDR = {16: "PQ", 18: "HLG"}  # transfer functions of high dynamic range by their numbers in ITU-T H.273
# Formats whose first plane is luma, a byte each.
PLANAR_8: Final = frozenset({"yuv420p", "yuv422p", "yuv444p", "nv12", "nv21", "gray", "yuv410p", "yuv411p"})
LARGEST: Final = 2**26
"""Pixels of a frame, 8192 x 8192: a header that claims more asks for gigabytes before anything is seen to be wrong."""


@dataclass(frozen=True)
class VideoInfo:
    """What a file says of its first video stream; width and height are those of the upright picture.

    ``frames`` is the header's count, or, where the header has none, counted without decoding.
    ``rotation`` is what a player turns the stored picture by: 0, 90, 180 or 270 degrees counter-clockwise.
    """

    width: int
    height: int
    frames: int
    fps: float
    duration: float  # seconds
    codec: str
    pixel_format: str
    rotation: int
    metadata: Mapping[str, str]
    transfer: int  # how light became numbers, as ITU-T H.273 counts: 1 is BT.709, 2 not stated, see HDR


def probe(path: Path) -> VideoInfo:
    """What is in a video file; at most the first frame is decoded.

    Raises:
        ValueError: the file is no video, or is cut short.
        FileNotFoundError: there is no such file.
    """
    with _open(path) as (container, stream):
        first = next(container.decode(stream), None)
        if first is None:
            raise ValueError(f"{path} holds no frame: give a file that plays")
        rotation = first.rotation % 360
        context = stream.codec_context
        fps = stream.average_rate or stream.guessed_rate
        if not fps:
            raise ValueError(f"{path} does not say how many frames it shows a second: give a video, not a picture")
        frames = stream.frames or len(_times(path))
        turned = rotation in (90, 270)
        return VideoInfo(
            width=context.height if turned else context.width,
            height=context.width if turned else context.height,
            frames=frames,
            fps=float(fps),
            duration=float(frames / fps),
            codec=context.name,
            pixel_format=first.format.name,
            rotation=rotation,
            metadata=dict(container.metadata),
            transfer=int(context.color_trc),
        )


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded frame as it lies in memory: nothing is converted or copied until it is asked for.

    ``seconds`` is when it is shown, ``None`` where the file does not say; ``rotation`` as in :class:`VideoInfo`.
    """

    frame: av.VideoFrame

    @property
    def seconds(self) -> float | None:
        return self.frame.time

    @property
    def rotation(self) -> int:
        return self.frame.rotation % 360

    def luma(self) -> UInt8[np.ndarray, "H W"]:
        """Brightness as it is stored: not turned, and in the stored range (16 to 235 in most files).

        A view without a copy for 8-bit YUV and grey, which most files are; converted for others.
        """
        frame = self.frame
        if frame.format.name not in PLANAR_8:
            frame = frame.reformat(format="gray")
        plane = frame.planes[0]
        rows: np.ndarray = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        return rows[: frame.height, : frame.width]

    def upright(self, longest: int | None = None) -> UInt8[np.ndarray, "H W 3"]:
        """RGB as a player shows it, made smaller so that no side is longer than ``longest``."""
        frame, side = self.frame, max(self.frame.width, self.frame.height)
        if longest is None or side <= longest:
            return _upright(frame)
        width, height = (max(1, round(length * longest / side)) for length in (frame.width, frame.height))
        small = frame.reformat(width=width, height=height, format="rgb24", interpolation="AREA").to_ndarray()
        return np.ascontiguousarray(np.rot90(small, frame.rotation // 90 % 4))


def pictures(path: Path, threads: int = 1) -> Iterator[Picture]:
    """All frames one by one as they were decoded, in constant memory: for passes that look at every frame.

    Raises:
        ValueError: the file is no video or is cut short.
        FileNotFoundError: there is no such file.
    """
    with _open(path) as (container, source):
        source.thread_type = "AUTO" if threads > 1 else "NONE"
        source.codec_context.thread_count = threads
        for frame in container.decode(source):
            yield Picture(frame)


def stream(path: Path, first: int = 0) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
    """The frames one by one, from frame number ``first``, in constant memory.

    Raises:
        ValueError: the file is no video or is cut short, or has no frame ``first``.
        FileNotFoundError: there is no such file.
    """
    if first < 0:
        raise ValueError(f"frame {first} of {path}: count frames from 0")
    start = None
    if first:
        times = _times(path)
        if first >= len(times):
            raise ValueError(f"{path} has no frame {first}: its last is {len(times) - 1}")
        start = times[first]
    with _open(path) as (container, source):
        if start is not None:
            container.seek(start, stream=source)  # lands on the key frame at or before
        for frame in container.decode(source):
            if start is None or (frame.pts is not None and frame.pts >= start):
                yield _upright(frame)


def read(path: Path, first: int = 0, count: int | None = None) -> UInt8[np.ndarray, "T H W 3"]:
    """``count`` frames from frame number ``first`` on, or all to the end.

    Raises:
        ValueError: the file is no video, is cut short, or has fewer frames than asked for.
        FileNotFoundError: there is no such file.
    """
    if count is not None and count < 1:
        raise ValueError(f"{count} frames of {path}: ask for at least 1")
    frames = []
    for frame in stream(path, first):
        frames.append(frame)
        if len(frames) == count:
            break
    if not frames or (count is not None and len(frames) < count):
        raise ValueError(f"{path} has {first + len(frames)} frames: {count} from frame {first} on are not there")
    return np.stack(frames)


def write(
    path: Path,
    frames: Iterable[ArrayLike],
    fps: float | Fraction,
    metadata: Mapping[str, str] | None = None,
    overwrite: bool = False,
) -> None:
    """Write frames, each (H, W, 3) uint8, as H.264 yuv420p in an mp4 that starts playing before it is loaded.

    The file appears whole under its name or not at all, also after an error or an interrupt. ``metadata`` (title,
    comment, or any key of your own) is read back by :func:`probe`.

    Raises:
        ValueError: no frames, odd or changing sizes, not uint8 RGB, a rate that is not positive, or no encoder.
        FileExistsError: the file exists and ``overwrite`` was not asked for.
        OSError: the disk is full, or the folder cannot be written to.
    """
    part = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        encode(part, frames, fps, metadata, path)
        if path.exists() and not overwrite:
            raise FileExistsError(f"{path} exists: choose another name, or ask to overwrite it")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def encode(
    part: Path,
    frames: Iterable[ArrayLike],
    fps: float | Fraction,
    metadata: Mapping[str, str] | None = None,
    named: Path | None = None,
) -> None:
    """Like :func:`write`, to a place of the caller's own, where after an error half a file is left.

    ``named`` is what errors call it.
    """
    path = named or part
    check_encoder()
    if not fps > 0:
        raise ValueError(f"{fps} frames a second cannot be played: give a number above 0")
    try:
        _encode(part, path, frames, Fraction(fps).limit_denominator(1001), metadata or {})
    except FFmpegError as error:
        raise OSError(f"{path} could not be written ({error.strerror}): make room, or choose another place") from error


def check_encoder() -> None:
    """Make sure that the H.264 encoder is there, before frames are made for it.

    Raises:
        ValueError: this FFmpeg was built without it.
    """
    try:
        av.codec.Codec(ENCODER, "w")
    except UnknownCodecError as error:
        raise ValueError(
            f"this FFmpeg has no {ENCODER} encoder: reinstall PyAV from its own wheel,"
            " pip install --force-reinstall --only-binary=:all: av"
        ) from error


def _encode(part: Path, path: Path, frames: Iterable[ArrayLike], rate: Fraction, metadata: Mapping[str, str]) -> None:
    options = {"movflags": "+faststart+use_metadata_tags"}
    with av.open(os.fspath(part), "w", format="mp4", options=options) as container:
        container.metadata.update(metadata)
        target: VideoStream | None = None
        size: tuple[int, ...] = ()
        reformatter = VideoReformatter()  # one for all frames: making it takes longer than using it
        for number, item in enumerate(frames):
            picture = np.asarray(item)
            if target is None:
                size = _checked_size(picture, path)
                target = container.add_stream(ENCODER, rate=rate)
                _describe(target, size)
            if picture.shape != size or picture.dtype != np.uint8:
                raise ValueError(
                    f"{path}: frame {number} is {picture.dtype} {picture.shape}, the first was uint8 {size}:"
                    " give frames of one size"
                )
            # PyAV assumes BT.601 unless told; the file says BT.709, so that is what the numbers have to be.
            frame = reformatter.reformat(
                av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24"),
                format="yuv420p",
                src_color_range=ColorRange.JPEG,
                dst_colorspace=Colorspace.ITU709,
                dst_color_range=ColorRange.MPEG,
                threads=1,
            )
            frame.pts, frame.time_base = number, 1 / rate
            container.mux(target.encode(frame))
        if target is None:
            raise ValueError(f"{path}: there are no frames to write: give at least one")
        container.mux(target.encode(None))


def _describe(target: VideoStream, size: tuple[int, ...]) -> None:
    target.height, target.width = size[:2]
    target.pix_fmt = "yuv420p"
    # With macroblock-tree on, x264 encodes the same small frames differently from run to run (docs/LOG.md).
    target.options = {"crf": str(QUALITY), "profile": "high", "x264-params": "mbtree=0"}
    context = target.codec_context
    context.color_primaries = context.color_trc = context.colorspace = BT709
    context.color_range = ColorRange.MPEG


def _checked_size(picture: np.ndarray, path: Path) -> tuple[int, ...]:
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        raise ValueError(f"{path}: a frame is {picture.dtype} {picture.shape}: give uint8 (height, width, 3)")
    height, width, _ = picture.shape
    for name, side in (("width", width), ("height", height)):
        if side % 2 or not side:
            raise ValueError(f"{path}: {name} {side} cannot be halved as yuv420p needs: use an even size")
    return picture.shape


@contextmanager
def _open(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The container and its first video stream, with FFmpeg's errors in words that name the file."""
    if path.is_dir():
        raise ValueError(f"{path} is a folder: give a video file")
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist: check the name")
    try:
        _check_whole(path)
        with av.open(os.fspath(path)) as container:
            if not container.streams.video:
                raise ValueError(f"{path} holds no video: give a file that plays")
            context = container.streams.video[0].codec_context
            if context.width * context.height > LARGEST:
                raise ValueError(f"{path} claims frames of {context.width}x{context.height} pixels: give a real video")
            yield container, container.streams.video[0]
    except PermissionError as error:
        raise ValueError(f"{path} may not be read: change its permissions") from error
    except FFmpegError as error:
        raise ValueError(f"{path} cannot be read as video ({error.strerror}): give a file that plays") from error


def _check_whole(path: Path) -> None:
    """Refuse a file that is cut short, which FFmpeg plays up to the cut without a word.

    mp4 (ISO/IEC 14496-12) and Matroska/WebM (RFC 8794) are rows of parts that begin with their length.
    """
    end = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        measure = _box_end if start[4:] == b"ftyp" else _element_end if start[:4] == EBML else None
        place = 0
        while measure and place < end:
            file.seek(place)
            following = measure(file.read(16), place)
            if following is None:  # lasts to the end of the file
                return
            if not place < following <= end:
                raise ValueError(f"{path} is cut short, at {end} bytes: fetch it again")
            place = following


def _box_end(header: bytes, place: int) -> int | None:
    length = int.from_bytes(header[:4], "big")
    if length == 1:
        length = int.from_bytes(header[8:16], "big")
    return place + length if length else None


def _element_end(header: bytes, place: int) -> int | None:
    """Past a top-level element: an identifier of 4 bytes, then a number whose leading zero bits tell its own width."""
    width = 9 - header[4].bit_length() if len(header) > 4 else 9
    if width > 8 or len(header) < 4 + width:
        return place  # no such number: cut in the middle of it
    unknown = (1 << 7 * width) - 1
    length = int.from_bytes(header[4 : 4 + width], "big") & unknown
    return None if length == unknown else place + 4 + width + length


def _times(path: Path) -> list[int]:
    """When each frame is shown, in the stream's time base, without decoding."""
    with _open(path) as (container, source):
        hides = source.codec_context.name == "vp8"  # some VP8 frames are only referred to (RFC 6386, 9.1: show_frame)
        return sorted(
            packet.pts
            for packet in container.demux(source)
            if packet.size and packet.pts is not None and not packet.is_discard
            if not hides or bytes(packet)[0] & 0x10
        )


def _upright(frame: av.VideoFrame) -> UInt8[np.ndarray, "H W 3"]:
    picture = frame.to_ndarray(format="rgb24")
    return np.ascontiguousarray(np.rot90(picture, frame.rotation // 90 % 4))
