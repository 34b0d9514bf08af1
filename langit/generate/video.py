"""From a sentence to frames: prompt, noise, sampling, decoding. Returns pixels; writing files is `release/`'s work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import UInt8
from torch import Tensor

from langit.autoencoder.model import to_frames
from langit.flow.levels import walk
from langit.flow.solvers import solver
from langit.generate.model import Model, check_size
from langit.generate.sampler import OnStep, sample
from langit.generate.settings import SamplingConfig
from langit.patches import Pack, TextPack, channels_first, channels_last, pack, unpack
from langit.shapes import PixelShape, latent_shape, token_grid
from langit.text.prompt import check_prompt, unknown_words


@dataclass(frozen=True)
class Generated:
    """A video and what made it. ``unknown`` holds words that no caption used, each with the nearest known one."""

    frames: UInt8[Tensor, "T H W 3"]
    fps: float
    prompt: str
    seed: int
    sampling: SamplingConfig
    unknown: tuple[tuple[str, str], ...]


def generate(
    prompt: str,
    model: Model,
    *,
    pixels: PixelShape | None = None,
    seed: int = 0,
    steps: int | None = None,
    guidance: float | None = None,
    on_step: OnStep | None = None,
) -> Generated:
    """Make a video of a sentence.

    Args:
        prompt: English or Indonesian.
        model: see :class:`Model`.
        pixels: one of the model's sizes; the first of them when left out.
        seed: the same seed on the same machine gives the same video.
        steps: solver steps; the model's own number when left out.
        guidance: how much the text counts; the model's own number when left out.
        on_step: told of every step (step, steps, pack), for a progress bar.

    Raises:
        ValueError: an empty, endless or foreign prompt, a size or a setting that the model cannot do.
    """
    return generate_many([prompt], model, pixels=pixels, seeds=[seed], steps=steps, guidance=guidance, on_step=on_step)[
        0
    ]


def generate_many(
    prompts: Sequence[str],
    model: Model,
    *,
    seeds: Sequence[int],
    pixels: PixelShape | None = None,
    steps: int | None = None,
    guidance: float | None = None,
    on_step: OnStep | None = None,
) -> list[Generated]:
    """Several videos of one size, each what :func:`generate` makes alone; steps are counted over all of them."""
    pixels = pixels if pixels is not None else model.sizes[0]
    check_size(pixels, model.sizes)
    sampling = replace(
        model.sampling,
        steps=model.sampling.steps if steps is None else steps,
        guidance=model.sampling.guidance if guidance is None else guidance,
    )
    plain = [check_prompt(prompt) for prompt in prompts]
    latents = sample_latents(plain, model, pixels=pixels, seeds=seeds, sampling=sampling, on_step=on_step)
    with torch.no_grad():
        frames = [to_frames(model.autoencoder.decode(video[None]))[0] for video in latents]
    return [
        Generated(
            frames=video,
            fps=model.fps,
            prompt=prompt,
            seed=seed,
            sampling=sampling,
            unknown=unknown_words(model.text.tokenizer, prompt),
        )
        for video, prompt, seed in zip(frames, plain, seeds, strict=True)
    ]


@torch.no_grad()
def sample_latents(
    prompts: Sequence[str],
    model: Model,
    *,
    pixels: PixelShape,
    seeds: Sequence[int],
    sampling: SamplingConfig,
    on_step: OnStep | None = None,
) -> list[Tensor]:
    """Normalised latents (C, F, h, w) of each prompt, walked in packs of their own: the same bits in any company."""
    shape = latent_shape(pixels, model.autoencoder.config.compression)
    patch = model.transformer.config.patch_size
    tokens = token_grid(shape, patch).count
    size = (shape.channels, shape.frames, shape.height, shape.width)
    levels = walk(sampling.steps, tokens, sampling.levels).tolist()
    without = TextPack(*model.text.encode([sampling.without]))
    latents = []
    for index, (prompt, seed) in enumerate(zip(prompts, seeds, strict=True)):
        noise = torch.randn(size, generator=torch.Generator().manual_seed(seed))
        start: Pack = pack([noise], [1.0], patch)
        walked = sample(
            model.transformer,
            start,
            TextPack(*model.text.encode([prompt])),
            without,
            levels=levels,
            solver=solver(sampling.solver),
            guidance=sampling.guidance,
            guidance_from=sampling.guidance_from,
            guidance_to=sampling.guidance_to,
            reuse=sampling.reuse,
            to_state=lambda answer: channels_first(answer, patch),
            on_step=_counted(on_step, index, len(prompts)),
        )
        latents += unpack(start, channels_last(walked, patch))
    return latents


def _counted(on_step: OnStep | None, index: int, videos: int) -> OnStep | None:
    """The steps of one video as those of all."""
    return on_step and (lambda step, steps, pack: on_step(index * steps + step, videos * steps, pack))
