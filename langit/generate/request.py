"""A request to a model, and its answer in latents: encoded prompt, size, seed, known patches, where to begin.

Every ability ends here: given frames are a value of `patches.known`, the rest begins as noise or partly noised.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from langit.autoencoder.model import to_frames
from langit.device import Placement
from langit.families.conditioning import Condition
from langit.flow.path import on_path
from langit.generate.model import Experts, Model
from langit.generate.sampler import OnStep, sample
from langit.generate.settings import SamplingConfig
from langit.generate.tiles import decode_tiles
from langit.patches import Pack, TextPack, channels_first, channels_last, pack, unpack
from langit.patches.known import Known
from langit.shapes import LatentShape, PixelShape, latent_shape, whole_frames
from langit.transformer import VideoTransformer
from langit.transformer.kept import KeptText

Latents = Float[Tensor, "C F h w"]

NO_CONDITION = Condition()
TORCH_SEEDS = 2**32
"""Seeds that torch's CPU generator tells apart: it drops all higher bits, so that 2**32 would repeat 0."""
DECODED_AT_ONCE = 16
"""Latent frames that are decoded at once; longer videos are streamed, so that activations take constant memory."""


@dataclass(frozen=True, eq=False)
class Conditioning:
    """An encoded prompt, and the encoded text that guidance moves away from."""

    text: TextPack
    negative: TextPack
    has_prompt: bool  # without a prompt there is nothing to guide towards


@dataclass(frozen=True, eq=False)
class SamplingRequest:
    """One video, or one window of a video, to be sampled.

    conditioning: see :func:`encode_prompts`.
    pixels: the size, which :meth:`Model.check` accepts; the last latent frame is decoded whole and cut.
    seed: of the noise; 0 to 2**63 - 1.
    known: patches that are given.
    condition: what else the model reads of given frames; the known patches of it count where ``known`` is None.
    begin: latents to begin from, noised to ``strength`` of the schedule (SDEdit, arXiv 2108.01073); None begins from
        noise alone.
    """

    conditioning: Conditioning
    pixels: PixelShape
    seed: int
    known: Known | None = None
    condition: Condition = NO_CONDITION
    begin: Latents | None = None
    strength: float = 1.0

    def __post_init__(self) -> None:
        assert 0 < self.strength <= 1, f"strength {self.strength:g} is not in (0, 1]"


@torch.no_grad()
def encode_prompts(prompts: Iterable[str], model: Model, sampling: SamplingConfig) -> dict[str, Conditioning]:
    """Encode each distinct prompt once, and the negative prompt once for all of them.

    Args:
        prompts: as :meth:`Model.check_prompt` returns them; an empty one asks the model without a text.
        model: its text encoder and vocabulary are used.
        sampling: has the negative prompt.

    Raises:
        ValueError: a prompt is longer than the encoder reads, or the negative prompt is in letters of another script.
    """
    negative = model.check_prompt(sampling.negative_text) if sampling.negative else ""
    without = encode_text(negative, model)
    return {
        # One at a time: in a batch the last bits would depend on the other prompts' lengths.
        prompt: Conditioning(encode_text(prompt, model), without, bool(prompt))
        for prompt in dict.fromkeys(prompts)
    }


def encode_text(text: str, model: Model) -> TextPack:
    """One encoded text, with the zero vectors that the model attends to behind it."""
    tokens, lengths = model.text.encode([text])
    return TextPack(tokens, lengths, model.text.pads(lengths))


def latent_size(pixels: PixelShape, model: Model) -> LatentShape:
    """The shape of the latents that hold a video of this size, rounded up to whole latent frames.

    Raises:
        ValueError: width or height cannot be compressed.
    """
    compression = model.autoencoder.compression
    return latent_shape(replace(pixels, frames=whole_frames(pixels.frames, compression, up=True)), compression)


@torch.no_grad()
def sample_request(
    request: SamplingRequest, model: Model, sampling: SamplingConfig, on_step: OnStep | None = None
) -> Latents:
    """Sample normalised latents, in single precision on the model's device.

    A video is sampled in a pack of its own, so that it is the same to the bit whatever else is generated.

    Raises:
        ValueError: the settings name an adapter that the model lacks or cannot combine with them.
    """
    shape, patch = latent_size(request.pixels, model), model.transformer.patch_size
    condition = request.condition
    size = (shape.channels, condition.lead + shape.frames, shape.height, shape.width)
    noise = draw_noise(size, request.seed, model.placement)
    start = pack([noise], [1.0], patch)  # one video of n tokens at level 1
    share = 1.0 if request.begin is None else request.strength
    schedule = sampling.schedule(start.lengths[0], share)
    if request.begin is not None:
        # SDEdit: noise the latents to the first level of the shortened schedule.
        clean = pack([_with_lead(request.begin, condition)], [schedule.levels[0]], patch)
        start = replace(start, tokens=on_path(clean.tokens, start.tokens, clean.noise))
    known, held = None, condition.known if request.known is None else request.known
    if held is not None:
        known = held.tokens  # n
        given = pack([held.latents], [0.0], patch)
        start = replace(start, tokens=torch.where(known[:, None], given.tokens, start.tokens))
    experts = with_kept_texts(model.experts(sampling, guided=request.conditioning.has_prompt))
    text, negative = (
        replace(each, image=condition.image) for each in (request.conditioning.text, request.conditioning.negative)
    )
    tokens = sample(
        experts(schedule.levels[0])[0],
        start,
        text,
        negative,
        levels=schedule.levels,
        solver=sampling.step(lambda level: pack([_later_noise(size, request.seed, level, model)], [1.0], patch).tokens),
        guidance=sampling.guidance,
        guidance_from=sampling.guidance_from,
        guidance_to=sampling.guidance_to,
        reuse=sampling.reuse,
        # The solver's state stays in single precision whatever the model computes in: errors add up over steps.
        to_state=lambda velocity: channels_first(velocity.float(), patch),
        known=known,
        experts=with_condition(experts, condition, patch),
        level_for_model=schedule.level_for_model,
        on_step=on_step,
    )
    return unpack(start, channels_last(tokens, patch))[0][:, condition.lead :]


