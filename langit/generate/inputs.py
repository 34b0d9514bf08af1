"""What a person gives to an ability, checked: videos and pictures as footage, seeds, strengths, lengths."""

from __future__ import annotations

import hashlib
from pathlib import Path

from langit.generate.durations import MAX_SECONDS, frames_in
from langit.generate.footage import Footage, Parent, check_footage, read_video
from langit.generate.model import Model
from langit.generate.stills import read_image
from langit.generate.video import Generated
from langit.shapes import PixelShape

Video = Footage | Generated | Path | str
"""A video as an ability accepts it: frames, the result of another ability, or a file."""

MAX_SEED = 2**63 - 1


def as_footage(given: Video, model: Model) -> Footage:
    """A given video as footage that the model can continue.

    Raises:
        FileNotFoundError: the file does not exist.
        ValueError: its size or rate is not supported; :func:`langit.generate.footage.read_video` can change both.
    """
    if isinstance(given, Generated):
        # There is no file to hash; the pixels stand for it.
        digest = hashlib.sha256(given.frames.numpy().tobytes()).hexdigest()
        parent = Parent(f"{given.ability} of seed {given.seed}", digest)
        given = Footage(given.frames, given.fps, (*given.parents, parent))
    if not isinstance(given, Footage):
        return read_video(given, model)
    check_footage(given, model)
    return given


def as_picture(given: Video, model: Model) -> Footage:
    """A given picture as footage of one frame.

    Raises:
        FileNotFoundError: the file does not exist.
        ValueError: more than one frame, or a size that is not supported.
    """
    if isinstance(given, (Path, str)):
        return read_image(given, model)
    footage = as_footage(given, model)
    if len(footage.frames) > 1:
        raise ValueError(f"{footage.name} has {len(footage.frames)} frames: give a picture, or extend the video")
    return footage


def check_seed(seed: int) -> int:
    """The seed, if it is one.

    Raises:
        ValueError: it is out of range.
    """
    if not 0 <= seed <= MAX_SEED:
        raise ValueError(f"seed {seed} is out of range: use 0 to {MAX_SEED}")
    return seed


def check_strength(strength: float) -> float:
    """The strength, if it is one.

    Raises:
        ValueError: it is out of range.
    """
    if not 0 < strength <= 1:
        raise ValueError(f"strength {strength:g} is out of range: use a number above 0 (keep all) up to 1 (keep none)")
    return strength


def check_same_size(name: str, pixels: PixelShape, other: Footage) -> None:
    """Refuse footage of another width or height.

    Raises:
        ValueError: names both sizes.
    """
    if (pixels.width, pixels.height) != (other.pixels.width, other.pixels.height):
        raise ValueError(
            f"{name} is {pixels.width}x{pixels.height}, {other.name} is {other.pixels.width}x{other.pixels.height}:"
            " give both in one size, or let them be changed: fit crop, pad or stretch (--fit crop)"
        )


def count_frames(seconds: float | None, frames: int | None, model: Model) -> int:
    """The length of a new part, given as seconds or as frames.

    Raises:
        ValueError: none of them is given, or both, or a length that cannot be generated.
    """
    if (seconds is None) == (frames is None):
        raise ValueError(f"seconds {seconds} and frames {frames} both give the length of the new part: give one")
    if seconds is not None:
        return frames_in(seconds, model.fps)
    longest = int(MAX_SECONDS * model.fps)
    if frames is None or not 1 <= frames <= longest:
        raise ValueError(f"frames {frames} cannot be added: use 1 to {longest}")
    return frames
