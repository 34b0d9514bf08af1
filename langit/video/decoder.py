"""Video files to frames (PyAV, whose wheels carry FFmpeg): decode, stream, read.

Frames are as a player shows them: upright, on square pixels, deinterlaced. Damage and transparency are refused, not
hidden. Sound is ignored. docs/formats.md lists what is kept, mended and refused.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Final

import av
import numpy as np
from av import VideoFrame
from av.error import InvalidDataError
from av.packet import Packet
from av.video.stream import VideoStream
from jaxtyping import UInt8

from langit.video.orientation import UPRIGHT, Orientation, orientation_of
from langit.video.packets import Clock, ends_with_gaps, has_gaps, index_packets
from langit.video.payload import PayloadCheck
from langit.video.source import VideoSource, open_video, shown_size

# Formats whose first plane is luma, one byte per pixel.
PLANAR_8: Final = frozenset({"yuv420p", "yuv422p", "yuv444p", "nv12", "nv21", "gray", "yuv410p", "yuv411p"})
_MARGIN: Final = 3  # frames decoded before the first that is wanted: deinterlacing looks at neighbours


@dataclass(frozen=True, slots=True)
class DecodedFrame:
    """A decoded frame as it lies in memory; it is converted and copied only on request.

    ``seconds`` is when it is shown, counted from the file's first frame; None for a frame without a file.
    """

    frame: VideoFrame
    seconds: float | None = None
    orientation: Orientation = UPRIGHT
    pixel_aspect: Fraction = Fraction(1)

    def luma(self) -> UInt8[np.ndarray, "H W"]:
        """Luma as it is stored: not turned, not on square pixels, in the stored range (16 to 235 in most files).

        For 8-bit YUV and grey, which most files are, a view without a copy.
        """
        return _luma(self.frame)

    def upright_luma(self) -> UInt8[np.ndarray, "H W"]:
        """Luma upright and on square pixels, in the stored range."""
        frame = self.frame
        width, height = shown_size(frame.width, frame.height, self.pixel_aspect)
        if width != frame.width:
            kept = frame.format.name if frame.format.name in PLANAR_8 else "gray"
            frame = frame.reformat(width=width, height=height, format=kept, interpolation="AREA")
        return self.orientation.apply(_luma(frame))

    def rgb(self, longest: int | None = None) -> UInt8[np.ndarray, "H W 3"]:
        """RGB as a player shows it, reduced so that no side is longer than ``longest`` pixels."""
        frame = self.frame
        width, height = shown_size(frame.width, frame.height, self.pixel_aspect)
        if longest is not None and max(width, height) > longest:
            scale = longest / max(width, height)
            width, height = max(1, round(width * scale)), max(1, round(height * scale))
            frame = frame.reformat(width=width, height=height, format="rgb24", interpolation="AREA")
        elif width != frame.width:
            frame = frame.reformat(width=width, height=height, format="rgb24", interpolation="LANCZOS")
        return np.ascontiguousarray(self.orientation.apply(frame.to_ndarray(format="rgb24")))


def _luma(frame: VideoFrame) -> UInt8[np.ndarray, "H W"]:
    if frame.format.name not in PLANAR_8:
        frame = frame.reformat(format="gray")
    plane = frame.planes[0]
    rows: np.ndarray = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    return rows[: frame.height, : frame.width]


def decode(path: Path, threads: int = 1) -> Iterator[DecodedFrame]:
    """Decode all frames one by one, in constant memory.

    Raises:
        ValueError: the file is not a video, is cut short or damaged, is transparent, or changes its size.
        FileNotFoundError: the file does not exist.
    """
    with open_video(path) as source:
        source.decoder.thread_type = "AUTO" if threads > 1 else "NONE"
        source.decoder.thread_count = threads
        for frame, _ in decode_source(source):
            yield frame


def stream(path: Path, first: int = 0) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
    """Yield the frames as RGB, from frame number ``first``, in constant memory.

    Raises:
        ValueError: see :func:`decode`; or the file has no frame ``first``.
        FileNotFoundError: the file does not exist.
    """
    if first < 0:
        raise ValueError(f"frame {first} of {path}: frames are counted from 0")
    empty = True
    for frame in decode_from(path, first):
        empty = False
        yield frame.rgb()
    if empty:
        fewer = f"has no frame {first}: it has fewer frames" if first else "contains no frames: give a file that plays"
        raise ValueError(f"{path} {fewer}")


def read(path: Path, first: int = 0, count: int | None = None) -> UInt8[np.ndarray, "T H W 3"]:
    """Read ``count`` frames from frame number ``first``, or all to the end.

    Raises:
        ValueError: see :func:`decode`; or the file has fewer frames than asked for.
        FileNotFoundError: the file does not exist.
    """
    if count is not None and count < 1:
        raise ValueError(f"{count} frames of {path}: ask for at least 1")
    frames = []
    for frame in stream(path, first):
        frames.append(frame)
        if len(frames) == count:
            break
    if count is not None and len(frames) < count:
        raise ValueError(f"{path} has {first + len(frames)} frames, not {count} from frame {first} on: ask for fewer")
    return np.stack(frames)


def decode_from(path: Path, first: int) -> Iterator[DecodedFrame]:
    """Decode from frame number ``first``: by a seek where it gives the same frames as decoding from the start."""
    if first:
        index = index_packets(path)
        if index.pts is not None and first < len(index.pts) and index.keys:
            key = index.keys[max(0, bisect_right(index.keys, index.pts[max(0, first - _MARGIN)]) - 1)]
            with open_video(path) as source:
                if source.can_seek and _starts_at(source, index.pts[0]):
                    found = False
                    for frame, pts in decode_source(source, seek_to=key):
                        if pts is None or (not found and pts > index.pts[first]):
                            break  # the seek landed too late
                        if pts >= index.pts[first]:
                            found = True
                            yield frame
                    if found:
                        return
    for number, frame in enumerate(decode(path)):
        if number >= first:
            yield frame


def _starts_at(source: VideoSource, pts: int) -> bool:
    """Whether the first frame that decodes is the first that the packets promise, so that both count alike."""
    first = next(source.container.decode(source.stream), None)
    return first is not None and first.pts == pts and not first.interlaced_frame


def decode_source(source: VideoSource, seek_to: int | None = None) -> Iterator[tuple[DecodedFrame, int | None]]:
    """Decode an open file; yield frames with their presentation times in the stream's time base.

    Corrupt frames before the first sound one are skipped: a recording that starts between key frames begins with
    pictures whose references were never recorded. Later ones are damage.

    Raises:
        ValueError: see :func:`decode`.
    """
    if seek_to is not None:
        source.container.seek(seek_to, stream=source.stream)  # lands at this key frame, or before it
    rate = source.rate or 25
    clock, first = Clock(1 / float(rate), source.may_jump), None
    size: tuple[int, int] | None = None
    orientation, aspect = UPRIGHT, source.pixel_aspect
    base, is_timed = float(source.stream.time_base or 0), source.is_timed
    times: list[float] = []
    marked: list[int] = []
    for number, (frame, pts) in enumerate(_deinterlace(_decode_packets(source, marked))):
        if size is None:
            size, orientation = (frame.width, frame.height), orientation_of(frame, source.path)
        if (frame.width, frame.height) != size:
            raise ValueError(
                f"{source.path} changes its size from {size[0]}x{size[1]} to {frame.width}x{frame.height} at frame"
                f" {number}: cut it there, and give each part as a file"
            )
        seconds = clock.step(pts * base) if is_timed and pts is not None else number / float(rate)
        first = seconds if first is None else first
        times.append(seconds)
        yield DecodedFrame(frame, seconds - first, orientation, aspect), pts
    # Transport streams mark packets after a gap in their counters. Where recordings were joined all pictures come all
    # the same; where data was lost, one of them does not.
    if marked and has_gaps(times):
        raise _damaged(source, None, marked[0] * base)
    if source.may_jump and ends_with_gaps(times):
        raise ValueError(f"{source.path} is cut short: pictures are missing before its last: copy it again")


def _decode_packets(source: VideoSource, marked: list[int]) -> Iterator[VideoFrame]:
    """Frames as the decoder gives them, checked for damage and transparency.

    Times of packets that the container marks as incomplete are added to ``marked``.
    """
    number = 0
    payload = PayloadCheck(source.stream.codec_context.name, source.stream.codec_context.extradata)
    for packet in source.container.demux(source.stream):
        if packet.is_corrupt and number and packet.pts is not None:
            marked.append(packet.pts)
        if packet.size and payload.is_impossible(bytes(packet)):
            raise _damaged(source, number, _seconds(packet))
        try:
            frames = source.decoder.decode(packet if packet.size else None)
        except InvalidDataError as error:
            if number == 0:
                continue
            raise _damaged(source, number, _seconds(packet)) from error
        for frame in frames:
            if frame.is_corrupt:
                if number == 0:
                    continue
                raise _damaged(source, number, frame.time)
            if _is_transparent(frame):
                raise ValueError(
                    f"{source.path} is transparent in places: put a background behind it and save it without alpha"
                )
            number += 1
            yield frame


def _seconds(packet: Packet[VideoStream]) -> float | None:
    return float(packet.pts * packet.time_base) if packet.pts is not None and packet.time_base else None


def _damaged(source: VideoSource, number: int | None, seconds: float | None) -> ValueError:
    places = [f"frame {number}"] if number is not None else []
    places += [f"{seconds:.2f} s"] if seconds is not None else []
    return ValueError(
        f"{source.path} is damaged at {', '.join(places) or 'an unknown place'}: download or copy it again"
    )


def _is_transparent(frame: VideoFrame) -> bool:
    """Whether a frame has an alpha channel that is not opaque everywhere."""
    if not _has_alpha(frame.format.name):
        return False
    return bool(frame.to_ndarray(format="rgba")[..., 3].min() < 255)


@cache  # asked for every frame
def _has_alpha(name: str) -> bool:
    pixels = av.VideoFormat(name)
    return pixels.has_palette or any(component.is_alpha for component in pixels.components)


def _deinterlace(frames: Iterator[VideoFrame]) -> Iterator[tuple[VideoFrame, int | None]]:
    """Frames with their presentation times; from the first interlaced one on through FFmpeg's bwdif.

    It makes one frame of the two fields of each and passes progressive ones on unchanged.
    """
    times: deque[int | None] = deque()
    graph = None
    for frame in frames:
        if graph is None and not frame.interlaced_frame:
            yield frame, frame.pts
            continue
        graph = graph or _bwdif(frame)
        times.append(frame.pts)
        graph.push(frame)
        yield from _filtered(graph, times)
    if graph is not None:
        graph.push(None)
        yield from _filtered(graph, times)


def _bwdif(frame: VideoFrame) -> av.filter.Graph:
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base or Fraction(1, 25)
    )
    deinterlace = graph.add("bwdif", "mode=send_frame:parity=auto:deint=interlaced")
    sink = graph.add("buffersink")
    source.link_to(deinterlace)
    deinterlace.link_to(sink)
    graph.configure()
    return graph


def _filtered(graph: av.filter.Graph, times: deque[int | None]) -> Iterator[tuple[VideoFrame, int | None]]:
    """What the filter has ready. Its frames come in order, one for each, so their times are those that went in."""
    while times:
        try:
            frame = graph.pull()
        except (av.BlockingIOError, av.EOFError):
            return
        assert isinstance(frame, VideoFrame)
        yield frame, times.popleft()
