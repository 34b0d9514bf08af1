"""Known damage to videos, in rising degrees: what a distance has to rise with before it says anything of a model.

Each is a function of frames, a degree and a seed. Degree 0 would be the video as it is. Knows frames only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn import functional

Frames = UInt8[Tensor, "T H W 3"]


@dataclass(frozen=True)
class Corruption:
    """One kind of damage; ``degrees`` rise, in ``unit``; ``still`` where a single frame shows it."""

    unit: str
    degrees: tuple[float, ...]
    apply: Callable[[Frames, float, int], Frames]
    still: bool = True


def blur(frames: Frames, degree: float, _seed: int) -> Frames:
    """Gaussian blur; ``degree`` is its standard deviation in pixels."""
    radius = max(1, round(3 * degree))
    places = torch.arange(-radius, radius + 1, dtype=torch.float32)
    kernel = torch.exp(-(places**2) / (2 * degree**2))
    kernel = (kernel / kernel.sum()).view(1, 1, -1)
    x = frames.permute(0, 3, 1, 2).flatten(0, 1).float()[:, None]  # (T 3, 1, H, W)
    x = functional.conv2d(functional.pad(x, (radius, radius, 0, 0), mode="replicate"), kernel[:, :, None])
    x = functional.conv2d(functional.pad(x, (0, 0, radius, radius), mode="replicate"), kernel[..., None])
    return _to_frames(x[:, 0].unflatten(0, (-1, 3)).permute(0, 2, 3, 1))


def noise(frames: Frames, degree: float, seed: int) -> Frames:
    """White noise, new in each frame; ``degree`` is its standard deviation in steps of 1/255."""
    drawn = torch.randn(frames.shape, generator=torch.Generator().manual_seed(seed))
    return _to_frames(frames.float() + degree * drawn)


def shuffling(frames: Frames, degree: float, seed: int) -> Frames:
    """A share of the frames change places with each other."""
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(frames), generator=generator)[: max(2, round(degree * len(frames)))]
    order = torch.arange(len(frames))
    # A turn by one leaves none of them in its place, as a drawn permutation could.
    order[chosen] = chosen.roll(1)
    return frames[order]


def freezing(frames: Frames, degree: float, seed: int) -> Frames:
    """The video stands still for a share of its frames."""
    length = round(degree * len(frames))
    begin = int(torch.randint(0, len(frames) - length + 1, (), generator=torch.Generator().manual_seed(seed)))
    order = torch.arange(len(frames))
    order[begin : begin + length] = begin
    return frames[order]


def speed(frames: Frames, degree: float, _seed: int) -> Frames:
    """The video plays ``degree`` times as fast; it turns round at its end, so that it lasts as long."""
    last = len(frames) - 1
    if last == 0:
        return frames
    places = (torch.arange(len(frames)) * degree).round().long() % (2 * last)
    return frames[torch.minimum(places, 2 * last - places)]


def coarseness(frames: Frames, degree: float, _seed: int) -> Frames:
    """Squares of ``degree`` pixels to a side."""
    size = frames.shape[1:3]
    x = frames.permute(0, 3, 1, 2).float()
    small = functional.interpolate(x, size=[max(1, round(side / degree)) for side in size], mode="area")
    return _to_frames(functional.interpolate(small, size=size, mode="nearest").permute(0, 2, 3, 1))


def fading(frames: Frames, degree: float, _seed: int) -> Frames:
    """Colours lose a share of what they differ from grey."""
    x = frames.float()
    return _to_frames(x + degree * (x.mean(dim=3, keepdim=True) - x))


def _to_frames(x: Float[Tensor, "T H W 3"]) -> Frames:
    return x.round().clamp(0, 255).to(torch.uint8)


CORRUPTIONS: Final[Mapping[str, Corruption]] = {
    "blur": Corruption("pixels", (0.5, 1.0, 2.0, 4.0), blur),
    "noise": Corruption("of 255", (4.0, 8.0, 16.0, 32.0), noise),
    "coarse pixels": Corruption("pixels", (2.0, 3.0, 4.0, 8.0), coarseness),
    "faded colours": Corruption("of 1", (0.25, 0.5, 0.75, 1.0), fading),
    "shuffled frames": Corruption("of the frames", (0.25, 0.5, 0.75, 1.0), shuffling, still=False),
    "frozen frames": Corruption("of the frames", (0.25, 0.5, 0.75, 1.0), freezing, still=False),
    "wrong speed": Corruption("times", (1.5, 2.0, 3.0, 4.0), speed, still=False),
}
