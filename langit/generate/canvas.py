"""What is given of a video, pixel by pixel, and the making of the rest.

Every ability is a canvas: frames, and which of their pixels are given. A patch is known where all of its pixels are;
what is given comes back to the pixel. It does not know what an ability is called, nor how windows are planned.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, UInt8
from torch import Tensor

from langit.autoencoder.model import to_float
from langit.generate.model import Model
from langit.generate.request import Request, frames_of, walk_request
from langit.generate.sampler import OnStep, counted
from langit.generate.settings import SamplingConfig
from langit.generate.windows import Reach, Stretch, plan
from langit.patches.known import Known
from langit.shapes import PixelShape

FADE = 8
"""Frames over which what the autoencoder loses of a given frame fades out beside it."""

Frames = UInt8[Tensor, "T H W 3"]


@dataclass(frozen=True, eq=False)
class Canvas:
    """Frames, and which of their pixels are given.

    strength: how far towards noise the rest begins: at 1 with noise alone, below with the frames as they are (SDEdit).
    """

    frames: UInt8[Tensor, "T H W 3"]
    given: Bool[Tensor, "T H W"]
    strength: float = 1.0

    def __post_init__(self) -> None:
        assert self.given.shape == self.frames.shape[:3], "every pixel is given or not"

    @property
    def there(self) -> list[bool]:
        """Which frames are given whole."""
        there: list[bool] = self.given.flatten(1).all(dim=1).tolist()
        return there

    def stretches(self, prompt: str) -> tuple[Stretch, ...]:
        """All that is not given, as runs of frames of one prompt."""
        edges = [0, *(at for at in range(1, len(self.there)) if self.there[at] != self.there[at - 1]), len(self.there)]
        return tuple(
            Stretch(first, last, prompt)
            for first, last in zip(edges[:-1], edges[1:], strict=True)
            if not self.there[first]
        )


def laid(*pieces: UInt8[Tensor, "_ H W 3"] | int) -> Canvas:
    """Frames that are given and numbers of frames that are not, one after the other."""
    like = next(piece for piece in pieces if isinstance(piece, Tensor))
    frames = [like.new_zeros(piece, *like.shape[1:]) if isinstance(piece, int) else piece for piece in pieces]
    given = [torch.full(part.shape[:3], isinstance(piece, Tensor)) for part, piece in zip(frames, pieces, strict=True)]
    return Canvas(torch.cat(frames), torch.cat(given))


def fill(
    canvas: Canvas,
    stretches: Sequence[Stretch],
    model: Model,
    *,
    seed: int,
    sampling: SamplingConfig,
    on_step: OnStep | None = None,
) -> Frames:
    """Make what is not given of a canvas, stretch by stretch; what is given stays as it is, to the pixel.

    Raises:
        ValueError: a prompt or a size that the model cannot do.
    """
    frames, given = canvas.frames.clone(), canvas.given.clone()
    windows = plan(canvas.there, stretches, reach_of(model))
    for number, window in enumerate(windows):
        place = torch.arange(window.begin, window.end).clamp(0, len(frames) - 1)  # outside, the outermost are held
        part = Canvas(frames[place], given[place], canvas.strength)
        report = counted(on_step, number, len(windows))
        made = make(part, window.prompt, model, seed=seed_of(seed, number), sampling=sampling, on_step=report)
        frames[window.first : window.last] = made[window.first - window.begin : window.last - window.begin]
        given[window.first : window.last] = True
    return frames


def onwards(
    start: Frames,
    count: int,
    prompt: str,
    model: Model,
    *,
    seed: int,
    sampling: SamplingConfig,
    on_step: OnStep | None = None,
) -> Iterator[UInt8[Tensor, "H W 3"]]:
    """``count`` frames that follow ``start``, one by one and for as long as it takes: only the context is kept.

    ``start`` may be empty (0, H, W, 3). Gives the frames that :func:`fill` does.
    """
    there = [True] * len(start) + [False] * count
    windows = plan(there, [Stretch(len(start), len(there), prompt)], reach_of(model))
    for number, window in enumerate(windows):
        context = start[len(start) - (window.first - window.begin) :]
        part = laid(context, window.end - window.first)
        report = counted(on_step, number, len(windows))
        made = make(part, prompt, model, seed=seed_of(seed, number), sampling=sampling, on_step=report)
        made = made[: window.last - window.begin]
        yield from made[len(context) :].clone()
        start = made


@torch.no_grad()
def make(
    canvas: Canvas,
    prompt: str,
    model: Model,
    *,
    seed: int,
    sampling: SamplingConfig,
    on_step: OnStep | None = None,
) -> Frames:
    """Make what is not given of a canvas that is no longer than the model's longest video, in one walk.

    Raises:
        ValueError: a prompt or a size that the model cannot do.
    """
    pixels = PixelShape(*canvas.given.shape)
    model.check(pixels)
    shown = canvas.frames if canvas.strength < 1 else held(canvas)
    latents = model.autoencoder.encode(to_float(shown[None]))[0]
    mask = known_patches(canvas.given, model)
    request = Request(
        prompt,
        pixels,
        seed,
        known=Known(latents, mask, model.transformer.config.patch_size) if mask.any() else None,
        begin=latents if canvas.strength < 1 else None,
        strength=canvas.strength,
    )
    made = faded(canvas, frames_of(walk_request(request, model, sampling, on_step), model, pixels.frames))
    return torch.where(canvas.given[..., None], canvas.frames, made)


def faded(canvas: Canvas, made: UInt8[Tensor, "T H W 3"]) -> UInt8[Tensor, "T H W 3"]:
    """Frames as they were decoded, with no step beside those that are given whole.

    What the autoencoder loses of a given frame is added to the frames next to it, less with each, over FADE frames or
    until the next that is given: fine detail fades out instead of being gone at once.
    """
    there = torch.tensor(canvas.there)
    if FADE == 0 or not there.any() or there.all():
        return made
    lost = canvas.frames.float() - made.float()  # (T, H, W, 3)
    result = made.float()
    places = there.nonzero().flatten().tolist()
    for before, after in zip([None, *places], [*places, None], strict=True):
        first = 0 if before is None else before + 1
        last = len(made) if after is None else after
        count = min(FADE, last - first)
        share = 1 - torch.arange(1, count + 1)[:, None, None, None] / (count + 1)
        if before is not None:
            result[first : first + count] += share * lost[before]
        if after is not None:
            result[last - count : last] += share.flip(0) * lost[after]
    return result.round().clamp(0, 255).to(torch.uint8)


def known_patches(given: Bool[Tensor, "T H W"], model: Model) -> Bool[Tensor, "F r s"]:
    """The patches of which every pixel is given; the first latent frame is the first frame alone."""
    time = model.autoencoder.config.time
    groups = torch.cat([given[:1].expand(time - 1, -1, -1), given]).unflatten(0, (-1, time)).all(dim=1)
    rows = groups.unflatten(1, (-1, model.cell)).all(dim=2)
    patches: Tensor = rows.unflatten(2, (-1, model.cell)).all(dim=3)
    return patches


def held(canvas: Canvas) -> Frames:
    """The frames, each of which nothing is given replaced by the next that is given, or else by the last before it.

    So the autoencoder, which looks back in time, is shown nothing strange before what is given.
    """
    there = canvas.given.flatten(1).any(dim=1).nonzero().flatten()  # (k,)
    if not len(there):
        return canvas.frames
    following = torch.searchsorted(there, torch.arange(len(canvas.frames))).clamp(max=len(there) - 1)
    return canvas.frames[there[following]]


def reach_of(model: Model) -> Reach:
    """What a walk of the model can do."""
    least = min(size.frames for size in model.sizes)
    return Reach(least, model.most_frames, model.autoencoder.config.compression)


def seed_of(seed: int, number: int) -> int:
    """The seed of a video's ``number``-th window: the first has the video's own."""
    if number == 0:
        return seed
    return int.from_bytes(hashlib.sha256(f"window {number} of {seed}".encode()).digest()[:7], "big")
