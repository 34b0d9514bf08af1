"""Every ability as a set of known patches: each lays out what is given and asks for the rest. None samples by itself.

Videos are given as a file's path, as footage, or as what another ability made; files are written by `release/` alone.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

import torch

from langit.generate.canvas import laid, onwards, reach_of
from langit.generate.footage import MOST_SECONDS, frame_at, frames_in
from langit.generate.made import (
    Video,
    check_same_size,
    checked_seed,
    checked_strength,
    footage_of,
    made,
    picture_of,
)
from langit.generate.model import Model
from langit.generate.sampler import OnStep
from langit.generate.settings import SamplingConfig
from langit.generate.video import Generated, Stream, generate_many
from langit.shapes import PixelShape, whole_frames
from langit.text.prompt import check_prompt
from langit.text.vocabulary import unknown_words

BLEND_STRENGTH = 0.6


def generate(
    prompt: str,
    model: Model,
    *,
    pixels: PixelShape | None = None,
    seed: int = 0,
    image: Video | None = None,
    last: Video | None = None,
    steps: int | None = None,
    guidance: float | None = None,
    sampling: SamplingConfig | None = None,
    on_step: OnStep | None = None,
) -> Generated:
    """Make a video of a sentence: nothing is known, or the first frame, the last frame or both.

    Args:
        prompt: English or Indonesian.
        model: see :class:`Model`.
        pixels: a size that the model can do; without it that of the picture that is given, or the model's first.
        seed: the same seed on the same machine gives the same video.
        image: a picture for the first frame.
        last: a picture for the last latent frame: it stands still for as many frames as that has within the video.
        steps: solver steps, in place of those of ``sampling``.
        guidance: how much the text counts, in place of that of ``sampling``.
        sampling: all settings of the walk; the model's own when left out.
        on_step: told of every step, for a progress bar.

    Raises:
        ValueError: an empty, endless or foreign prompt, a size or a setting that the model cannot do.
        FileNotFoundError: there is no such picture.
    """
    model = replace(model, sampling=model.settings(sampling, steps=steps, guidance=guidance))
    if image is None and last is None:
        return generate_many([prompt], model, seeds=[seed], pixels=pixels, on_step=on_step)[0]
    first, final = (None if each is None else picture_of(each, model) for each in (image, last))
    given = [each for each in (first, final) if each is not None]
    pixels = pixels or replace(given[0].pixels, frames=model.sizes[0].frames)
    for each in given:
        check_same_size(f"the video that is asked for, {pixels},", pixels, each)
    model.check(pixels)
    compression = model.autoencoder.config.compression
    start = whole_frames(pixels.frames, compression, up=True) - compression.time
    head = [] if first is None else [first.frames]
    tail = [] if final is None else [final.frames.expand(pixels.frames - start, -1, -1, -1)]
    rest = pixels.frames - sum(map(len, head + tail))
    if rest < 1:
        raise ValueError(f"{pixels.frames} frames leave none to make beside what is given: ask for more")
    canvas = laid(*head, rest, *tail)
    return made("generate", check_prompt(prompt), model, canvas, given, seed, None, on_step)


def image(
    prompt: str,
    model: Model,
    *,
    size: PixelShape | None = None,
    seed: int = 0,
    sampling: SamplingConfig | None = None,
    on_step: OnStep | None = None,
) -> Generated:
    """Make a picture of a sentence: a video of one frame, ``size`` wide and high.

    Raises:
        ValueError: an empty, endless or foreign prompt, a size that the model cannot do.
    """
    pixels = replace(size or model.sizes[0], frames=1)
    picture = generate(prompt, model, pixels=pixels, seed=seed, sampling=sampling, on_step=on_step)
    return replace(picture, ability="image")


def extend(
    video: Video,
    model: Model,
    prompt: str = "",
    *,
    seconds: float | None = None,
    frames: int | None = None,
    before: bool = False,
    seed: int = 0,
    sampling: SamplingConfig | None = None,
    on_step: OnStep | None = None,
) -> Generated:
    """Go on from a video's end, or make what led to its beginning: its last or its first frames are known.

    Args:
        video: any length from one frame on; its frames come back as they were.
        model: see :class:`Model`.
        prompt: what happens in the new part; empty leaves it to what is seen.
        seconds: how much is added, up to MOST_SECONDS; or
        frames: the same as a number of frames.
        before: add it before the beginning.
        seed: see :func:`generate`, as for ``sampling`` and ``on_step``.
        sampling: see there.
        on_step: see there.

    Raises:
        ValueError, FileNotFoundError: see :func:`langit.generate.footage.read_video` and :func:`generate`.
    """
    given = footage_of(video, model)
    new = _count(seconds, frames, model)
    canvas = laid(new, given.frames) if before else laid(given.frames, new)
    return made("extend", prompt, model, canvas, [given], seed, sampling, on_step)


def loop(
    video: Video,
    model: Model,
    prompt: str = "",
    *,
    seconds: float = 1.0,
    seed: int = 0,
    sampling: SamplingConfig | None = None,
    on_step: OnStep | None = None,
) -> Generated:
    """Add a bridge of ``seconds`` from a video's end to its beginning, so that it can be played for ever.

    See :func:`extend`.
    """
    given = footage_of(video, model)
    new, reach = frames_in(seconds, model.fps), reach_of(model)
    end = given.frames[-reach.context :]
    canvas = laid(end, new, given.frames[: reach.after])
    whole = made("loop", prompt, model, canvas, [given], seed, sampling, on_step)
    return replace(whole, frames=torch.cat([given.frames, whole.frames[len(end) : len(end) + new]]))


def connect(
    first: Video,
    second: Video,
    model: Model,
    prompt: str = "",
    *,
    seconds: float | None = None,
    blend: float | None = None,
    strength: float = BLEND_STRENGTH,
    seed: int = 0,
    sampling: SamplingConfig | None = None,
    on_step: OnStep | None = None,
) -> Generated:
    """Join two shots: with a bridge of ``seconds`` between them, or by blending the end of one into the other.

    Args:
        first: its frames come back as they were, but for those that are blended.
        second: of the same size.
        model: see :class:`Model`.
        prompt: what happens in between; empty leaves it to what is seen.
        seconds: of the bridge (1 s if neither is given); or
        blend: seconds in which the end of the one and the beginning of the other overlap. They are faded into each
            other and made anew from there, as :func:`edit` does, while both sides are known.
        strength: how freely blended frames are made anew.
        seed: see :func:`generate`, as for ``sampling`` and ``on_step``.
        sampling: see there.
        on_step: see there.

    Raises:
        ValueError, FileNotFoundError: see :func:`extend`; videos of two sizes.
    """
    one, other = footage_of(first, model), footage_of(second, model)
    check_same_size(one.name, one.pixels, other)
    if seconds is not None and blend is not None:
        raise ValueError(f"seconds {seconds:g} of a bridge and a blend of {blend:g} s are two ways to join: choose one")
    if blend is None:
        canvas = laid(one.frames, frames_in(1.0 if seconds is None else seconds, model.fps), other.frames)
        return made("connect", prompt, model, canvas, [one, other], seed, sampling, on_step)
    over = frames_in(blend, model.fps, "blend")
    shorter = min(len(one.frames), len(other.frames))
    if over >= shorter:
        raise ValueError(f"blend {blend:g} s takes all of a video of {shorter / model.fps:g} s: give less")
    share = torch.linspace(0, 1, over + 2)[1:-1, None, None, None]
    mixed = (one.frames[-over:] * (1 - share) + other.frames[:over] * share).round().to(torch.uint8)
    canvas = laid(one.frames[:-over], mixed, other.frames[over:])
    canvas.given[len(one.frames) - over : len(one.frames)] = False
    canvas = replace(canvas, strength=checked_strength(strength))
    return made("connect", prompt, model, canvas, [one, other], seed, sampling, on_step)


def recut(
    video: Video,
    model: Model,
    prompt: str = "",
    *,
    start: float = 0.0,
    end: float | None = None,
    seconds: float,
    before: float | None = None,
    seed: int = 0,
    sampling: SamplingConfig | None = None,
    on_step: OnStep | None = None,
) -> Generated:
    """Keep a part of a video and make new frames on both sides of it.

    Args:
        video: see :func:`extend`.
        model: see :class:`Model`.
        prompt: what the new parts show; empty leaves it to what is seen.
        start: second at which the part that is kept begins.
        end: second at which it ends; the video's end when left out.
        seconds: of the whole result.
        before: seconds that are made before the part; half of what is new when left out.
        seed: see :func:`generate`, as for ``sampling`` and ``on_step``.
        sampling: see there.
        on_step: see there.

    Raises:
        ValueError, FileNotFoundError: see :func:`extend`; a part that is empty or outside of the video, or a result
            that is no longer than it.
    """
    given = footage_of(video, model)
    length = len(given.frames) / model.fps
    a = frame_at(start, model.fps, "start")
    z = len(given.frames) if end is None else frame_at(end, model.fps, "end")
    if not a < z <= len(given.frames):
        raise ValueError(
            f"from {start:g} s to {'the end' if end is None else f'{end:g} s'} is no part of a video of {length:g} s:"
            f" let 0 <= start < end <= {length:g}"
        )
    new = frames_in(seconds, model.fps) - (z - a)
    if new < 1:
        raise ValueError(
            f"seconds {seconds:g} is no more than the {(z - a) / model.fps:g} s that are kept: ask for more"
        )
    ahead = new // 2 if before is None else frame_at(before, model.fps, "before")
    if ahead > new:
        raise ValueError(f"before {before:g} s is more than the {new / model.fps:g} s that are new: give less")
    kept = given.frames[a:z]
    given = given.done(f"kept from {a / model.fps:g} s to {z / model.fps:g} s", kept)
    canvas = laid(ahead, kept, new - ahead)
    return made("recut", prompt, model, canvas, [given], seed, sampling, on_step)


def minute(
    prompt: str,
    model: Model,
    *,
    seconds: float = 60.0,
    start: Video | None = None,
    pixels: PixelShape | None = None,
    seed: int = 0,
    sampling: SamplingConfig | None = None,
    on_step: OnStep | None = None,
) -> Stream:
    """A long video, window after window, each knowing the end of the one before: memory does not grow with its length.

    Args:
        prompt: what it shows all the time.
        model: see :class:`Model`.
        seconds: of what is made, at most MOST_SECONDS.
        start: a video to begin with; it is given back first.
        pixels: width and height; without it those of ``start``, or the model's first.
        seed: see :func:`generate`, as for ``sampling`` and ``on_step``.
        sampling: see there.
        on_step: see there.

    Returns:
        A stream, which is made as it is read and can be read once.

    Raises:
        ValueError, FileNotFoundError: see :func:`extend`.
    """
    plain, settings = check_prompt(prompt), model.settings(sampling)
    new = frames_in(seconds, model.fps)
    given = None if start is None else footage_of(start, model)
    pixels = pixels or (model.sizes[0] if given is None else given.pixels)
    model.check(replace(pixels, frames=model.most_frames))
    if given is not None:
        check_same_size(f"the video that is asked for, {pixels},", pixels, given)
    begin = torch.zeros(0, pixels.height, pixels.width, 3, dtype=torch.uint8) if given is None else given.frames
    following = onwards(begin, new, plain, model, seed=checked_seed(seed), sampling=settings, on_step=on_step)
    return Stream(
        frames=chain(begin, following),
        count=len(begin) + new,
        fps=model.fps,
        prompt=plain,
        seed=seed,
        sampling=settings,
        unknown=unknown_words(model.text.tokenizer, plain),
        ability="minute",
        parents=() if given is None else given.parents,
    )


def _count(seconds: float | None, frames: int | None, model: Model) -> int:
    if (seconds is None) == (frames is None):
        raise ValueError(f"seconds {seconds} and frames {frames} say how much is added: give one of them")
    if seconds is not None:
        return frames_in(seconds, model.fps)
    most = int(MOST_SECONDS * model.fps)
    if frames is None or not 1 <= frames <= most:
        raise ValueError(f"frames {frames} cannot be added: give 1 to {most}")
    return frames
