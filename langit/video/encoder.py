"""Frames to H.264 in an mp4 (PyAV, whose wheels carry FFmpeg).

Only `worlds/` and `release/` may use it; a test of the house checks that.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import numpy as np
from av.codec.codec import UnknownCodecError
from av.error import FFmpegError
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import ArrayLike

from langit.files import atomic_write

ENCODER: Final = "libx264"
QUALITY: Final = 18  # x264's constant rate factor: 18 is hard to tell from the original by eye
BT709: Final = 1  # primaries, transfer and matrix of ITU-R BT.709 share this number in ITU-T H.273
MAX_DENOMINATOR: Final = 1001  # of frame rates: 30000/1001 is exact


def write(
    path: Path,
    frames: Iterable[ArrayLike],
    fps: float | Fraction,
    metadata: Mapping[str, str] | None = None,
    overwrite: bool = False,
) -> None:
    """Write frames, each (H, W, 3) uint8, as H.264 yuv420p in an mp4 whose index comes first, for streaming.

    The file appears complete or not at all, also after an error or an interrupt. :func:`probe` reads back
    ``metadata`` (title, comment, or any other key).

    Raises:
        ValueError: there are no frames, their sizes are odd or differ, they are not uint8 RGB, the rate is not
            positive, or FFmpeg has no H.264 encoder.
        FileExistsError: the file exists and ``overwrite`` is false.
        OSError: the disk is full, or the folder cannot be written to.
    """
    with atomic_write(path) as unfinished:
        encode(unfinished, frames, fps, metadata, path)
        if path.exists() and not overwrite:
            raise FileExistsError(f"{path} exists: choose another name, or ask to overwrite it")


def encode(
    part: Path,
    frames: Iterable[ArrayLike],
    fps: float | Fraction,
    metadata: Mapping[str, str] | None = None,
    final_path: Path | None = None,
) -> None:
    """Like :func:`write`, but straight to ``part``, where an error leaves half a file.

    ``final_path`` is the name that error messages show.
    """
    path = final_path or part
    check_encoder()
    if not fps > 0:
        raise ValueError(f"{fps} frames per second is not a frame rate: use a number above 0")
    try:
        _encode(part, path, frames, Fraction(fps).limit_denominator(MAX_DENOMINATOR), metadata or {})
    except FFmpegError as error:
        raise OSError(
            f"{path} could not be written ({error.strerror}): free some space, or choose another folder"
        ) from error


def check_encoder() -> None:
    """Make sure that the H.264 encoder exists, before frames are made for it.

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
        reformatter = VideoReformatter()  # one for all frames: creating it takes longer than using it
        for number, item in enumerate(frames):
            picture = np.asarray(item)
            if target is None:
                size = _check_picture(picture, path)
                target = container.add_stream(ENCODER, rate=rate)
                _configure(target, size)
            if picture.shape != size or picture.dtype != np.uint8:
                raise ValueError(
                    f"{path}: frame {number} is {picture.dtype} {picture.shape}, the first was uint8 {size}:"
                    " give frames of one size"
                )
            # PyAV converts with BT.601 by default. The file declares BT.709, so the numbers have to be BT.709.
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


def _configure(target: VideoStream, size: tuple[int, ...]) -> None:
    target.height, target.width = size[:2]
    target.pix_fmt = "yuv420p"
    # With macroblock-tree on, x264 encodes the same small frames differently from run to run (docs/LOG.md).
    target.options = {"crf": str(QUALITY), "profile": "high", "x264-params": "mbtree=0"}
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
