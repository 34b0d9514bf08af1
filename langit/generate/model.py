"""A model as generation needs it: its parts, how it is sampled, and the sizes that it was made for."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from langit import config
from langit.autoencoder.model import Autoencoder
from langit.bundle import Parts
from langit.generate.settings import SamplingConfig
from langit.shapes import PixelShape
from langit.text.encoder import TextEncoder
from langit.transformer.adapter import Adapter
from langit.transformer.model import VideoTransformer

SMALL = 50_000_000  # parameters
NAMED = 12  # sizes that a message lists


@dataclass(frozen=True, eq=False)
class Way:
    """An adapter, and the settings that it was made for."""

    adapter: Adapter
    sampling: SamplingConfig


@dataclass(frozen=True)
class _Changed:
    sampling: SamplingConfig


@dataclass(frozen=True)
class Model:
    """The parts that generation needs, and the sizes they were trained on.

    A model may be walked in several ways: with its own weights, the full way, or with those of an adapter. ``sampling``
    is how it is walked when nobody says anything, ``full`` the full way where that is another one.
    """

    transformer: VideoTransformer
    autoencoder: Autoencoder
    text: TextEncoder
    sampling: SamplingConfig
    sizes: tuple[PixelShape, ...]
    fps: float = 8.0
    full: SamplingConfig | None = None
    ways: Mapping[str, Way] = field(default_factory=dict, hash=False)
    _merged: dict[str, tuple[VideoTransformer, Adapter, VideoTransformer]] = field(
        default_factory=dict, repr=False, compare=False
    )  # what was merged of which two, when it was first asked for

    @classmethod
    def of(cls, parts: Parts) -> Model:
        """The parts of a bundle, its sampling settings read and checked; the first adapter is what is used."""
        full = config.load(SamplingConfig, dict(parts.sampling))
        ways = {
            name: Way(tuned.adapter, config.load(SamplingConfig, {**tuned.sampling, "adapter": name}))
            for name, tuned in parts.adapters.items()
        }
        sampling = next((way.sampling for way in ways.values()), full)
        return cls(
            parts.transformer, parts.autoencoder, parts.text, sampling, parts.sizes, parts.fps, full=full, ways=ways
        )

    @property
    def careful(self) -> SamplingConfig:
        """The settings of the full way: the model's own weights, guided."""
        return self.sampling if self.full is None else self.full

    def way(self, name: str) -> Way:
        """The way of an adapter.

        Raises:
            ValueError: there is none of that name.
        """
        if name not in self.ways:
            there = f"it has {', '.join(self.ways)}" if self.ways else "it has none"
            raise ValueError(f"this model has no adapter {name!r}: {there}, and an empty name is the full way")
        return self.ways[name]

    def settings(self, sampling: SamplingConfig | None = None, **wanted: Any) -> SamplingConfig:
        """Settings with what a person wants otherwise (None: nothing).

        An adapter was made for its own guidance and solver and for no more than its own steps, and moves away from no
        text: who wants another of these takes the full way.
        """
        base = self.sampling if sampling is None else sampling
        changed = {name: value for name, value in wanted.items() if value is not None}
        asked = replace(base, **changed)
        same = asked.guidance == base.guidance and asked.solver == base.solver and asked.steps <= base.steps
        if base.adapter and not (same and asked.negative == base.negative):
            return replace(self.careful, **changed)
        return asked

    def changed(self, changes: Sequence[str]) -> Model:
        """The model with ``sampling.key=value`` changes; those to ``sampling.adapter`` count first (empty: full way).

        Raises:
            ValueError: an unknown key, a wrong value, or settings that the way cannot be walked with.
        """
        names = [change.partition("=")[2] for change in changes if change.startswith("sampling.adapter=")]
        base = self.sampling
        if names:
            base = self.way(names[-1]).sampling if names[-1] else self.careful
        rest = [change for change in changes if not change.startswith("sampling.adapter=")]
        changed = replace(self, sampling=config.override(_Changed(base), rest).sampling)
        changed.denoiser(changed.sampling)
        return changed

    def denoiser(self, sampling: SamplingConfig) -> VideoTransformer:
        """The transformer that these settings walk with. An adapter is merged once, when it is first asked for.

        Raises:
            ValueError: there is no such adapter, or guidance is folded into it and would count twice.
        """
        name = sampling.adapter
        if not name:
            return self.transformer
        way = self.way(name)
        if way.sampling.guidance == 1 and (sampling.guidance != 1 or sampling.negative):
            what = (
                f"a negative prompt, {sampling.negative!r}," if sampling.negative else f"guidance {sampling.guidance:g}"
            )
            raise ValueError(
                f"{what} is for the full way: adapter {name!r} has guidance in its weights; use an empty adapter"
            )
        base, adapter, merged = self._merged.get(name, (None, None, None))
        if merged is None or base is not self.transformer or adapter is not way.adapter:
            merged = way.adapter.merged(self.transformer).eval()
            self._merged[name] = (self.transformer, way.adapter, merged)
        return merged

    @property
    def cell(self) -> int:
        """Pixels to a side of a patch: width and height are multiples of it."""
        return self.autoencoder.config.space * self.transformer.config.patch_size[1]

    @property
    def most_frames(self) -> int:
        """The longest video that one walk can make."""
        return max(size.frames for size in self.sizes)

    def check(self, pixels: PixelShape) -> None:
        """Refuse sizes that the model was not made for. Those between the sizes that it was trained on it can do.

        Raises:
            ValueError: names the size and those that the model can do.
        """
        least, most = min(size.frames for size in self.sizes), self.most_frames
        if (pixels.width, pixels.height) not in self.pictures or not least <= pixels.frames <= most:
            raise ValueError(f"this model cannot make {pixels} (width x height x frames): {self.can_do}")

    @property
    def pictures(self) -> tuple[tuple[int, int], ...]:
        """Widths and heights that the model can do: those it was trained on, then those between them.

        Between: in whole patches, no side, area or proportion beyond those that it has seen.
        """
        learnt = tuple(dict.fromkeys((size.width, size.height) for size in self.sizes))
        sides = [range(min(side), max(side) + 1, self.cell) for side in zip(*learnt, strict=True)]
        most = max(width * height for width, height in learnt)
        shapes = [width / height for width, height in learnt]
        between = (
            (width, height)
            for width in sides[0]
            for height in sides[1]
            if width * height <= most and min(shapes) <= width / height <= max(shapes)
        )
        return tuple(dict.fromkeys((*learnt, *between)))

    @property
    def can_do(self) -> str:
        """The sizes that the model can do, in words."""
        named = [f"{width}x{height}" for width, height in self.pictures[:NAMED]]
        rest = len(self.pictures) - len(named)
        frames = sorted({size.frames for size in self.sizes})
        lengths = f"{frames[0]} to {frames[-1]} frames" if len(frames) > 1 else f"{frames[0]} frames"
        return (
            f"use {', '.join(named)}{f' or one of {rest} more between them' if rest else ''}"
            f" with {lengths} ({frames[-1] / self.fps:.3g} s{' at most' if len(frames) > 1 else ''})"
        )


def calm_threads(model: Model) -> None:
    """Use one thread for a small model on a CPU, unless OMP_NUM_THREADS says otherwise.

    The threads of one operation wait for each other: on a busy machine two took five times as long (docs/LOG.md).
    """
    parameters = sum(parameter.numel() for parameter in model.transformer.parameters())
    if "OMP_NUM_THREADS" not in os.environ and parameters < SMALL:
        torch.set_num_threads(1)
