"""Frames to a file: H.264 in mp4, VP9 in WebM, or an animated GIF (PyAV, whose wheels carry FFmpeg).

Only `worlds/` and `release/` may use it; a test of the house checks that.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Final, cast

import av
import numpy as np
from av.codec.codec import UnknownCodecError
from av.codec.context import ThreadType
from av.error import FFmpegError
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import ArrayLike

from langit.files import atomic_write

ENCODER: Final = "libx264"
QUALITY: Final = 18  # x264's constant rate factor: 18 is hard to tell from the original by eye
SKIES: Final = "aq-mode=3:aq-strength=1.4:deblock=1,1"
"""x264's settings for skies: more bits for what is smooth or dark, where blocks are seen, and smoother borders between
blocks. Files grow by 4% (docs/door.md)."""
BT709: Final = 1  # primaries, transfer and matrix of ITU-R BT.709 share this number in ITU-T H.273
LARGE: Final = 640 * 360
"""Pixels of a frame from which on x264 encodes several frames at a time."""
THREADS: Final = 8  # fixed, as x264's output depends on it: the same frames are the same file whatever the machine
MAX_DENOMINATOR: Final = 1001  # of frame rates: 30000/1001 is exact
FASTEST_GIF: Final = 50  # frames per second: browsers show shorter delays than 0.02 s as 0.1 s


@dataclass(frozen=True)
class OutputFormat:
    """How one kind of file is encoded; ``pixels`` is FFmpeg's name of the pixel format."""

    container: str
    codec: str
    pixels: str
    options: Mapping[str, str] = field(default_factory=dict)
    muxer: Mapping[str, str] = field(default_factory=dict)


FORMATS: Final[Mapping[str, OutputFormat]] = {
    ".mp4": OutputFormat(
        "mp4",
        ENCODER,
        "yuv420p",
        # With macroblock-tree on, x264 encodes the same small frames differently from run to run (docs/LOG.md).
        {"crf": str(QUALITY), "profile": "high", "x264-params": f"mbtree=0:{SKIES}"},
        {"movflags": "+faststart+use_metadata_tags"},
    ),
    ".webm": OutputFormat(
        "webm",
        "libvpx-vp9",
        "yuv420p",
        # "b" 0 makes the quality constant. 20 of 63 is as near to the original as mp4's 18 (docs/door.md).
        {"crf": "20", "b": "0", "deadline": "good", "cpu-used": "2"},
        {"fflags": "+bitexact"},  # else the muxer writes random numbers, and the same video is another file each time
    ),
    ".gif": OutputFormat("gif", "gif", "pal8"),
}
"""What can be written, by the end of a file's name."""


def write(
    path: Path,
    frames: Iterable[ArrayLike],
    fps: float | Fraction,
    metadata: Mapping[str, str] | None = None,
    overwrite: bool = False,
) -> None:
    """Write frames, each (H, W, 3) uint8, in the format that the path's suffix names; another suffix means mp4.

    An mp4's index comes first, for streaming. A GIF has a palette for each frame, and no metadata. The file appears
    complete or not at all, also after an error or an interrupt. :func:`probe` reads back ``metadata`` (title, comment,
    or any other key).

    Raises:
        ValueError: there are no frames, their sizes are odd or differ, they are not uint8 RGB, the rate is not
            positive or too high for the format, or FFmpeg has no encoder for it.
        FileExistsError: the file exists and ``overwrite`` is false.
        OSError: the disk is full, or the folder cannot be written to.
    """
    with atomic_write(path) as unfinished:
        encode(unfinished, frames, fps, metadata, path)
        if path.exists() and not overwrite:
            raise FileExistsError(f"{path} exists: choose another name, or overwrite it (--overwrite)")


def encode(
    part: Path,
    frames: Iterable[ArrayLike],
    fps: float | Fraction,
    metadata: Mapping[str, str] | None = None,
    final_path: Path | None = None,
) -> None:
    """Like :func:`write`, but straight to ``part``, where an error leaves half a file.

    ``final_path`` is the name that error messages show, and whose suffix names the format.
    """
    path = final_path or part
    check_encoder(path.suffix)
    if not fps > 0:
        raise ValueError(f"{fps} frames per second is not a frame rate: use a number above 0")
    if path.suffix.lower() == ".gif" and fps > FASTEST_GIF:
        raise ValueError(f"{path}: a GIF plays at most {FASTEST_GIF} frames per second, not {fps:g}: write an mp4")
    try:
        _encode(part, path, frames, Fraction(fps).limit_denominator(MAX_DENOMINATOR), metadata or {})
    except FFmpegError as error:
        raise OSError(
            f"{path} could not be written ({error.strerror}): free some space, or choose another folder"
        ) from error


