"""From a sentence to frames: prompt, noise, sampling, decoding. Returns pixels; writing files is `release/`'s work."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import UInt8
from torch import Tensor

from langit.generate import show
from langit.generate.footage import Parent
from langit.generate.model import Model
from langit.generate.request import Request, frames_of, walk_request
from langit.generate.sampler import OnStep, counted
from langit.generate.settings import SamplingConfig
from langit.shapes import PixelShape
from langit.text.prompt import check_prompt
from langit.text.vocabulary import unknown_words


@dataclass(frozen=True)
class Generated:
    """A video and what made it; a notebook shows it.

    ``unknown`` holds words that no caption used, each with the nearest known one. ``ability`` names the function that
    made it, ``parents`` the files that it was made from.
    """

    frames: UInt8[Tensor, "T H W 3"]
    fps: float
    prompt: str
    seed: int
    sampling: SamplingConfig
    unknown: tuple[tuple[str, str], ...]
    ability: str = "generate"
    parents: tuple[Parent, ...] = ()

    def _repr_html_(self) -> str:
        words = self.prompt or self.ability
        return show.html(self.frames, self.fps, f"{words}, seed {self.seed}")

    def _repr_png_(self) -> bytes:
        return show.png(show.sheet(self.frames))


@dataclass(frozen=True, eq=False)
class Stream:
    """A video that is made while it is read: ``frames`` gives ``count`` frames one by one, and once."""

    frames: Iterator[UInt8[Tensor, "H W 3"]]
    count: int
    fps: float
    prompt: str
    seed: int
    sampling: SamplingConfig
    unknown: tuple[tuple[str, str], ...]
    ability: str
    parents: tuple[Parent, ...] = ()

    def collect(self) -> Generated:
        """All frames at once, as a value that can be shown."""
        facts = {name: value for name, value in vars(self).items() if name not in ("frames", "count")}
        return Generated(torch.stack(list(self.frames)), **facts)


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
    """Several videos of one size, each as if it were made alone; steps are counted over all of them.

    Args:
        prompts: English or Indonesian.
        model: see :class:`Model`.
        seeds: of each; the same seed on the same machine gives the same video.
        pixels: a size that the model can do; the first of its sizes when left out.
        steps: solver steps; the model's own number when left out.
        guidance: how much the text counts; the model's own number when left out.
        on_step: told of every step, for a progress bar.

    Raises:
        ValueError: an empty, endless or foreign prompt, a size or a setting that the model cannot do.
    """
    pixels = pixels if pixels is not None else model.sizes[0]
    model.check(pixels)
    sampling = model.settings(steps=steps, guidance=guidance)
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
        walk_request(Request(prompt, pixels, seed), model, sampling, counted(on_step, index, len(prompts)))
        for index, (prompt, seed) in enumerate(zip(prompts, seeds, strict=True))
    ]
