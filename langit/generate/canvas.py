"""A video of which some pixels are given, and how the others are generated.

Every ability is a canvas: frames, and a mask of the given pixels. A patch is known where all of its pixels are given.
Given pixels come back unchanged. The module does not know the names of abilities, nor how windows are planned.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int, UInt8
from torch import Tensor

from langit.autoencoder.model import to_float
from langit.generate.model import Model
from langit.generate.request import (
    TORCH_SEEDS,
    Conditioning,
    SamplingRequest,
    decode_frames,
    encode_prompts,
    sample_request,
)
from langit.generate.sampler import OnStep, count_over
from langit.generate.settings import SamplingConfig
from langit.generate.windows import SamplingWindow, Span, WindowLimits, plan_windows
from langit.patches.known import Known
from langit.shapes import PixelShape, whole_frames

FADE = 8
"""Frames over which the autoencoder's error in a given frame fades out beside it."""

Frames = UInt8[Tensor, "T H W 3"]


@dataclass(frozen=True, eq=False)
class Canvas:
    """Frames, and which of their pixels are given. Both are on the CPU.

    strength: how noisy the start of all other pixels is: 1 begins with noise alone, less with the frames (SDEdit).
    """

    frames: UInt8[Tensor, "T H W 3"]
    given: Bool[Tensor, "T H W"]
    strength: float = 1.0

    def __post_init__(self) -> None:
        assert self.given.shape == self.frames.shape[:3], "the mask has one value for each pixel"

    @classmethod
    def join(cls, *pieces: UInt8[Tensor, "_ H W 3"] | int) -> Canvas:
        """Concatenate given frames, and for each number as many frames to generate."""
        like = next(piece for piece in pieces if isinstance(piece, Tensor))
        frames = [like.new_zeros(piece, *like.shape[1:]) if isinstance(piece, int) else piece for piece in pieces]
        given = [
            torch.full(part.shape[:3], isinstance(piece, Tensor), device=like.device)
            for part, piece in zip(frames, pieces, strict=True)
        ]
        return cls(torch.cat(frames), torch.cat(given))

    @property
    def given_frames(self) -> list[bool]:
        """For each frame, whether all of it is given."""
        whole: list[bool] = self.given.flatten(1).all(dim=1).tolist()
        return whole

    def missing_spans(self, prompt: str) -> tuple[Span, ...]:
        """Everything that is not given, as runs of frames with one prompt."""
        given = self.given_frames
        edges = [0, *(at for at in range(1, len(given)) if given[at] != given[at - 1]), len(given)]
        return tuple(
            Span(first, last, prompt) for first, last in zip(edges[:-1], edges[1:], strict=True) if not given[first]
        )


def complete(
    canvas: Canvas,
    spans: Sequence[Span],
    model: Model,
    *,
    seed: int,
    sampling: SamplingConfig,
    on_step: OnStep | None = None,
) -> Frames:
    """Generate what is not given of a canvas, span by span; given pixels stay as they are.

    Raises:
        ValueError: a prompt or a size that the model does not support.
    """
    model = model.fuse(sampling)
    frames, given = canvas.frames.clone(), canvas.given.clone()  # T H W 3, T H W
    windows = whole_window(canvas, spans, model) or plan_windows(canvas.given_frames, spans, window_limits(model))
    check_windows(windows, given, model, canvas.strength < 1)
    encoded = encode_prompts((span.prompt for span in spans), model, sampling)
    for number, window in enumerate(windows):
        place = places_of(window, len(frames), frames.device)
        part = Canvas(frames[place], given[place], canvas.strength)
        result = complete_window(
            part,
            encoded[window.prompt],
            model,
            seed=window_seed(seed, number),
            sampling=sampling,
            on_step=count_over(on_step, number, len(windows)),
        )
        frames[window.first : window.last] = result[window.first - window.begin : window.last - window.begin]
        given[window.first : window.last] = True  # later windows continue what this one generated
    return frames


def whole_window(canvas: Canvas, spans: Sequence[Span], model: Model) -> tuple[SamplingWindow, ...]:
    """One window for a canvas that fits, where single frames may be given; none where windows have to be planned.

    Planned windows see whole latent frames, and would repeat a single frame at the end to fill one.
    """
    length = len(canvas.frames)
    prompts = {span.prompt for span in spans}
    fits = length <= model.max_frames and whole_frames(length, model.autoencoder.compression) == length
    if model.last_frames > 1 or not fits or len(prompts) != 1:
        return ()
    return (
        SamplingWindow(0, length, min(span.first for span in spans), max(span.last for span in spans), prompts.pop()),
    )


def places_of(window: SamplingWindow, length: int, device: torch.device) -> Int[Tensor, " n"]:
    """The frames of a window. It may reach beyond the video: there the first or the last frame is repeated."""
    return torch.arange(window.begin, window.end, device=device).clamp(0, length - 1)


def check_windows(
    windows: Sequence[SamplingWindow], given: Bool[Tensor, "T H W"], model: Model, free: bool = False
) -> None:
    """Refuse windows whose given frames the model cannot take, before the first of them is sampled.

    Raises:
        ValueError: see :meth:`Model.check_given`.
    """
    known = given.clone()
    for window in windows:
        model.check_given(known[places_of(window, len(known), known.device)], free)
        known[window.first : window.last] = True


