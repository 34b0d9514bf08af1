"""From a sentence to frames: prompt, noise, sampling, decoding. Returns pixels; writing files is `release/`'s work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from jaxtyping import UInt8
from torch import Tensor

from langit.generate.model import Model
from langit.generate.request import Request, frames_of, walk_request
from langit.generate.sampler import OnStep
from langit.generate.settings import SamplingConfig
from langit.shapes import PixelShape
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
        pixels: a size that the model can do; the first of its sizes when left out.
        seed: the same seed on the same machine gives the same video.
        steps: solver steps; the model's own number when left out.
        guidance: how much the text counts; the model's own number when left out.
        on_step: told of every step, for a progress bar.

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
    model.check(pixels)
    sampling = replace(
        model.sampling,
        steps=model.sampling.steps if steps is None else steps,
        guidance=model.sampling.guidance if guidance is None else guidance,
    )
    plain = [check_prompt(prompt) for prompt in prompts]
    latents = sample_latents(plain, model, pixels=pixels, seeds=seeds, sampling=sampling, on_step=on_step)
    frames = [frames_of(video, model, pixels.frames) for video in latents]
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


def sample_latents(
    prompts: Sequence[str],
    model: Model,
    *,
    pixels: PixelShape,
    seeds: Sequence[int],
    sampling: SamplingConfig,
    on_step: OnStep | None = None,
) -> list[Tensor]:
    """Normalised latents (C, F, h, w) of each prompt: the same bits in any company."""
    return [
        walk_request(Request(prompt, pixels, seed), model, sampling, _counted(on_step, index, len(prompts)))
        for index, (prompt, seed) in enumerate(zip(prompts, seeds, strict=True))
    ]


def _counted(on_step: OnStep | None, index: int, videos: int) -> OnStep | None:
    """The steps of one video as those of all."""
    if on_step is None:
        return None
    return lambda step: on_step(replace(step, number=index * step.of + step.number, of=videos * step.of))
