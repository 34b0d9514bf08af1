"""Every ability as a set of known patches: each places what is given on a canvas. None of them samples by itself.

Videos are given as files, as footage, or as results of other abilities. Files are written by `release/` alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

import torch

from langit.generate.canvas import Canvas, rollout, window_limits
from langit.generate.completion import complete_video
from langit.generate.durations import frame_at, frames_in
from langit.generate.inputs import (
    Video,
    as_footage,
    as_picture,
    check_same_size,
    check_seed,
    check_strength,
    count_frames,
)
from langit.generate.model import Model
from langit.generate.sampler import OnStep
from langit.generate.settings import SamplingConfig
from langit.generate.video import Generated, GeneratedStream, generate_many
from langit.shapes import PixelShape, whole_frames
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
    references: Sequence[Video] = (),
    steps: int | None = None,
    guidance: float | None = None,
    sampling: SamplingConfig | None = None,
    on_step: OnStep | None = None,
) -> Generated:
    """Generate a video from a prompt; the first frame, the last frame or both may be given.

    Args:
        prompt: a sentence in a language that the model reads.
        model: see :class:`Model`.
        pixels: a supported size; by default that of the given picture, or the model's first size.
        seed: 0 to 2**63 - 1; the same seed on the same machine gives the same video.
        image: a picture for the first frame.
        last: a picture for the end: it fills the frames of the last latent frame.
        references: pictures of what shall appear, of the video's size, for models that take them.
        steps: solver steps, instead of those of ``sampling``.
        guidance: the guidance scale, instead of that of ``sampling``.
        sampling: all sampling settings; the model's own if left out.
        on_step: is called after every step.

    Raises:
        ValueError: an empty, too long or unreadable prompt, or a size or setting that the model does not support.
        FileNotFoundError: a picture does not exist.
    """
    # From here on the settings travel with the model, so that the branches below need not pass them.
    model = replace(model, sampling=model.settings(sampling, steps=steps, guidance=guidance))
    first, final = (None if picture is None else as_picture(picture, model) for picture in (image, last))
    shown = [as_picture(picture, model) for picture in references]
    pictures = [picture for picture in (first, final, *shown) if picture is not None]
    if pictures:
        pixels = pixels or replace(pictures[0].pixels, frames=model.sizes[0].frames)
        for picture in pictures:
            check_same_size(f"the video, {pixels},", pixels, picture)
    if shown:
        model = model.with_references([picture.frames for picture in shown])
    if first is None and final is None:
        made = generate_many([prompt], model, seeds=[seed], pixels=pixels, on_step=on_step)[0]
        return replace(made, parents=tuple(parent for picture in shown for parent in picture.parents))
    assert pixels is not None
    model.check(pixels)
    compression = model.autoencoder.compression
    # Where patches are known or not as a whole, the last picture fills its latent frame.
    start = whole_frames(pixels.frames, compression, up=True) - model.last_frames
    head = [] if first is None else [first.frames]
    tail = [] if final is None else [final.frames.expand(pixels.frames - start, -1, -1, -1)]
    rest = pixels.frames - sum(map(len, head + tail))
    if rest < 1:
        raise ValueError(f"{pixels.frames} frames leave none to generate beside the given ones: ask for more")
    canvas = Canvas.join(*head, rest, *tail)
    return complete_video("generate", model.check_prompt(prompt), model, canvas, pictures, seed, None, on_step)


def image(
    prompt: str,
    model: Model,
    *,
    size: PixelShape | None = None,
    seed: int = 0,
    sampling: SamplingConfig | None = None,
    on_step: OnStep | None = None,
) -> Generated:
    """Generate a picture from a prompt: a video of one frame.

    Args:
        prompt: see :func:`generate`, as for the others.
        model: see there.
        size: width and height; its frames do not count.
        seed: see there.
        sampling: see there.
        on_step: see there.

    Raises:
        ValueError: an empty, too long or unreadable prompt, or a size that the model does not support.
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
    """Continue a video after its end or before its beginning.

    Args:
        video: of any length from one frame; its frames come back unchanged.
        model: see :class:`Model`.
        prompt: what happens in the new part; without it the given frames decide.
        seconds: length of the new part, up to MAX_SECONDS; or
        frames: the same as a number of frames.
        before: add the new part before the beginning.
        seed: see :func:`generate`, as for ``sampling`` and ``on_step``.
        sampling: see there.
        on_step: see there.

    Raises:
        ValueError, FileNotFoundError: see :func:`langit.generate.footage.read_video` and :func:`generate`.
    """
    text, given = model.check_prompt(prompt, optional=True), as_footage(video, model)
    new = count_frames(seconds, frames, model)
    canvas = Canvas.join(new, given.frames) if before else Canvas.join(given.frames, new)
    return complete_video("extend", text, model, canvas, [given], seed, sampling, on_step)


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
    """Add a bridge of ``seconds`` from a video's end to its beginning, so that it can be played in a loop.

    For the arguments and errors see :func:`extend`.
    """
    text, given = model.check_prompt(prompt, optional=True), as_footage(video, model)
    new, limits = frames_in(seconds, model.fps), window_limits(model)
    # Only the ends are sampled with; the middle of a long video would not be seen anyway.
    end = given.frames[-limits.context :]
    canvas = Canvas.join(end, new, given.frames[: limits.after])
    bridge = complete_video("loop", text, model, canvas, [given], seed, sampling, on_step)
    frames = torch.cat([given.frames, bridge.frames[len(end) : len(end) + new]])
    return replace(bridge, frames=frames, given=range(len(given.frames)))


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
        first: its frames come back unchanged, except for those that are blended.
        second: a video of the same size.
        model: see :class:`Model`.
        prompt: what happens in between; without it the given frames decide.
        seconds: length of the bridge (1 s if neither is given); or
        blend: seconds in which the end of the first and the beginning of the second overlap. They are cross-faded,
            then generated anew from that, as :func:`edit` does, while both sides are known.
        strength: how freely blended frames are generated anew.
        seed: see :func:`generate`, as for ``sampling`` and ``on_step``.
        sampling: see there.
        on_step: see there.

    Raises:
        ValueError, FileNotFoundError: see :func:`extend`; the videos differ in size.
    """
    text = model.check_prompt(prompt, optional=True)
    one, other = as_footage(first, model), as_footage(second, model)
    check_same_size(one.name, one.pixels, other)
    if seconds is not None and blend is not None:
        raise ValueError(f"seconds {seconds:g} (a bridge) and blend {blend:g} exclude each other: give one of them")
    if blend is None:
        canvas = Canvas.join(one.frames, frames_in(1.0 if seconds is None else seconds, model.fps), other.frames)
        return complete_video("connect", text, model, canvas, [one, other], seed, sampling, on_step)
    overlap = frames_in(blend, model.fps, "blend")
    shorter = min(len(one.frames), len(other.frames))
    if overlap >= shorter:
        raise ValueError(f"blend {blend:g} s takes all of a video of {shorter / model.fps:g} s: use less")
    # Without 0 and 1: the first blended frame already has some of the second video.
    share = torch.linspace(0, 1, overlap + 2, device=one.frames.device)[1:-1, None, None, None]
    mixed = (one.frames[-overlap:] * (1 - share) + other.frames[:overlap] * share).round().to(torch.uint8)
    canvas = Canvas.join(one.frames[:-overlap], mixed, other.frames[overlap:])
    canvas.given[len(one.frames) - overlap : len(one.frames)] = False  # the cross-fade is only a start (SDEdit)
    canvas = replace(canvas, strength=check_strength(strength))
    return complete_video("connect", text, model, canvas, [one, other], seed, sampling, on_step)


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
    """Keep a part of a video and generate new frames before and after it.

    Args:
        video: see :func:`extend`.
        model: see :class:`Model`.
        prompt: what the new parts show; without it the given frames decide.
        start: second at which the part to keep begins.
        end: second at which it ends; the video's end if left out.
        seconds: length of the whole result.
        before: seconds to generate before the part; half of what is new if left out.
        seed: see :func:`generate`, as for ``sampling`` and ``on_step``.
        sampling: see there.
        on_step: see there.

    Raises:
        ValueError, FileNotFoundError: see :func:`extend`; a part that is empty or outside of the video, or a result
            that is no longer than the part.
    """
    text, given = model.check_prompt(prompt, optional=True), as_footage(video, model)
    length = len(given.frames) / model.fps
    a = frame_at(start, model.fps, "start")
    z = len(given.frames) if end is None else frame_at(end, model.fps, "end")
    if not a < z <= len(given.frames):
        raise ValueError(
            f"start {start:g} s to {'the end' if end is None else f'end {end:g} s'} is not within a video of"
            f" {length:g} s: let 0 <= start < end <= {length:g}"
        )
    new = frames_in(seconds, model.fps) - (z - a)
    if new < 1:
        raise ValueError(
            f"seconds {seconds:g} is not more than the {(z - a) / model.fps:g} s that are kept: ask for more"
        )
    ahead = new // 2 if before is None else frame_at(before, model.fps, "before")
    if ahead > new:
        raise ValueError(f"before {before:g} s is more than the {new / model.fps:g} s that are new: use less")
    kept = given.frames[a:z]
    given = given.with_change(f"kept from {a / model.fps:g} s to {z / model.fps:g} s", kept)
    canvas = Canvas.join(ahead, kept, new - ahead)
    return complete_video("recut", text, model, canvas, [given], seed, sampling, on_step)


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
) -> GeneratedStream:
    """Generate a long video, window after window, each continuing the one before, in constant memory.

    Args:
        prompt: what the video shows from beginning to end.
        model: see :class:`Model`.
        seconds: length of the new part, at most MAX_SECONDS.
        start: a video to begin with, which is returned first.
        pixels: width and height; by default those of ``start``, or the model's first size.
        seed: see :func:`generate`, as for ``sampling`` and ``on_step``.
        sampling: see there.
        on_step: see there.

    Returns:
        A stream, which is generated while it is read and can be read once.

    Raises:
        ValueError, FileNotFoundError: see :func:`extend`.
    """
    text, settings = model.check_prompt(prompt), model.settings(sampling)
    new = frames_in(seconds, model.fps)
    given = None if start is None else as_footage(start, model)
    pixels = pixels or (model.sizes[0] if given is None else given.pixels)
    model.check(replace(pixels, frames=model.max_frames))
    if given is not None:
        check_same_size(f"the video, {pixels},", pixels, given)
    size = 0, pixels.height, pixels.width, 3  # no frames: the rollout begins with noise alone
    begin = torch.zeros(size, dtype=torch.uint8, device="cpu") if given is None else given.frames
    following = rollout(begin, new, text, model, seed=check_seed(seed), sampling=settings, on_step=on_step)
    return GeneratedStream(
        frames=chain(begin, following),
        count=len(begin) + new,
        fps=model.fps,
        prompt=text,
        seed=seed,
        sampling=settings,
        unknown=unknown_words(model.text.tokenizer, text),
        ability="minute",
        parents=() if given is None else given.parents,
        given=range(len(begin)),
    )
