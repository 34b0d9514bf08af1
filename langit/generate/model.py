"""A model as generation needs it: its modules, its sampling presets, and the sizes that it was trained for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from jaxtyping import Bool, UInt8
from torch import Tensor

from langit import config
from langit.autoencoder.protocol import VideoAutoencoder
from langit.bundle import Parts
from langit.device import Placement, placement_of
from langit.families.conditioning import Condition
from langit.families.load import OpenBundle
from langit.generate.settings import SamplingConfig
from langit.generate.tiles import Tiles
from langit.patches import Pack, TextPack
from langit.shapes import PixelShape, cell_size
from langit.text.encoder import TextEncoder
from langit.transformer.adapter import Adapter
from langit.transformer.protocol import Denoiser

SINGLE_THREAD_PARAMETERS = 50_000_000
"""Models with fewer parameters run faster on one thread."""
LISTED_SIZES = 12
"""Sizes that an error message lists."""


Experts = Callable[[float], tuple[Callable[[Pack, TextPack], Tensor], float]]
"""The denoiser and the guidance scale at a noise level."""


@dataclass(frozen=True, eq=False)
class SamplingPreset:
    """An adapter, and the sampling settings that it was trained for."""

    adapter: Adapter
    sampling: SamplingConfig


@dataclass(frozen=True)
class _Overridable:
    """The part of a model that ``key=value`` changes can name."""

    sampling: SamplingConfig


@dataclass(frozen=True)
class Model:
    """The modules that generate a video, how they are sampled, and which sizes they can generate.

    transformer, autoencoder, text: on one device and in one dtype.
    sampling: the settings in use when a request names none: those of the first preset, if there is one.
    sizes: the sizes that the model was trained on; the default is first.
    fps: frames a second of everything that it generates.
    full: the settings of full quality, the model's own weights with guidance; None if ``sampling`` is that already.
    presets: adapters that sample in fewer steps, by name.
    fused: transformers with the adapter of a preset merged into their weights, by name; see :meth:`fuse`.
    tiles: what large frames are decoded in; whole if left out.
    """

    transformer: Denoiser
    autoencoder: VideoAutoencoder
    text: TextEncoder
    sampling: SamplingConfig
    sizes: tuple[PixelShape, ...]
    fps: float = 8.0
    full: SamplingConfig | None = None
    presets: Mapping[str, SamplingPreset] = field(default_factory=dict, hash=False)
    fused: Mapping[str, Denoiser] = field(default_factory=dict, hash=False, repr=False, compare=False)
    tiles: Tiles | None = None

    @classmethod
    def of(cls, parts: Parts) -> Model:
        """Read the sampling settings of a bundle's parts; the first adapter is the default preset.

        Raises:
            ValueError: a setting is unknown or wrong.
        """
        if isinstance(parts, OpenBundle):
            from langit.generate.open_model import OpenModel

            return OpenModel.open(parts)
        full = config.load(SamplingConfig, dict(parts.sampling))
        presets = {
            name: SamplingPreset(tuned.adapter, config.load(SamplingConfig, {**tuned.sampling, "adapter": name}))
            for name, tuned in parts.adapters.items()
        }
        sampling = next((preset.sampling for preset in presets.values()), full)
        return cls(
            parts.transformer,
            parts.autoencoder,
            parts.text,
            sampling,
            parts.sizes,
            parts.fps,
            full=full,
            presets=presets,
        )

    @property
    def placement(self) -> Placement:
        """The device and dtype of the modules."""
        return placement_of(self.transformer)

    @property
    def full_quality(self) -> SamplingConfig:
        """The settings of full quality: the model's own weights, with guidance."""
        return self.sampling if self.full is None else self.full

    def preset(self, name: str) -> SamplingPreset:
        """The preset of an adapter.

        Raises:
            ValueError: the model has no adapter of that name.
        """
        if name not in self.presets:
            known = f"it has {', '.join(self.presets)}" if self.presets else "it has none"
            raise ValueError(f"this model has no adapter {name!r}: {known}; an empty name means full quality")
        return self.presets[name]

    def settings(self, sampling: SamplingConfig | None = None, **wanted: Any) -> SamplingConfig:
        """Sampling settings with some of them changed.

        An adapter was trained for one guidance scale, one solver, no negative prompt and at most its own number of
        steps. A request outside of that gets full quality instead.

        Args:
            sampling: settings to start from; the model's own if left out.
            wanted: new values by name; None leaves a setting as it is.

        Raises:
            ValueError: a value that the settings do not allow, or one that would not count.
        """
        base = self.sampling if sampling is None else sampling
        changes = {name: value for name, value in wanted.items() if value is not None}
        for name in ("shift", "preset"):
            if name in changes:
                raise ValueError(
                    f"{name} {changes[name]} is a setting of open weights, not of this model: leave it out"
                )
        changed = replace(base, **changes)
        same = changed.guidance == base.guidance and changed.solver == base.solver and changed.steps <= base.steps
        if base.adapter and not (same and changed.negative == base.negative):
            changed = replace(self.full_quality, **changes)
        check_negative_counts(changed, changes)
        return changed

    def override(self, changes: Sequence[str]) -> Model:
        """The model with ``sampling.key=value`` changes, its denoiser ready for them.

        ``sampling.adapter`` counts first, wherever it stands; an empty adapter means full quality.

        Raises:
            ValueError: an unknown key, a wrong value, or settings that the preset cannot be sampled with.
        """
        names = [change.partition("=")[2] for change in changes if change.startswith("sampling.adapter=")]
        base = self.sampling
        # The last one counts, as with every other key.
        if names:
            base = self.preset(names[-1]).sampling if names[-1] else self.full_quality
        others = [change for change in changes if not change.startswith("sampling.adapter=")]
        changed = replace(self, sampling=config.override(_Overridable(base), others).sampling)
        return changed.fuse(changed.sampling)

    def experts(self, sampling: SamplingConfig, guided: bool = True) -> Experts:
        """The denoiser and the guidance scale at each level.

        Args:
            sampling: all settings.
            guided: false without a prompt: there is nothing to guide towards.

        Raises:
            ValueError: see :meth:`denoiser`.
        """
        denoiser, scale = self.denoiser(sampling), sampling.guidance if guided else 1.0
        return lambda level: (denoiser, scale)  # noqa: ARG005

    def condition(
        self,
        frames: UInt8[Tensor, "T H W 3"],  # noqa: ARG002  (for models that condition in other ways, as the others)
        given: Bool[Tensor, "T H W"],  # noqa: ARG002
        free: bool = False,  # noqa: ARG002
    ) -> Condition | None:
        """What the transformer reads of given frames, for models that read them in another way than as known patches.

        Args:
            frames: of one window.
            given: which of their pixels are given.
            free: whether all frames are a start that may change (SDEdit).

        Raises:
            ValueError: the model cannot take what is given, or needs more.
        """
        return None

    def check_given(self, given: Bool[Tensor, "T H W"], free: bool = False) -> None:
        """Refuse given pixels that the model cannot take; see :meth:`condition`. Any, for models of known patches.

        Raises:
            ValueError: names what is not possible, and models that can.
        """

    def with_references(self, pictures: Sequence[UInt8[Tensor, "1 H W 3"]]) -> Model:  # noqa: ARG002
        """The model with pictures of what shall appear in a video.

        Raises:
            ValueError: it cannot take any.
        """
        raise ValueError("this model takes no reference pictures: use a VACE model, or --image for a first frame")

    @property
    def shortest(self) -> int:
        """Frames of the shortest video that is sampled."""
        return min(size.frames for size in self.sizes)

    @property
    def last_frames(self) -> int:
        """Frames that a picture for the end fills: a latent frame, where patches are known or not as a whole."""
        return self.autoencoder.compression.time

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of everything that the model generates."""
        return ()

    def denoiser(self, sampling: SamplingConfig) -> Denoiser:
        """The transformer that these settings sample with; an adapter is merged into a copy of its weights.

        Raises:
            ValueError: the model has no such adapter, or guidance would count twice: the adapter has learnt it.
        """
        name = sampling.adapter
        if not name:
            return self.transformer
        preset = self.preset(name)
        # Distilled adapters have learnt the guided velocity: guiding it again would overshoot.
        if preset.sampling.guidance == 1 and (sampling.guidance != 1 or sampling.negative):
            what = (
                f"a negative prompt, {sampling.negative!r}," if sampling.negative else f"guidance {sampling.guidance:g}"
            )
            raise ValueError(
                f"{what} needs full quality: adapter {name!r} has guidance in its weights; use an empty adapter"
            )
        # Merging costs a pass over the weights; sampling with a separate product would cost it at every step.
        return self.fused.get(name) or preset.adapter.fuse(self.transformer).eval()

    def fuse(self, sampling: SamplingConfig) -> Model:
        """The model with the adapter of these settings merged, so that :meth:`denoiser` does not merge it every time.

        Replace ``transformer`` or ``presets`` before, not afterwards: merged weights are not merged again.

        Raises:
            ValueError: see :meth:`denoiser`.
        """
        denoiser = self.denoiser(sampling)
        if not sampling.adapter or sampling.adapter in self.fused:
            return self
        return replace(self, fused={**self.fused, sampling.adapter: denoiser})

    def check_prompt(self, prompt: str, optional: bool = False) -> str:
        """The normalized prompt.

        Args:
            prompt: as a person wrote it.
            optional: whether an empty prompt is allowed, which lets the given frames decide.

        Raises:
            ValueError: it is empty, too long, or in letters that the model cannot read.
        """
        if optional and not prompt:
            return ""
        return self.text.read(prompt)

    @property
    def cell(self) -> int:
        """Pixels to a side of a patch: width and height are multiples of it."""
        return cell_size(self.autoencoder.compression, self.transformer.patch_size)

    @property
    def max_frames(self) -> int:
        """Frames of the longest video that is sampled at once."""
        return max(size.frames for size in self.sizes)

    def check(self, pixels: PixelShape) -> None:
        """Refuse a size that the model was not trained for. Sizes between those of its training are allowed.

        Raises:
            ValueError: names the size and the sizes that are supported.
        """
        fewest = min(size.frames for size in self.sizes)
        if (pixels.width, pixels.height) not in self.frame_sizes or not fewest <= pixels.frames <= self.max_frames:
            raise ValueError(
                f"size {pixels} (width x height x frames) is not supported by this model: {self.supported_sizes}"
            )

    def takes_size(self, width: int, height: int) -> bool:
        """Whether frames of this size are supported as they are."""
        return (width, height) in self.frame_sizes

    @property
    def frame_sizes(self) -> tuple[tuple[int, int], ...]:
        """Supported widths and heights: those of the training first, then those between them.

        Between them means: whole patches, and no side, area or aspect ratio beyond those of the training.
        """
        trained = tuple(dict.fromkeys((size.width, size.height) for size in self.sizes))
        # From the smallest to the largest side of the training, in whole patches.
        sides = [range(min(side), max(side) + 1, self.cell) for side in zip(*trained, strict=True)]
        area = max(width * height for width, height in trained)
        aspects = [width / height for width, height in trained]
        between = (
            (width, height)
            for width in sides[0]
            for height in sides[1]
            if width * height <= area and min(aspects) <= width / height <= max(aspects)
        )
        return tuple(dict.fromkeys((*trained, *between)))

    @property
    def supported_sizes(self) -> str:
        """The supported sizes in words, as the end of an error message."""
        listed = [f"{width}x{height}" for width, height in self.frame_sizes[:LISTED_SIZES]]
        others = len(self.frame_sizes) - len(listed)
        frames = sorted({size.frames for size in self.sizes})
        lengths = f"{frames[0]} to {frames[-1]} frames" if len(frames) > 1 else f"{frames[0]} frames"
        return (
            f"use {', '.join(listed)}{f' or one of {others} more between them' if others else ''}"
            f" with {lengths} ({frames[-1] / self.fps:.3g} s{' at most' if len(frames) > 1 else ''})"
        )


def check_negative_counts(
    sampling: SamplingConfig, changes: Mapping[str, Any], guidance_low: float | None = None
) -> None:
    """Refuse a negative prompt that is asked for and would not count.

    Raises:
        ValueError: without guidance there is nothing that it leads away from.
    """
    if changes.get("negative") and sampling.guidance == 1 and guidance_low in (None, 1):
        raise ValueError(
            f"the negative prompt {sampling.negative!r} does not count at guidance 1: use a guidance above 1, or leave"
            " it out"
        )


@contextmanager
def limited_threads(model: Model) -> Iterator[None]:
    """Run a small model on a CPU with one thread, unless OMP_NUM_THREADS is set; restore the number afterwards.

    The threads of one operation wait for each other: on a busy machine two took five times as long (docs/LOG.md).
    """
    parameters = sum(parameter.numel() for parameter in model.transformer.parameters())
    on_cpu = model.placement.device.type == "cpu"
    if "OMP_NUM_THREADS" in os.environ or not on_cpu or parameters >= SINGLE_THREAD_PARAMETERS:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