def rollout(
    start: Frames,
    count: int,
    prompt: str,
    model: Model,
    *,
    seed: int,
    sampling: SamplingConfig,
    on_step: OnStep | None = None,
) -> Iterator[UInt8[Tensor, "H W 3"]]:
    """Yield ``count`` frames that follow ``start``, window after window; only the context stays in memory.

    ``start`` may be empty (0, H, W, 3). The frames are those of :func:`complete`.
    """
    model = model.fuse(sampling)
    given = [True] * len(start) + [False] * count
    windows = plan_windows(given, [Span(len(start), len(given), prompt)], window_limits(model))
    check_windows(windows, torch.tensor(given, device="cpu")[:, None, None], model)
    (conditioning,) = encode_prompts([prompt], model, sampling).values()
    for number, window in enumerate(windows):
        context = start[len(start) - (window.first - window.begin) :]
        result = complete_window(
            Canvas.join(context, window.end - window.first),
            conditioning,
            model,
            seed=window_seed(seed, number),
            sampling=sampling,
            on_step=count_over(on_step, number, len(windows)),
        )[: window.last - window.begin]
        yield from result[len(context) :].clone()  # a view would keep the whole window in memory
        start = result


@torch.no_grad()
def complete_window(
    canvas: Canvas,
    conditioning: Conditioning,
    model: Model,
    *,
    seed: int,
    sampling: SamplingConfig,
    on_step: OnStep | None = None,
) -> Frames:
    """Generate what is not given of a canvas that is short enough to be sampled at once.

    Raises:
        ValueError: a size that the model does not support.
    """
    pixels = PixelShape(*canvas.given.shape)
    model.check(pixels)
    free = canvas.strength < 1
    condition = model.condition(canvas.frames, canvas.given, free)
    if condition is not None:
        begin = model.autoencoder.encode(to_float(canvas.frames[None]).to(model.placement.device)) if free else None
        request = SamplingRequest(
            conditioning,
            pixels,
            seed,
            condition=condition,
            begin=None if begin is None else begin[0].float(),
            strength=canvas.strength,
        )
        decoded = decode_frames(sample_request(request, model, sampling, on_step), model, pixels.frames)
        return torch.where(canvas.given[..., None], canvas.frames, fade_error(canvas, decoded))
    # With SDEdit the frames are the start of all patches, so every pixel has to be encoded as it is.
    visible = canvas.frames if canvas.strength < 1 else hold_given_frames(canvas)
    latents = model.autoencoder.encode(model.placement.put(to_float(visible[None])))[0].float()  # C F h w
    mask = known_patches(canvas.given, model).to(latents.device)  # F r s
    request = SamplingRequest(
        conditioning,
        pixels,
        seed,
        known=Known(latents, mask, model.transformer.patch_size) if mask.any() else None,
        begin=latents if canvas.strength < 1 else None,
        strength=canvas.strength,
    )
    decoded = decode_frames(sample_request(request, model, sampling, on_step), model, pixels.frames)
    return torch.where(canvas.given[..., None], canvas.frames, fade_error(canvas, decoded))


def fade_error(canvas: Canvas, decoded: UInt8[Tensor, "T H W 3"]) -> UInt8[Tensor, "T H W 3"]:
    """Hide the step between given frames and decoded ones.

    The error that the autoencoder makes in a given frame is added to the frames next to it, less with each, over FADE
    frames or until the next given frame: fine detail fades out instead of vanishing at once.
    """
    given = torch.tensor(canvas.given_frames, device=decoded.device)
    if FADE == 0 or not given.any() or given.all():
        return decoded
    error = canvas.frames.float() - decoded.float()  # T H W 3
    result = decoded.float()
    places = given.nonzero().flatten().tolist()
    for before, after in zip([None, *places], [*places, None], strict=True):
        first = 0 if before is None else before + 1
        last = len(decoded) if after is None else after
        count = min(FADE, last - first)
        share = 1 - torch.arange(1, count + 1, device=result.device)[:, None, None, None] / (count + 1)
        if before is not None:
            result[first : first + count] += share * error[before]
        if after is not None:
            result[last - count : last] += share.flip(0) * error[after]
    return result.round().clamp(0, 255).to(torch.uint8)


def known_patches(given: Bool[Tensor, "T H W"], model: Model) -> Bool[Tensor, "F r s"]:
    """The patches of which every pixel is given."""
    time = model.autoencoder.compression.time
    # The first latent frame is the first frame alone: repeating it makes all groups equally long.
    groups = torch.cat([given[:1].expand(time - 1, -1, -1), given]).unflatten(0, (-1, time)).all(dim=1)  # F H W
    rows = groups.unflatten(1, (-1, model.cell)).all(dim=2)  # F r W
    patches: Tensor = rows.unflatten(2, (-1, model.cell)).all(dim=3)  # F r s
    return patches


def hold_given_frames(canvas: Canvas) -> Frames:
    """Replace each frame without given pixels by the next given frame, or by the last one if none follows.

    The autoencoder looks back in time: without this, arbitrary pixels would leak into the latents of given frames.
    """
    given = canvas.given.flatten(1).any(dim=1).nonzero().flatten()  # k
    if not len(given):
        return canvas.frames
    places = torch.arange(len(canvas.frames), device=given.device)
    # After the last given frame there is no next one: the clamp repeats the last.
    following = torch.searchsorted(given, places).clamp(max=len(given) - 1)
    return canvas.frames[given[following]]


def window_limits(model: Model) -> WindowLimits:
    """The windows that a model can sample at once."""
    return WindowLimits(model.shortest, model.max_frames, model.autoencoder.compression)


def window_seed(seed: int, number: int) -> int:
    """The seed of a video's window ``number``, counted from 0; the first window has the video's own."""
    if number == 0:
        return seed
    derived = int.from_bytes(hashlib.sha256(f"window {number} of {seed}".encode()).digest()[:7], "big")
    # Small seeds keep the noise that they have always had, when torch dropped the higher bits.
    return derived % TORCH_SEEDS if seed < TORCH_SEEDS else derived
