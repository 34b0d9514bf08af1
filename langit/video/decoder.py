"""Video files to frames (PyAV, whose wheels carry FFmpeg): probe, read, stream.

Frames are uint8 RGB, (T, H, W, 3), upright as a player shows them. Sound is ignored.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.video.stream import VideoStream
from jaxtyping import UInt8

EBML = bytes.fromhex("1A45DFA3")  # what Matroska and WebM files begin with
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
