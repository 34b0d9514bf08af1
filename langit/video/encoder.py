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
QUALITY = 18  # x264's constant rate factor: 18 is hard to tell from the original by eye
BT709 = 1  # primaries, transfer and matrix of ITU-R BT.709 share this number in ITU-T H.273


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
    with atomic_write(path) as unfinished:
        encode(unfinished, frames, fps, metadata, path)
        if path.exists() and not overwrite:
            raise FileExistsError(f"{path} exists: choose another name, or ask to overwrite it")


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
