"""Given frames as a value, and videos read as such from files.

Nothing is resized, cut to another rate or guessed silently: what differs from what the model supports is an error that
names both and the remedy, and every change that was asked for is recorded with the frames.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, cast, get_args

import torch
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

from langit import video
from langit.files import sha256
from langit.generate.durations import MAX_SECONDS
from langit.generate.fitting import Fit, check_fit, describe_fit, fit_picture, fitted_size
from langit.generate.model import Model
from langit.shapes import PixelShape

Rate = Literal["resample", "retime"]

SAME_RATE = 1e-3
"""Relative difference up to which two frame rates are one: 29.97 and 30000/1001."""


@dataclass(frozen=True)
class Parent:
    """A file that a video was made from: its name, the hash of its bytes, and what was changed before use.

    ``path`` is where it was when it was read, if it was a file. It does not count in comparisons.
    """

    name: str
    sha256: str
    done: tuple[str, ...] = ()
    path: Path | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, eq=False)
class Footage:
    """Given frames, on the CPU. ``parents`` says which files they come from and what was changed."""

    frames: UInt8[Tensor, "T H W 3"]
    fps: float
    parents: tuple[Parent, ...] = ()

    def __post_init__(self) -> None:
        frames = self.frames
        if frames.ndim != 4 or frames.dtype != torch.uint8 or frames.shape[3] != 3 or not len(frames):
            raise ValueError(
                f"frames are {frames.dtype} {tuple(frames.shape)}: give uint8 (frames, height, width, 3), at least one"
            )
        if not 0 < self.fps < math.inf:
            raise ValueError(f"fps {self.fps} is not a frame rate: use a number above 0")

    @property
    def pixels(self) -> PixelShape:
        """Frames, height and width."""
        return PixelShape(*self.frames.shape[:3])

    @property
    def name(self) -> str:
        """The names of its files, for messages."""
        return " and ".join(parent.name for parent in self.parents) or "the footage"

    def with_change(self, what: str, frames: UInt8[Tensor, "_ _ _ 3"]) -> Footage:
        """Other frames of the same files, with a change added to their record."""
        parents = tuple(replace(parent, done=(*parent.done, what)) for parent in self.parents)
        return replace(self, frames=frames, parents=parents)


def read_video(
    path: Path | str,
    model: Model,
    *,
    fit: Fit | None = None,
    rate: Rate | None = None,
    size: PixelShape | None = None,
) -> Footage:
    """Read a video file as footage that the model can continue.

    Args:
        path: any file that FFmpeg reads; a picture is a video of one frame.
        model: says which sizes and which frame rate are supported.
        fit: how frames of another size become those of the model: ``crop`` cuts off what is too much, ``pad`` adds
            black, ``stretch`` distorts. None refuses them.
        rate: what to do with another frame rate: ``resample`` keeps the speed and drops or repeats frames, ``retime``
            keeps the frames and plays them faster or slower. None refuses it.
        size: width and height to fit to; by default the video's own if the model supports it, else the supported size
            with the nearest aspect ratio.

    Raises:
        FileNotFoundError: the file does not exist.
        ValueError: the file is not a video, is damaged or too long, or its size or rate is not supported and ``fit``
            or ``rate`` is None. One message names every problem.
    """
    path = Path(path)
    info = video.probe(path)
    check_fit(fit)
    check_rate(rate)
    if info.duration > MAX_SECONDS:
        raise ValueError(f"{path} lasts {info.duration:g} s: cut it to at most {MAX_SECONDS:g} s")
    if info.transfer in video.HDR:
        light = video.HDR[info.transfer]
        raise ValueError(f"{path} is in high dynamic range ({light}): give a version in standard range (BT.709)")
    given = info.width, info.height
    other_rate = info.frames > 1 and not _same_rate(info.fps, model.fps)
    # Both problems go into one message, so that a person mends the command once.
    problems = [_describe_rate(str(path), info.fps, model)] if other_rate and rate is None else []
    try:
        target = fitted_size(str(path), given, model, fit, size)
    except ValueError as error:
        raise ValueError("; ".join([str(error), *problems])) from error
    if problems:
        raise ValueError(problems[0])
    decoded = video.decode(path)
    done: tuple[str, ...] = ()
    if other_rate:
        done = (f"{rate}d from {info.fps:.6g} to {model.fps:g} frames a second",)
        decoded = _resample(decoded, info.fps, model.fps) if rate == "resample" else decoded
    frames: list[Tensor] = []
    for frame in decoded:
        picture = Image.fromarray(frame.rgb())
        if picture.size != given:
            raise ValueError(f"{path} changes its size from frame to frame: give a video of one size")
        frames.append(fit_picture(picture, target, fit))
        if len(frames) > MAX_SECONDS * max(model.fps, info.fps):  # the container's duration may be wrong
            raise ValueError(f"{path} has more than {len(frames) - 1} frames: cut it")
    done = (*done, *describe_fit(given, target, fit))
    return Footage(torch.stack(frames), model.fps, (Parent(path.name, sha256(path), done, path),))


def check_rate(rate: str | None) -> Rate | None:
    """The argument, if it is something to do with another frame rate.

    Raises:
        ValueError: it is not.
    """
    if rate is not None and rate not in get_args(Rate):
        raise ValueError(f"rate {rate!r} is not known: use {', '.join(get_args(Rate))}")
    return cast("Rate | None", rate)


def check_footage(footage: Footage, model: Model) -> None:
    """Refuse footage whose size or rate the model does not support.

    Raises:
        ValueError: names what is given, what is supported, and the remedy.
    """
    pixels = footage.pixels
    fitted_size(footage.name, (pixels.width, pixels.height), model, None, None)
    if pixels.frames > 1 and not _same_rate(footage.fps, model.fps):
        raise ValueError(_describe_rate(footage.name, footage.fps, model))


def _same_rate(one: float, other: float) -> bool:
    return abs(one - other) <= SAME_RATE * other


def _describe_rate(name: str, fps: float, model: Model) -> str:
    return (
        f"{name} has {fps:.6g} frames a second, this model generates {model.fps:g}: rate resample keeps its speed"
        " (frames are dropped or repeated), retime keeps its frames (it plays faster or slower) (--rate resample)"
    )


def _resample(decoded: Iterator[video.DecodedFrame], native: float, fps: float) -> Iterator[video.DecodedFrame]:
    """Yield for every ``1 / fps`` seconds the frame that a player would show then."""
    start, end, count, current = 0.0, 0.0, 0, None
    for number, frame in enumerate(decoded):
        if number == 0:
            # Some containers do not count from 0.
            start = frame.seconds or 0.0
        seconds = number / native if frame.seconds is None else frame.seconds - start
        while current is not None and count / fps < seconds - 1e-6:  # timestamps are rounded to the container's clock
            yield current
            count += 1
        current, end = frame, seconds + 1 / native
    while current is not None and count / fps < end - 1e-6:
        yield current
        count += 1
