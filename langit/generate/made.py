"""From what a person gives to a canvas, and from a canvas to a result: what all abilities have in common."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from langit.generate.canvas import Canvas, fill
from langit.generate.footage import Footage, Parent, check_footage, read_image, read_video
from langit.generate.model import Model
from langit.generate.sampler import OnStep
from langit.generate.settings import SamplingConfig
from langit.generate.video import Generated
from langit.shapes import PixelShape
from langit.text.prompt import check_prompt
from langit.text.vocabulary import unknown_words

Video = Footage | Generated | Path | str


def footage_of(given: Video, model: Model) -> Footage:
    """What is given as footage that the model can go on from.

    Raises:
        ValueError, FileNotFoundError: see :func:`langit.generate.footage.read_video`, which takes what this refuses.
    """
    if isinstance(given, Generated):
        digest = hashlib.sha256(given.frames.numpy().tobytes()).hexdigest()
        given = Footage(
            given.frames, given.fps, (*given.parents, Parent(f"{given.ability} of seed {given.seed}", digest))
        )
    if not isinstance(given, Footage):
        return read_video(given, model)
    check_footage(given, model)
    return given


def made(
    ability: str,
    prompt: str,
    model: Model,
    canvas: Canvas,
    given: Sequence[Footage],
    seed: int,
    sampling: SamplingConfig | None,
    on_step: OnStep | None,
) -> Generated:
    """All that is not given of a canvas, of one prompt."""
    plain, settings = check_prompt(prompt) if prompt else "", model.settings(sampling)
    stretches = canvas.stretches(plain)
    frames = fill(canvas, stretches, model, seed=checked_seed(seed), sampling=settings, on_step=on_step)
    return Generated(
        frames=frames,
        fps=model.fps,
        prompt=plain,
        seed=seed,
        sampling=settings,
        unknown=unknown_words(model.text.tokenizer, plain),
        ability=ability,
        parents=tuple(parent for each in given for parent in each.parents),
    )


def checked_seed(seed: int) -> int:
    if not 0 <= seed < 2**63:
        raise ValueError(f"seed {seed} is out of range: use 0 to {2**63 - 1}")
    return seed


def checked_strength(strength: float) -> float:
    if not 0 < strength <= 1:
        raise ValueError(f"strength {strength:g} is out of range: give above 0 (all is kept) to 1 (nothing is)")
    return strength


def picture_of(given: Video, model: Model) -> Footage:
    """One frame, from a picture's file, from footage or from what was made."""
    if isinstance(given, (Path, str)):
        return read_image(given, model)
    footage = footage_of(given, model)
    if len(footage.frames) > 1:
        raise ValueError(f"{footage.name} has {len(footage.frames)} frames: give a picture, or extend it")
    return footage


def check_same_size(name: str, pixels: PixelShape, other: Footage) -> None:
    if (pixels.width, pixels.height) != (other.pixels.width, other.pixels.height):
        raise ValueError(
            f"{name} is {pixels.width}x{pixels.height}, {other.name} is {other.pixels.width}x{other.pixels.height}:"
            " fit crop, pad or stretch with one size mends that (--fit crop --size)"
        )
