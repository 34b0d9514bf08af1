"""Open weights as a model: sizes, prompts, experts and given frames by the rules of their family."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from jaxtyping import Bool, UInt8
from torch import Tensor

from langit import config
from langit.autoencoder.model import to_float
from langit.families.conditioning import (
    Condition,
    check_given,
    control_video,
    describe_given,
    known_tokens,
    mask_channels,
)
from langit.families.load import OpenBundle
from langit.families.pictures import PictureEncoder
from langit.families.scheduler import few_steps
from langit.families.table import PRESETS, REUSE, REUSE_THRESHOLD, Family, Given
from langit.generate.model import Experts, Model, check_negative_counts
from langit.generate.settings import OpenSampling, SamplingConfig
from langit.shapes import PixelShape, latent_shape
from langit.transformer.protocol import Denoiser

ASPECT = 4.0
"""The longest side of a frame in units of the shorter one."""


@dataclass(frozen=True)
class OpenModel(Model):
    """A checkpoint of a known family.

    family: how it is sampled and what it can take.
    low: the second expert, for levels below the boundary.
    pictures: the image encoder, where the family has one.
    remarks: what a person should know of it, such as a scheduler that differs from its makers'.
    references: pictures of what shall appear, of the video's size.
    """

    family: Family = field(kw_only=True)
    low: Denoiser | None = field(default=None, kw_only=True)
    pictures: PictureEncoder | None = field(default=None, kw_only=True)
    remarks: tuple[str, ...] = field(default=(), kw_only=True)
    references: tuple[UInt8[Tensor, "1 H W 3"], ...] = field(default=(), kw_only=True, repr=False, compare=False)

    @classmethod
    def open(cls, bundle: OpenBundle) -> OpenModel:
        """Read the sampling settings of an opened checkpoint.

        Raises:
            ValueError: a setting is wrong.
        """
        return cls(
            bundle.transformer,
            bundle.autoencoder,
            bundle.text,
            config.load(OpenSampling, dict(bundle.sampling)),
            bundle.sizes,
            bundle.fps,
            family=bundle.family,
            low=bundle.low,
            pictures=bundle.pictures,
            remarks=bundle.notes,
        )

    @property
    def notes(self) -> tuple[str, ...]:
        return self.remarks

    def settings(self, sampling: SamplingConfig | None = None, **wanted: Any) -> SamplingConfig:
        """Sampling settings with some of them changed; ``preset`` names one to begin with.

        Raises:
            ValueError: an unknown preset, a value that the settings do not allow, or one that would not count.
        """
        return changed_sampling(self.sampling if sampling is None else sampling, **wanted)

    def experts(self, sampling: SamplingConfig, guided: bool = True) -> Experts:
        """The denoiser and the guidance scale at each level: by the boundary, where there are two experts."""
        first = self.denoiser(sampling), sampling.guidance if guided else 1.0
        if self.low is None or not isinstance(sampling, OpenSampling) or sampling.boundary is None:
            return lambda level: first  # noqa: ARG005
        scale = sampling.guidance if sampling.guidance_low is None else sampling.guidance_low
        second, boundary = (self.low, scale if guided else 1.0), sampling.boundary
        # diffusers compares what the model is told, which may be cut to a whole timestep.
        told = sampling.schedule(1, 1.0).level_for_model
        return lambda level: first if told(level) >= boundary else second

    def check(self, pixels: PixelShape) -> None:
        """Refuse sizes that the family cannot take.

        Raises:
            ValueError: names the value, and the nearest that are possible.
        """
        for name, side in (("width", pixels.width), ("height", pixels.height)):
            if side % self.cell:
                near = [each for each in (side - side % self.cell, side - side % self.cell + self.cell) if each]
                raise ValueError(
                    f"{name} {side} is not a multiple of {self.cell} for {self.family.name}:"
                    f" use {' or '.join(map(str, near))}"
                )
        latent_shape(pixels, self.autoencoder.compression)  # raises on frames between latent frames
        if pixels.frames > self.max_frames:
            raise ValueError(
                f"{pixels.frames} frames are more than {self.family.name} samples at once: use at most"
                f" {self.max_frames} ({self.max_frames / self.fps:g} s), or langit minute"
            )
        if pixels.width * pixels.height > self.family.largest:
            raise ValueError(
                f"size {pixels.width}x{pixels.height} is larger than {self.family.name} was made for:"
                f" {self.supported_sizes}"
            )
        if not 1 / ASPECT <= pixels.width / pixels.height <= ASPECT:
            raise ValueError(f"size {pixels.width}x{pixels.height} is too long: {self.supported_sizes}")

    def takes_size(self, width: int, height: int) -> bool:
        try:
            self.check(PixelShape(1, height, width))
        except ValueError:
            return False
        return True

    @property
    def shortest(self) -> int:
        return self.autoencoder.compression.time + 1

    @property
    def last_frames(self) -> int:
        return super().last_frames if self.family.kind == "tokens" else 1

    @cached_property
    def frame_sizes(self) -> tuple[tuple[int, int], ...]:
        """The sizes that the family was made for, then all others that it can take, about as large as the first one."""
        made = [(size.width, size.height) for size in self.sizes]
        area = made[0][0] * made[0][1]
        sides = range(self.cell, self.family.largest // self.cell + 1, self.cell)
        others = (
            (width, height)
            for width in sides
            for height in range(self.cell, self.family.largest // width + 1, self.cell)
            if 0.5 * area <= width * height <= area and 1 / ASPECT <= width / height <= ASPECT
        )
        return tuple(dict.fromkeys((*made, *others)))

    @property
    def supported_sizes(self) -> str:
        made = ", ".join(f"{size.width}x{size.height}" for size in self.sizes)
        return (
            f"use {made}, or other multiples of {self.cell} up to {self.family.largest} pixels, with"
            f" {self.shortest} to {self.max_frames} frames, one more than a multiple of"
            f" {self.autoencoder.compression.time} ({self.max_frames / self.fps:.3g} s at most)"
        )

    def with_references(self, pictures: Sequence[UInt8[Tensor, "1 H W 3"]]) -> OpenModel:
        given: frozenset[Given] = frozenset({"reference"})
        check_given(given | self.family.needs, self.family)
        return replace(self, references=tuple(pictures))

    def check_given(self, given: Bool[Tensor, "T H W"], free: bool = False) -> None:
        if not free or given.any():
            check_given(describe_given(given), self.family)

    def condition(
        self, frames: UInt8[Tensor, "T H W 3"], given: Bool[Tensor, "T H W"], free: bool = False
    ) -> Condition | None:
        self.check_given(given, free)
        device, patch = self.placement.device, self.transformer.patch_size
        if self.family.kind == "channels":
            if free and not given.any():
                # An edit gives nothing, and these models cannot do without a picture: they see the video's own.
                given = given.clone()
                given[[0, -1] if "last" in self.family.needs else [0]] = True
            both = "last" in self.family.needs
            return mask_channels(frames, given, self.autoencoder, device, self.pictures, both)
        if self.family.kind == "control":
            video = to_float(frames[None])[0] * given
            shown = tuple(to_float(picture[None])[0, :, 0] for picture in self.references)
            return control_video(video, ~given, self.autoencoder, patch, device, shown)
        if self.family.kind == "tokens" and given.any():
            from langit.generate.canvas import Canvas, hold_given_frames, known_patches

            seen = frames if free else hold_given_frames(Canvas(frames, given))
            return known_tokens(seen, known_patches(given, self), self.autoencoder, patch, device)
        return Condition()


def changed_sampling(base: SamplingConfig, *, preset: str | None = None, **wanted: Any) -> SamplingConfig:
    """Sampling settings of open weights with those changed that are not None, beginning with a preset's.

    Raises:
        ValueError: see :meth:`OpenModel.settings`.
    """
    if preset in PRESETS:
        base = config.load(OpenSampling, {**config.dump(base), **few_steps(PRESETS[preset])})
    elif preset == REUSE:
        base = replace(base, reuse=REUSE_THRESHOLD)
    elif preset is not None:
        raise ValueError(f"no preset is named {preset!r}: use {', '.join(PRESETS)} or {REUSE}")
    changes = {name: value for name, value in wanted.items() if value is not None}
    if "guidance" in changes and getattr(base, "guidance_low", None) is not None:
        changes.setdefault("guidance_low", changes["guidance"])  # as diffusers does: one scale for both experts
    changed = replace(base, **changes)
    check_negative_counts(changed, changes, getattr(changed, "guidance_low", None))
    return changed