def with_kept_texts(experts: Experts) -> Experts:
    """The experts, each of which embeds a prompt once and keeps its keys and values for the following steps."""
    texts: dict[tuple[int, int], KeptText] = {}
    known: dict[int, Callable[[Pack, TextPack], Tensor]] = {}

    def choose(level: float) -> tuple[Callable[[Pack, TextPack], Tensor], float]:
        denoiser, guidance = experts(level)
        if not isinstance(denoiser, VideoTransformer):
            return denoiser, guidance

        def denoise(noisy: Pack, text: TextPack) -> Tensor:
            key = id(denoiser), id(text)  # the value keeps the text alive, so that no other one gets its id
            velocity: Tensor = denoiser(noisy, texts.setdefault(key, KeptText(text)))
            return velocity

        # One function for each expert: the sampler tells experts apart by it.
        return known.setdefault(id(denoiser), denoise), guidance

    return choose


def with_condition(experts: Experts, condition: Condition, patch: tuple[int, int, int]) -> Experts:
    """The experts, given a condition's channels or control video beside the noisy tokens of every video of a pack."""
    if condition.channels is None and condition.control is None:
        return experts
    channels = None if condition.channels is None else pack([condition.channels], [0.0], patch).tokens
    control = None if condition.control is None else pack([condition.control], [0.0], patch).tokens
    known: dict[int, Callable[[Pack, TextPack], Tensor]] = {}

    def choose(level: float) -> tuple[Callable[[Pack, TextPack], Tensor], float]:
        denoiser, guidance = experts(level)

        def denoise(noisy: Pack, text: TextPack) -> Tensor:
            times, tokens = len(noisy.lengths), noisy.tokens
            if channels is not None:
                tokens = torch.cat([tokens, channels.repeat(times, 1)], dim=1)
            beside = None if control is None else control.repeat(times, 1)
            return denoiser(replace(noisy, tokens=tokens, control=beside), text)

        # One function for each expert: the sampler tells experts apart by it.
        return known.setdefault(id(denoiser), denoise), guidance

    return choose


def _with_lead(latents: Latents, condition: Condition) -> Latents:
    """Latents behind the leading frames of a condition, which begin as zeros."""
    lead = latents.new_zeros(latents.shape[0], condition.lead, *latents.shape[2:])
    return torch.cat([lead, latents], dim=1) if condition.lead else latents


def _later_noise(size: tuple[int, ...], seed: int, level: float, model: Model) -> Float[Tensor, ...]:
    """Fresh noise for a level of a sampler that noises again, the same on every run of a seed."""
    text = f"noise at level {level!r} of seed {seed}"
    derived = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
    return draw_noise(size, derived, model.placement)


def draw_noise(size: tuple[int, ...], seed: int, placement: Placement) -> Float[Tensor, ...]:
    """Standard normal noise of a seed, the same on every device: drawn on the CPU in single precision and moved.

    Args:
        size: the shape.
        seed: 0 to 2**63 - 1; no two of them give the same noise.
        placement: where the noise goes.
    """
    if seed < TORCH_SEEDS:
        return placement.normal(size, torch.Generator().manual_seed(seed))
    # numpy seeds with all bits. Its stream for a seed is fixed by the pinned version.
    noise = np.random.Generator(np.random.PCG64(seed)).standard_normal(size, dtype=np.float32)
    return torch.from_numpy(noise).to(placement.device)


@torch.no_grad()
def decode_frames(latents: Latents, model: Model, frames: int | None = None) -> UInt8[Tensor, "T H W 3"]:
    """Decode latents to frames on the CPU; of the frames that they hold, the first ``frames``."""
    if model.tiles is not None and not model.tiles.covers(*latents.shape[-2:]):
        return decode_tiles(latents, model.autoencoder, model.placement, model.tiles, DECODED_AT_ONCE)[:frames]
    pieces, state = [], None
    # The decoder is causal in time: its state makes the pieces join without a seam.
    for piece in latents[None].split(DECODED_AT_ONCE, dim=2):
        video, state = model.autoencoder.decode_stream(model.placement.put(piece), state)
        pieces.append(to_frames(video.float())[0].cpu())
    return torch.cat(pieces)[:frames] if len(pieces) > 1 else pieces[0][:frames]
