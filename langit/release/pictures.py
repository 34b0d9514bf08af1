"""Decode the first frames of any file that strangers hand over: bounded in memory, and never raising.

This module does not know what is looked for in the frames.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
from av.error import FFmpegError
from jaxtyping import UInt8
from PIL import Image, UnidentifiedImageError

from langit.video import DecodedFrame, orientation_of
from langit.video.containers import CONTAINERS
from langit.video.packed import check_packed

FRAMES: Final = 240
"""Frames of a file that are looked at."""
MAX_PIXELS: Final = 1 << 25
"""Pixels of a frame, 33.5 million, as in 8K video. Larger ones are not decoded; the header says the size."""
LONGEST: Final = 8
"""Sides of a frame as a ratio: of longer strips the middle is looked at, since a search takes as long as they are."""

LIMITS: Final = {"max_pixels": str(MAX_PIXELS), **CONTAINERS}
FORMATS: Final = ("WEBP", "TIFF", "PNG", "JPEG", "GIF")
"""What Pillow may try: some of its other formats start external programs."""

Frame = UInt8[np.ndarray, "H W 3"]


def first_frames(path: Path) -> Iterator[Frame]:
    """Yield up to :data:`FRAMES` frames of a video or picture, one at a time; none if nothing can be decoded.

    Frames of another size than the first are left out.
    """
    return _of_one_size(_decoded(path))


def middle_frames(path: Path) -> Iterator[Frame]:
    """Yield up to :data:`FRAMES` frames from the middle of a video on; none if its length is not known."""
    return _of_one_size(_by_ffmpeg(path, from_middle=True))


def frame_rate(path: Path) -> float | None:
    """Frames a second of a video; None if the file does not say, or is no video."""
    try:
        check_packed(path)
        with av.open(str(path), options=LIMITS) as container:
            stream = container.streams.video[0] if container.streams.video else None
            rate = stream and (stream.average_rate or stream.guessed_rate)
            return float(rate) if rate else None
    except (FFmpegError, ValueError):
        return None


def _of_one_size(frames: Iterator[Frame]) -> Iterator[Frame]:
    size: tuple[int, ...] = ()
    for frame in islice(frames, FRAMES):
        size = size or frame.shape
        if frame.shape == size:
            yield _middle_of_strip(frame)


def _middle_of_strip(frame: Frame) -> UInt8[np.ndarray, "h w 3"]:
    height, width = frame.shape[:2]
    most = LONGEST * min(height, width)
    down, right = max(0, height - most) // 2, max(0, width - most) // 2
    return frame[down : down + most, right : right + most]


def _decoded(path: Path) -> Iterator[Frame]:
    count = 0
    for frame in _by_ffmpeg(path):
        count += 1
        yield frame
    if not count:
        yield from _by_pillow(path)  # animated WebP, which FFmpeg does not decode


def _by_ffmpeg(path: Path, from_middle: bool = False) -> Iterator[Frame]:
    try:
        check_packed(path)
        # FFmpeg decodes a frame while it opens a file, and again where a stream changes its size: both are limited.
        with av.open(str(path), options=LIMITS) as container:
            decoder = container.streams.video[0].codec_context if container.streams.video else None
            if decoder is None or not 0 < decoder.width * decoder.height <= MAX_PIXELS:
                return
            if from_middle:
                if not container.duration:
                    return
                container.seek(container.duration // 2)
            packets: Iterator[Any] = container.demux(video=0)
            while True:
                try:
                    packet = next(packets, None)
                    pictures = decoder.decode(packet)
                except FFmpegError:
                    pictures = decoder.decode(None)  # of half a file, what came before the cut can still be flushed
                    packet = None
                for picture in pictures:
                    # A stream may change its size after the header.
                    if picture.width * picture.height <= MAX_PIXELS:
                        yield DecodedFrame(picture, orientation=orientation_of(picture)).rgb()
                if packet is None:
                    return
    except (FFmpegError, ValueError):
        return


def _by_pillow(path: Path) -> Iterator[Frame]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path, formats=FORMATS) as opened:
                if opened.width * opened.height > MAX_PIXELS:
                    return
                for number in range(getattr(opened, "n_frames", 1)):
                    opened.seek(number)
                    yield np.asarray(opened.convert("RGB"))
    except (OSError, ValueError, SyntaxError, EOFError, UnidentifiedImageError, Image.DecompressionBombError):
        return
