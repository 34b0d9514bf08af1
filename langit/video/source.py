"""An open video file: its container, the stream that is the film, and FFmpeg's errors in words that name the file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Final, cast

import av
from av.codec import CodecContext
from av.codec.codec import codecs_available
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from langit.video.containers import CONTAINERS
from langit.video.integrity import check_complete
from langit.video.packed import check_packed

LARGEST: Final = 2**26
"""Maximum pixels of a frame, 8192 x 8192: a header that claims more would allocate gigabytes before any error."""
NEARLY_SQUARE: Final = 0.01
"""Encoders that round sizes write pixels of 1197:1200. No eye sees that, and resampling every frame costs more."""
_PICTURES: Final = Disposition.attached_pic | Disposition.timed_thumbnails
# These carry no presentation times of their own; their frames are shown at a constant rate.
UNTIMED: Final = frozenset({"avi", "h264", "hevc", "m4v", "mpegvideo", "vvc", "obu", "cavsvideo", "vc1"})
STILLS: Final = frozenset({"png_pipe", "jpeg_pipe", "webp_pipe", "apng", "image2"})  # names of FFmpeg's demuxers
_READ_AHEAD: Final = 64  # packets of an avi
_TS_DISCONT: Final = 0x0200  # AVFMT_TS_DISCONT: times may jump, as where recordings were joined
# FFmpeg's decoders of these report damage only where errors are not concealed; of HEVC also wrong picture hashes.
_EXPLODE: Final = frozenset({"hevc", "mjpeg", "wmv1", "wmv2", "wmv3", "vc1", "msmpeg4v2", "msmpeg4v3", "gif", "png"})
_STILL: Final = frozenset({"mjpeg", "png", "bmp", "gif", "tiff", "webp"})  # what cover pictures are coded with
# libvpx keeps an alpha channel, which FFmpeg's own decoders drop, and reports damaged VP9 frames, which they hide.
_LIBVPX: Final = {"vp8": "libvpx", "vp9": "libvpx-vp9"}


@dataclass(frozen=True)
class VideoSource:
    """A container and the stream in it that is the film. ``decoder`` decodes its packets.

    ``ticks``: places that a frame takes in an avi, whose header counts places: FFmpeg numbers them finer than frames
    when it copies a stream with B-frames.
    """

    path: Path
    container: InputContainer
    stream: VideoStream
    decoder: VideoCodecContext
    ticks: int = 1

    @property
    def rate(self) -> Fraction | None:
        """Frames a second as the header says; None where it does not."""
        rate = self.stream.average_rate or self.stream.guessed_rate
        return None if not rate else rate / self.ticks

    @property
    def claimed_frames(self) -> int:
        """Frames that an avi's header counts; 0 for other formats, whose counts are estimates."""
        return self.stream.frames // self.ticks if "avi" in _format_names(self.container) else 0

    @property
    def is_timed(self) -> bool:
        """Whether the file says when each frame is shown."""
        return not _format_names(self.container) & UNTIMED

    @property
    def may_jump(self) -> bool:
        """Whether the container's clock may jump in the middle of a file."""
        return bool(self.container.format.flags & _TS_DISCONT)

    @property
    def holds_stills(self) -> bool:
        """Whether the file is of a format of pictures, such as PNG: one with several is a sequence of them."""
        return bool(_format_names(self.container) & STILLS)

    @property
    def can_seek(self) -> bool:
        """Whether a seek lands exactly: only containers with an index of key frames and presentation times."""
        return bool(_format_names(self.container) & {"mp4", "mov", "matroska", "webm"})

    @property
    def pixel_aspect(self) -> Fraction:
        """Width of a pixel over its height; 1 where the file does not say, or says so but for a rounding error."""
        aspect = Fraction(self.stream.sample_aspect_ratio or 1)
        return Fraction(1) if abs(aspect - 1) < NEARLY_SQUARE else aspect