def format_of(suffix: str) -> OutputFormat:
    """The format of files whose names end so; mp4 for unknown ends, such as those of temporary files."""
    return FORMATS.get(suffix.lower(), FORMATS[".mp4"])


def check_encoder(suffix: str = ".mp4") -> None:
    """Make sure that the encoder for a suffix exists, before frames are made for it.

    Raises:
        ValueError: this FFmpeg was built without it.
    """
    codec = format_of(suffix).codec
    try:
        av.codec.Codec(codec, "w")
    except UnknownCodecError as error:
        raise ValueError(
            f"this FFmpeg has no {codec} encoder: reinstall PyAV from its own wheel,"
            " pip install --force-reinstall --only-binary=:all: av"
        ) from error


def _encode(part: Path, path: Path, frames: Iterable[ArrayLike], rate: Fraction, metadata: Mapping[str, str]) -> None:
    chosen = format_of(path.suffix)
    with av.open(os.fspath(part), "w", format=chosen.container, options=dict(chosen.muxer)) as container:
        container.metadata.update(metadata)
        target: VideoStream | None = None
        pictures = _check_pictures(frames, path)
        for frame in _palettes(pictures, rate) if chosen.pixels == "pal8" else _bt709(pictures, rate):
            if target is None:
                target = cast(VideoStream, container.add_stream(chosen.codec, rate=rate))
                target.height, target.width = frame.height, frame.width
                _configure(target, chosen)
            container.mux(target.encode(frame))
        if target is None:
            raise ValueError(f"{path}: there are no frames to write: give at least one")
        container.mux(target.encode(None))


def _check_pictures(frames: Iterable[ArrayLike], path: Path) -> Iterator[np.ndarray]:
    size: tuple[int, ...] = ()
    for number, item in enumerate(frames):
        picture = np.asarray(item)
        size = size or _check_picture(picture, path)
        if picture.shape != size or picture.dtype != np.uint8:
            raise ValueError(
                f"{path}: frame {number} is {picture.dtype} {picture.shape}, the first was uint8 {size}:"
                " give frames of one size"
            )
        yield picture


def _bt709(pictures: Iterable[np.ndarray], rate: Fraction) -> Iterator[av.VideoFrame]:
    """Frames in yuv420p. PyAV converts with BT.601 by default; files declare BT.709, so the numbers have to be that."""
    reformatter = VideoReformatter()  # one for all frames: creating it takes longer than using it
    for number, picture in enumerate(pictures):
        frame = reformatter.reformat(
            av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24"),
            format="yuv420p",
            src_color_range=ColorRange.JPEG,
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
            threads=1,
        )
        frame.pts, frame.time_base = number, 1 / rate
        yield frame


def _palettes(pictures: Iterable[np.ndarray], rate: Fraction) -> Iterator[av.VideoFrame]:
    """Frames with 256 colours of their own each, not dithered: the noise of dithering would double the file."""
    graph = av.filter.Graph()
    source = None
    for number, picture in enumerate(pictures):
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
        frame.pts, frame.time_base = number, 1 / rate
        if source is None:
            source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=1 / rate)
            split, sink = graph.add("split"), graph.add("buffersink")
            palette, use = graph.add("palettegen", "stats_mode=single"), graph.add("paletteuse", "dither=none:new=1")
            source.link_to(split)
            split.link_to(palette, 0, 0)
            split.link_to(use, 1, 0)
            palette.link_to(use, 0, 1)
            use.link_to(sink)
            graph.configure()
        source.push(frame)
        yield from _ready(sink)
    if source is not None:
        source.push(None)
        yield from _ready(sink)


def _ready(sink: av.filter.context.FilterContext) -> Iterator[av.VideoFrame]:
    while True:
        try:
            frame = sink.pull()
        except (av.BlockingIOError, av.EOFError):
            return
        assert isinstance(frame, av.VideoFrame)
        yield frame


def _configure(target: VideoStream, chosen: OutputFormat) -> None:
    target.pix_fmt = chosen.pixels
    target.options = dict(chosen.options)
    if chosen.codec == ENCODER and target.height * target.width >= LARGE:
        # PyAV's default cuts each frame into slices, which wait for each other, and makes the files larger.
        target.codec_context.thread_type, target.codec_context.thread_count = ThreadType.FRAME, THREADS
    if chosen.pixels != "pal8":
        context = target.codec_context
        context.color_primaries = context.color_trc = context.colorspace = BT709
        context.color_range = ColorRange.MPEG


def _check_picture(picture: np.ndarray, path: Path) -> tuple[int, ...]:
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        raise ValueError(f"{path}: a frame is {picture.dtype} {picture.shape}: give uint8 (height, width, 3)")
    height, width, _ = picture.shape
    for name, side in (("width", width), ("height", height)):
        if side % 2 or not side:
            raise ValueError(f"{path}: {name} {side} does not fit yuv420p, which halves it: use an even size")
    return picture.shape
