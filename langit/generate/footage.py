"""What a person gives besides words: videos, pictures and masks as values, read from files, fitted only when asked.

Nothing is resized, cut to another rate or guessed in silence: what differs from what the model can do is an error that
names both and the mend, and what was done is kept with the frames. It knows the model's sizes, not its parts.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, cast, get_args

import numpy as np
import torch
from jaxtyping import Bool, UInt8
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from langit import video
from langit.files import sha256
from langit.generate.model import Model
from langit.shapes import PixelShape

Fit = Literal["crop", "pad", "stretch"]
Rate = Literal["resample", "retime"]

MOST_SECONDS = 300.0
SAME_RATE = 1e-3  # relative: 29.97 and 30000/1001 are one rate
NEAR = 0.05  # frames by which a duration may miss a whole number of them, so that 0.667 s are 16 frames at 24


@dataclass(frozen=True)
class Parent:
    """A file that a video was made from, the hash of its bytes, and what was done with it first.

    ``path`` is where it lay when it was read, if it was a file: not part of what it is.
    """

    name: str
    sha256: str
    done: tuple[str, ...] = ()
    path: Path | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, eq=False)
class Footage:
    """Frames that are given. ``parents`` says where they are from and what was done with them."""

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
            raise ValueError(f"{self.fps} frames a second cannot be played: give a number above 0")

    @property
    def pixels(self) -> PixelShape:
        return PixelShape(*self.frames.shape[:3])

    @property
    def name(self) -> str:
        """How to speak of it to a person."""
        return " and ".join(parent.name for parent in self.parents) or "the footage"

    def done(self, what: str, frames: UInt8[Tensor, "_ _ _ 3"]) -> Footage:
        """The same footage after something was done with it."""
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
    """A video file as footage that the model can go on from.

    Args:
        path: any file that FFmpeg reads; one frame (a picture) is a video too.
        model: says which sizes and which rate can be done.
        fit: how frames of another shape become those of the model: ``crop`` cuts off what is too much, ``pad`` adds
            black, ``stretch`` distorts. None refuses them.
        rate: what to do with another rate: ``resample`` keeps the speed and drops or repeats frames, ``retime`` keeps
            the frames and plays them faster or slower. None refuses it.
        size: width and height to fit to; the video's own where the model can do it, else its nearest in aspect.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: no video, damaged, too long, or of a size or rate that the model cannot do and nothing was said of.
    """
    path = Path(path)
    info = video.probe(path)
    if info.duration > MOST_SECONDS:
        raise ValueError(f"{path} lasts {info.duration:g} s: cut it, at most {MOST_SECONDS:g} s are read")
    if info.transfer in video.HDR:
        light = video.HDR[info.transfer]
        raise ValueError(f"{path} has light of high dynamic range ({light}): give a version in standard range (BT.709)")
    given = info.width, info.height
    target = _target(str(path), given, model, fit, size)
    shown = video.pictures(path)
    done: tuple[str, ...] = ()
    if info.frames > 1 and not _same_rate(info.fps, model.fps):
        if check_rate(rate) is None:
            raise ValueError(_other_rate(str(path), info.fps, model))
        done = (f"{rate}d from {info.fps:.6g} to {model.fps:g} frames a second",)
        shown = _at_rate(shown, info.fps, model.fps) if rate == "resample" else shown
    frames: list[Tensor] = []
    for picture in shown:
        upright = Image.fromarray(picture.upright())
        if upright.size != given:
            raise ValueError(f"{path} changes its size from frame to frame: give a video of one size")
        frames.append(_fitted(upright, target, fit))
        if len(frames) > MOST_SECONDS * max(model.fps, info.fps):
            raise ValueError(f"{path} has more than {len(frames) - 1} frames, too many to read: cut it")
    done = (*done, *_fit_done(given, target, fit))
    return Footage(torch.stack(frames), model.fps, (Parent(path.name, sha256(path), done, path),))


def read_image(path: Path | str, model: Model, *, fit: Fit | None = None, size: PixelShape | None = None) -> Footage:
    """A picture as footage of one frame; turned as its EXIF data says. See :func:`read_video` for ``fit`` and ``size``.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: no picture, damaged, moving, or of a size that the model cannot do and nothing was said of.
    """
    path = Path(path)
    picture = _open_picture(path).convert("RGB")
    target = _target(str(path), picture.size, model, fit, size)
    done = _fit_done(picture.size, target, fit)
    return Footage(_fitted(picture, target, fit)[None], model.fps, (Parent(path.name, sha256(path), done, path),))


def read_mask(path: Path | str, pixels: PixelShape) -> tuple[Bool[Tensor, "H W"], tuple[Parent, ...]]:
    """A picture as a mask for all frames: what is white is made anew, what is black is kept.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: no picture, or not of the video's size.
    """
    path = Path(path)
    picture = _open_picture(path).convert("L")
    if picture.size != (pixels.width, pixels.height):
        raise ValueError(
            f"mask {path} is {picture.width}x{picture.height}, the video {pixels.width}x{pixels.height}:"
            f" make the mask {pixels.width}x{pixels.height}"
        )
    return torch.from_numpy(np.array(picture) >= 128), (Parent(path.name, sha256(path), ("used as a mask",), path),)


def check_fit(fit: str | None) -> Fit | None:
    """What is given, if it is a way to fit.

    Raises:
        ValueError: it is none.
    """
    if fit is not None and fit not in get_args(Fit):
        raise ValueError(f"fit {fit!r} is unknown: use {', '.join(get_args(Fit))}")
    return cast("Fit | None", fit)


def check_rate(rate: str | None) -> Rate | None:
    """What is given, if it is something to do with another rate.

    Raises:
        ValueError: it is none.
    """
    if rate is not None and rate not in get_args(Rate):
        raise ValueError(f"rate {rate!r} is unknown: use {', '.join(get_args(Rate))}")
    return cast("Rate | None", rate)


def check_footage(footage: Footage, model: Model) -> None:
    """Refuse footage whose size or rate the model cannot do.

    Raises:
        ValueError: names what is given, what can be done, and the mend.
    """
    pixels = footage.pixels
    _target(footage.name, (pixels.width, pixels.height), model, None, None)
    if pixels.frames > 1 and not _same_rate(footage.fps, model.fps):
        raise ValueError(_other_rate(footage.name, footage.fps, model))


def _same_rate(one: float, other: float) -> bool:
    return abs(one - other) <= SAME_RATE * other


def _other_rate(name: str, fps: float, model: Model) -> str:
    return (
        f"{name} has {fps:.6g} frames a second, this model makes {model.fps:g}: rate resample keeps its speed (frames"
        " are dropped or repeated), retime keeps its frames (it plays faster or slower) (--rate resample)"
    )


def frames_in(seconds: float, fps: float, name: str = "seconds") -> int:
    """The whole number of frames that a duration is.

    Raises:
        ValueError: not above 0, over MOST_SECONDS, or between two frames; the message names the nearest that can be.
    """
    if not 0 < seconds <= MOST_SECONDS:
        raise ValueError(f"{name} {seconds:g} is not a duration: give above 0, at most {MOST_SECONDS:g}")
    return frame_at(seconds, fps, name)


def frame_at(seconds: float, fps: float, name: str) -> int:
    """The frame that a moment falls on; see :func:`frames_in`, of which this is the part that takes 0.

    Raises:
        ValueError: below 0, no number, or between two frames.
    """
    if not 0 <= seconds <= MOST_SECONDS:
        raise ValueError(f"{name} {seconds:g} is not a moment: give 0 to {MOST_SECONDS:g} s")
    frames = round(seconds * fps)
    low = math.floor(seconds * fps)
    if abs(seconds * fps - frames) > NEAR or (frames == 0 and seconds > 0):
        near = f"{low / fps:.6g} or {(low + 1) / fps:.6g}" if low else f"{1 / fps:.6g}"
        raise ValueError(f"{name} {seconds:g} lies between two frames at {fps:g} a second: give {near}")
    return frames


def nearest_picture(width: int, height: int, model: Model) -> tuple[int, int]:
    """Of the sizes that the model can do the one that is nearest in proportion, then in area."""

    def apart(picture: tuple[int, int]) -> tuple[float, float]:
        proportion = math.log(picture[0] * height / (picture[1] * width))
        return round(abs(proportion), 6), abs(math.log(picture[0] * picture[1] / (width * height)))

    return min(model.pictures, key=apart)


def _target(
    name: str, given: tuple[int, int], model: Model, fit: Fit | None, size: PixelShape | None
) -> tuple[int, int]:
    """Width and height that a picture is to have; whatever would be changed without being asked for is refused."""
    check_fit(fit)
    if size is not None:
        model.check(replace(size, frames=model.most_frames))
        wanted, why = (size.width, size.height), f"{size.width}x{size.height} is asked for"
    elif given in model.pictures:
        wanted, why = given, ""
    else:
        wanted, why = nearest_picture(*given, model), f"this model cannot do that: {model.can_do}"
    if fit is None and wanted != given:
        raise ValueError(f"{name} is {given[0]}x{given[1]}; {why}; fit crop, pad or stretch mends that (--fit crop)")
    return wanted


def _fitted(picture: Image.Image, target: tuple[int, int], fit: Fit | None) -> UInt8[Tensor, "H W 3"]:
    if picture.size != target:
        filter_ = Image.Resampling.LANCZOS
        if fit == "crop":
            picture = ImageOps.fit(picture, target, filter_)
        elif fit == "pad":
            picture = ImageOps.pad(picture, target, filter_)
        else:
            assert fit == "stretch"
            picture = picture.resize(target, filter_)
    return torch.from_numpy(np.array(picture))


def _fit_done(given: tuple[int, int], target: tuple[int, int], fit: Fit | None) -> tuple[str, ...]:
    """What :func:`_fitted` does, in words."""
    if given == target:
        return ()
    verb = {"crop": "cropped", "pad": "padded", "stretch": "stretched", None: ""}[fit]
    return (f"{verb} from {given[0]}x{given[1]} to {target[0]}x{target[1]}",)


def _at_rate(shown: Iterator[video.Picture], native: float, fps: float) -> Iterator[video.Picture]:
    """At every ``1 / fps`` seconds the frame that a player would show then."""
    start, end, made, ready = 0.0, 0.0, 0, None
    for number, picture in enumerate(shown):
        if number == 0:
            start = picture.seconds or 0.0
        seconds = number / native if picture.seconds is None else picture.seconds - start
        while ready is not None and made / fps < seconds - 1e-6:
            yield ready
            made += 1
        ready, end = picture, seconds + 1 / native
    while ready is not None and made / fps < end - 1e-6:
        yield ready
        made += 1


def _open_picture(path: Path) -> Image.Image:
    """A still picture of eight bits a channel, upright and decoded whole."""
    if path.is_dir():
        raise ValueError(f"{path} is a folder: give a picture")
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist: check the name")
    try:
        with warnings.catch_warnings(action="error", category=Image.DecompressionBombWarning), Image.open(path) as file:
            count = getattr(file, "n_frames", 1)
            if count > 1:
                raise ValueError(f"{path} holds {count} pictures: give one, or give it as a video")
            if file.mode[0] in "IF":
                raise ValueError(f"{path} has more than 8 bits a channel ({file.mode}): save it with 8")
            if "transparency" in file.info or file.mode in ("RGBA", "LA", "PA", "RGBa", "La"):
                raise ValueError(f"{path} is transparent in places: save it without an alpha channel")
            return ImageOps.exif_transpose(file)
    except PermissionError as error:
        raise ValueError(f"{path} may not be read: change its permissions") from error
    except UnidentifiedImageError as error:
        raise ValueError(f"{path} is no picture that can be read: give a PNG or JPEG") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ValueError(f"{path} claims more pixels than are safe to read: give a smaller picture") from error
    except (OSError, SyntaxError) as error:  # what Pillow raises for damaged files
        raise ValueError(f"{path} is damaged ({error}): give a picture that opens") from error
