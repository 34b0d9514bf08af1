"""From a sentence to frames: prompt, noise, sampling, decoding. Returns pixels; writing files is `release/`'s work."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import UInt8
from torch import Tensor

from langit import config
from langit.autoencoder.model import Autoencoder, to_frames
from langit.bundle import Parts
from langit.flow.levels import LevelsConfig, walk
from langit.flow.solvers import solver
from langit.generate.sampler import OnStep, sample
from langit.patches import Pack, TextPack, channels_first, channels_last, pack, unpack
from langit.shapes import PixelShape, latent_shape, token_grid
from langit.text.encoder import TextEncoder
from langit.text.prompt import check_prompt, unknown_words
from langit.transformer.model import VideoTransformer

SMALL = 50_000_000  # parameters


@dataclass(frozen=True)
class SamplingConfig:
    """How a model is sampled when a person says nothing about it."""

    steps: int = 25
    guidance: float = 4.0
    solver: str = "euler"
    levels: LevelsConfig = LevelsConfig()

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"{self.steps} steps cannot make a video: use at least 1")
        if not 0 <= self.guidance <= 50:
            raise ValueError(f"guidance {self.guidance} is out of range: use 0 to 50 (1 is none)")
        solver(self.solver)


@dataclass(frozen=True)
class Model:
    """The parts that generation needs, and the sizes they were trained on."""

    transformer: VideoTransformer
    autoencoder: Autoencoder
    text: TextEncoder
    sampling: SamplingConfig
    sizes: tuple[PixelShape, ...]
    fps: float = 8.0

    @classmethod
    def of(cls, parts: Parts) -> Model:
        """The parts of a bundle, its sampling settings read and checked."""
        sampling = config.load(SamplingConfig, dict(parts.sampling))
        return cls(parts.transformer, parts.autoencoder, parts.text, sampling, parts.sizes, parts.fps)


def calm_threads(model: Model) -> None:
    """Use one thread for a small model on a CPU, unless OMP_NUM_THREADS says otherwise.

    The threads of one operation wait for each other: on a busy machine two took five times as long (docs/LOG.md).
    """
    parameters = sum(parameter.numel() for parameter in model.transformer.parameters())
    if "OMP_NUM_THREADS" not in os.environ and parameters < SMALL:
        torch.set_num_threads(1)


@dataclass(frozen=True)
class Generated:
    """A video and what made it. ``unknown`` holds words that no caption used, each with the nearest known one."""

    frames: UInt8[Tensor, "T H W 3"]
    fps: float
    prompt: str
    seed: int
    sampling: SamplingConfig
    unknown: tuple[tuple[str, str], ...]


def check_size(pixels: PixelShape, sizes: Sequence[PixelShape]) -> None:
    """Refuse sizes that the model was not made for.

    Raises:
        ValueError: names the size and those that the model can do.
    """
    if pixels not in sizes:
        known = ", ".join(str(size) for size in sizes)
        raise ValueError(f"this model cannot make {pixels} (width x height x frames): use {known}")


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
    """Several videos of one size in one pack: see :func:`generate`."""
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
    """Normalised latents (C, F, h, w) of each prompt."""
    shape = latent_shape(pixels, model.autoencoder.config.compression)
    patch = model.transformer.config.patch_size
    tokens = token_grid(shape, patch).count
    size = (shape.channels, shape.frames, shape.height, shape.width)
    noise = [torch.randn(size, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
    start: Pack = pack(noise, [1.0] * len(noise), patch)
    texts = TextPack(*model.text.encode(list(prompts)))
    without = TextPack(*model.text.encode([""] * len(prompts)))
    walked = sample(
        model.transformer,
        start,
        texts,
        without,
        levels=walk(sampling.steps, tokens, sampling.levels).tolist(),
        solver=solver(sampling.solver),
        guidance=sampling.guidance,
        to_state=lambda answer: channels_first(answer, patch),
        on_step=on_step,
    )
    return unpack(start, channels_last(walked, patch))
