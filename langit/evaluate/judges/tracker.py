"""The tracker: where things are in every frame of a video, how large they are, and what colour and shape they have.

A small network says of every pixel which colour of thing it shows, if any, and which shape. What is measured is made of
those shares, so places are finer than pixels. It sees one frame at a time: it knows no motion, no prompts, no models.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from langit import config as configs
from langit.autoencoder.layers import ChannelNorm, SpaceBlock
from langit.evaluate.judges.probe import SHIPPED, to_video
from langit.worlds.scene import COLOURS, SHAPES

WEIGHTS, SETTINGS = "tracker.safetensors", "tracker.json"
_SURE = 0.3  # share of a pixel below which it does not count: far specks must not move a centroid
_LEAST = 6.0  # pixels of a 64x64 picture: less is no thing


@dataclass(frozen=True)
class TrackerConfig:
    """Sizes of the network: channels at half and at a quarter of the picture's sides, and blocks at a quarter."""

    fine_width: int = 24
    width: int = 48
    blocks: int = 3


class Tracker(nn.Module):
    """Pictures in; of every pixel logits of nothing and each colour, and of each shape."""

    def __init__(self, config: TrackerConfig) -> None:
        super().__init__()
        self.config = config
        fine, width = config.fine_width, config.width
        self.stem = nn.Conv2d(12, fine, 3, padding=1)
        self.fine = SpaceBlock(fine)
        self.down = nn.Conv2d(4 * fine, width, 1)
        self.space = nn.ModuleList(SpaceBlock(width) for _ in range(config.blocks))
        self.up = nn.Conv2d(width, 4 * fine, 1)
        self.again = SpaceBlock(fine)
        self.norm = ChannelNorm(fine)
        self.head = nn.Conv2d(fine, 4 * (1 + len(COLOURS) + len(SHAPES)), 1)

    def forward(self, pictures: Float[Tensor, "n 3 H W"]) -> tuple[Float[Tensor, "n k H W"], Float[Tensor, "n s H W"]]:
        x = self.fine(self.stem(functional.pixel_unshuffle(pictures, 2)))  # (n, fine, H/2, W/2)
        y = self.down(functional.pixel_unshuffle(x, 2))  # (n, width, H/4, W/4)
        for block in self.space:
            y = block(y)
        x = self.again(x + functional.pixel_shuffle(self.up(y), 2))  # (n, fine, H/2, W/2)
        told = functional.pixel_shuffle(self.head(functional.silu(self.norm(x))), 2)  # (n, 1 + 7 + 5, H, W)
        return told[:, : 1 + len(COLOURS)], told[:, 1 + len(COLOURS) :]


@dataclass(frozen=True)
class Spot:
    """A thing in a frame: its centre in picture widths from the left and picture heights from the top, and its sizes.

    area is a share of the picture; shapes holds a share for each of SHAPES.
    """

    x: float
    y: float
    width: float
    height: float
    area: float
    shapes: tuple[float, ...]


Track = Sequence[Spot | None]
"""A thing in every frame of a video; None where it is not to be seen."""


@dataclass(frozen=True, eq=False)
class Sight:
    """What the tracker sees of a video: the share of every pixel that shows each colour of thing, and each shape."""

    colours: Float[Tensor, "T 7 H W"]
    shapes: Float[Tensor, "T 5 H W"]

    def spots(self, colour: str | None = None) -> Track:
        """The thing of a colour in every frame, or whatever thing there is."""
        seen = self.colours.sum(dim=1) if colour is None else self.colours[:, COLOURS.index(colour)]
        return tuple(_spot(one, shapes) for one, shapes in zip(seen, self.shapes, strict=True))


def _spot(seen: Float[Tensor, "H W"], shapes: Float[Tensor, "5 H W"]) -> Spot | None:
    height, width = seen.shape
    weight = torch.where(seen > _SURE, seen, torch.zeros(()))
    area = float(weight.sum()) / (height * width)
    if area < _LEAST / 64**2:
        return None
    down, across = weight.sum(dim=1), weight.sum(dim=0)
    y = float((down * (torch.arange(height) + 0.5)).sum() / down.sum()) / height
    x = float((across * (torch.arange(width) + 0.5)).sum() / across.sum()) / width
    told = (shapes * weight).sum(dim=(1, 2)) / weight.sum()
    tall, wide = float(weight.amax(dim=1).sum()) / height, float(weight.amax(dim=0).sum()) / width
    return Spot(x, y, wide, tall, area, tuple(told.tolist()))


@torch.no_grad()
def look(tracker: Tracker, video: UInt8[Tensor, "T H W 3"]) -> Sight:
    """What is where in a video of any size; larger pictures than the tracker knows are made smaller first."""
    colours, shapes = tracker(to_video(video[None])[0].transpose(0, 1))
    return Sight(colours.softmax(dim=1)[:, 1:], shapes.softmax(dim=1))


def flipped(track: Track) -> Track:
    """The track in the mirrored video."""
    return tuple(None if spot is None else replace(spot, x=1 - spot.x) for spot in track)


def shape_of(spots: Track) -> str | None:
    """The likeliest shape over all frames, large views counting more; None of nothing."""
    seen = [spot for spot in spots if spot is not None]
    if not seen:
        return None
    total = [sum(spot.area * spot.shapes[index] for spot in seen) for index in range(len(SHAPES))]
    return SHAPES[total.index(max(total))]


def save_tracker(tracker: Tracker, folder: Path) -> None:
    """Write tracker.json and half-precision weights."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: value.half().contiguous() for name, value in tracker.state_dict().items()}
    save_file(weights, folder / WEIGHTS)
    (folder / SETTINGS).write_text(json.dumps(configs.dump(tracker.config), indent=1) + "\n", encoding="utf-8")


def load_tracker(folder: Path = SHIPPED) -> Tracker:
    """Read a tracker, by default the one that ships.

    Raises:
        ValueError: a file is missing or damaged; the message names it.
    """
    for name in (SETTINGS, WEIGHTS):
        if not (folder / name).is_file():
            raise ValueError(f"{folder / name} is missing: nothing can be tracked without it, install langit again")
    tracker = Tracker(configs.load(TrackerConfig, folder / SETTINGS))
    try:
        tracker.load_state_dict({name: value.float() for name, value in load_file(folder / WEIGHTS).items()})
    except (SafetensorError, RuntimeError) as error:
        raise ValueError(f"{folder / WEIGHTS} is damaged ({error}): install langit again") from error
    return tracker.eval()