def shown_size(width: int, height: int, pixel_aspect: Fraction) -> tuple[int, int]:
    """Size of a stored picture on square pixels. Rows are kept; columns are resampled, as players do."""
    return max(1, round(width * pixel_aspect)), height


@contextmanager
def open_video(path: Path) -> Iterator[VideoSource]:
    """Open a video file.

    Raises:
        ValueError: the file is not a video, incomplete, or claims impossible sizes. FFmpeg's errors while the file is
            open become ValueErrors as well.
        FileNotFoundError: the file does not exist.
    """
    if path.is_dir():
        raise ValueError(f"{path} is a folder: give a video file")
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist: check the name")
    if not path.is_file():
        raise ValueError(f"{path} is a pipe or a device: save what comes from it, and give the file")
    try:
        check_packed(path)
        check_complete(path)
        with av.open(os.fspath(path), options=CONTAINERS) as container:
            stream = _film(container, path)
            context = stream.codec_context
            context.options = {"err_detect": "crccheck+bitstream+buffer" + "+explode" * (context.name in _EXPLODE)}
            ticks = _ticks_per_frame(path, stream.index) if "avi" in _format_names(container) else 1
            yield VideoSource(path, container, stream, _decoder(stream), ticks)
    except PermissionError as error:
        raise ValueError(f"{path} cannot be opened: change its permissions") from error
    except FFmpegError as error:
        raise ValueError(f"{path} cannot be read as video ({error.strerror}): give a file that plays") from error


def _film(container: InputContainer, path: Path) -> VideoStream:
    """The first video stream that moves: cover art and chapter pictures are video streams to FFmpeg, too."""
    streams = container.streams.video
    if not streams:
        raise ValueError(f"{path} contains no video: give a file that plays")
    films = [stream for stream in streams if not stream.disposition & _PICTURES]
    if not films:
        raise ValueError(f"{path} contains no video, only a cover picture: give a file that plays")
    unknown = [stream for stream in films if stream.codec_context is None]
    if unknown:
        raise ValueError(f"{path} has a coding that this FFmpeg does not know: convert it, for example to H.264")
    # Matroska does not keep the mark of a cover; a track of stills beside one of real video is taken for it.
    film = next((stream for stream in films if stream.codec_context.name not in _STILL), films[0])
    width, height = shown_size(film.codec_context.width, film.codec_context.height, Fraction(1))
    aspect = Fraction(film.sample_aspect_ratio or 1)
    if max(width * height, round(width * aspect) * height) > LARGEST:
        raise ValueError(
            f"{path} claims frames of {width}x{height} pixels, each {aspect} wide: at most {LARGEST} pixels are read"
        )
    return film


def _ticks_per_frame(path: Path, stream: int) -> int:
    """The distance of an avi's frames in places, 1 where they are not evenly spread. Opened again: packets are read."""
    places: list[int] = []
    with av.open(os.fspath(path), options=CONTAINERS) as container:
        for packet in container.demux(container.streams[stream]):
            if packet.size and packet.dts is not None:
                places.append(packet.dts)
            if len(places) == _READ_AHEAD:
                break
    steps = {later - earlier for earlier, later in pairwise(places)}
    return max(1, steps.pop()) if len(steps) == 1 else 1


def _decoder(stream: VideoStream) -> VideoCodecContext:
    """The stream's own decoder, or libvpx where that sees more. VP8 without alpha stays with FFmpeg's, for speed."""
    codec = stream.codec_context.name
    name = _LIBVPX.get(codec)
    if (codec == "vp9" or stream.metadata.get("alpha_mode") == "1") and name in codecs_available:
        return cast(VideoCodecContext, CodecContext.create(name, "r"))
    return stream.codec_context


def _format_names(container: InputContainer) -> set[str]:
    """FFmpeg's names of a format, of which a container has several: ``mov,mp4,m4a,3gp,3g2,mj2``."""
    return set(container.format.name.split(","))
