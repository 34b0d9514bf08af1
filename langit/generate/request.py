"""One video asked of a model, and the walk that answers: text, size, seed, known patches, where to begin.

Every ability ends here: what is given is a value of `patches.known`, the rest is noise or begins part of the way.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from langit.autoencoder.model import to_frames
from langit.flow.levels import walk
from langit.flow.path import on_path
from langit.flow.solvers import solver
from langit.generate.model import Model
from langit.generate.sampler import OnStep, sample
from langit.generate.settings import SamplingConfig
from langit.patches import TextPack, channels_first, channels_last, pack, unpack
from langit.patches.known import Known
from langit.shapes import LatentShape, PixelShape, latent_shape, whole_frames
from langit.text.prompt import check_prompt

Latents = Float[Tensor, "C F h w"]


@dataclass(frozen=True, eq=False)
class Request:
    """A video that a model is asked for.

    prompt: what it shows; empty asks the model without a text.
    pixels: its size; any number of frames: the last latent frame is decoded whole and cut.
    known: patches that are given.
    begin: latents to begin from, disturbed up to ``strength`` of the way to noise (SDEdit, arXiv 2108.01073); None
        begins with noise alone.
    """

    prompt: str
    pixels: PixelShape
    seed: int
    known: Known | None = None
    begin: Latents | None = None
    strength: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.strength <= 1:
            raise ValueError(f"strength {self.strength:g} is not a share of the way to noise: give above 0, at most 1")


def shape_of(pixels: PixelShape, model: Model) -> LatentShape:
    """The latents that hold a video of this size, rounded up to whole latent frames.

    Raises:
        ValueError: width or height cannot be compressed.
    """
    compression = model.autoencoder.config.compression
    return latent_shape(replace(pixels, frames=whole_frames(pixels.frames, compression, up=True)), compression)


@torch.no_grad()
def walk_request(
    request: Request, model: Model, sampling: SamplingConfig | None = None, on_step: OnStep | None = None
) -> Latents:
    """Walk from noise, or from where the request begins, to normalised latents.

    A video is walked in a pack of its own, so that it is the same to the bit in any company.

    Raises:
        ValueError: a prompt or a size that the model cannot do.
    """
    sampling = model.sampling if sampling is None else sampling
    model.check(request.pixels)
    shape, patch = shape_of(request.pixels, model), model.transformer.config.patch_size
    size = (shape.channels, shape.frames, shape.height, shape.width)
    noise = torch.randn(size, generator=torch.Generator().manual_seed(request.seed))
    start = pack([noise], [1.0], patch)
    share = 1.0 if request.begin is None else request.strength
    levels = walk(sampling.steps, start.lengths[0], sampling.levels, share).tolist()
    if request.begin is not None:
        there = pack([request.begin], [levels[0]], patch)
        start = replace(start, tokens=on_path(there.tokens, start.tokens, there.noise))
    given = None
    if request.known is not None:
        given = request.known.tokens
        held = pack([request.known.latents], [0.0], patch)
        start = replace(start, tokens=torch.where(given[:, None], held.tokens, start.tokens))
    prompt = check_prompt(request.prompt) if request.prompt else ""
    walked = sample(
        model.denoiser(sampling),
        start,
        TextPack(*model.text.encode([prompt])),
        TextPack(*model.text.encode([sampling.without])),
        levels=levels,
        solver=solver(sampling.solver),
        guidance=sampling.guidance if prompt else 1.0,
        guidance_from=sampling.guidance_from,
        guidance_to=sampling.guidance_to,
        reuse=sampling.reuse,
        to_state=lambda answer: channels_first(answer, patch),
        known=given,
        on_step=on_step,
    )
    return unpack(start, channels_last(walked, patch))[0]


@torch.no_grad()
def frames_of(latents: Latents, model: Model, frames: int | None = None) -> UInt8[Tensor, "T H W 3"]:
    """Decode latents; of the frames that they hold the first ``frames``."""
    return to_frames(model.autoencoder.decode(latents[None]))[0][:frames]
