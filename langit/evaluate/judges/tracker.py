"""The tracker: where objects are in every frame of a video, how large they are, and their colours and shapes.

A small network assigns each pixel probabilities of showing an object of each colour and shape. Positions are weighted
means of those probabilities, so they are finer than a pixel. The network reads one frame at a time. It knows no
motion, no prompts and no video models.
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
from langit.device import CPU, Placement, placement_of
from langit.evaluate.judges.probe import SHIPPED, to_video
from langit.worlds.scene import COLOURS, SHAPES

WEIGHTS, SETTINGS = "tracker.safetensors", "tracker.json"
_SURE = 0.3  # probabilities below this do not count, so that distant specks do not move a centroid
_LEAST = 6.0  # pixels of a 64x64 picture: the smallest area that counts as an object


@dataclass(frozen=True)
class TrackerConfig:
    """Sizes of the network: channels at half and at a quarter of the picture's sides, and blocks at a quarter."""

    fine_width: int = 24
    width: int = 48
    blocks: int = 3


class Tracker(nn.Module):
    """A two-level U-Net: pictures to logits per pixel, of (nothing, each colour) and of each shape.

    Submodules are named as in the weights on disk.
    """

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
        logits = functional.pixel_shuffle(self.head(functional.silu(self.norm(x))), 2)  # (n, 1 + 7 + 5, H, W)
        return logits[:, : 1 + len(COLOURS)], logits[:, 1 + len(COLOURS) :]


@dataclass(frozen=True)
class Detection:
    """An object in one frame: its centre (x in picture widths from the left, y in picture heights from the top), size.

    area is a share of the picture; shapes holds a probability for each of SHAPES.
    """

    x: float
    y: float
    width: float
    height: float
    area: float
    shapes: tuple[float, ...]


Track = Sequence[Detection | None]
"""An object in every frame of a video; None where it is not visible."""


@dataclass(frozen=True, eq=False)
class Segmentation:
    """Probabilities for every pixel of a video: of showing an object of each colour, and of each shape. On the CPU."""

    colours: Float[Tensor, "T 7 H W"]
    shapes: Float[Tensor, "T 5 H W"]

    def track(self, colour: str | None = None) -> Track:
        """Locate the object of a colour in every frame, or without a colour whatever object is visible."""
        coverage = self.colours.sum(dim=1) if colour is None else self.colours[:, COLOURS.index(colour)]
        return tuple(_detect(one, shapes) for one, shapes in zip(coverage, self.shapes, strict=True))


def _detect(coverage: Float[Tensor, "H W"], shapes: Float[Tensor, "5 H W"]) -> Detection | None:
    height, width = coverage.shape
    weight = torch.where(coverage > _SURE, coverage, torch.zeros(()))
    area = float(weight.sum()) / (height * width)
    if area < _LEAST / 64**2:
        return None
    down, across = weight.sum(dim=1), weight.sum(dim=0)
    y = float((down * (torch.arange(height) + 0.5)).sum() / down.sum()) / height
    x = float((across * (torch.arange(width) + 0.5)).sum() / across.sum()) / width
    likely = (shapes * weight).sum(dim=(1, 2)) / weight.sum()
    # The sum over rows of each row's largest weight: the height in pixels, tolerant of soft edges.
    tall, wide = float(weight.amax(dim=1).sum()) / height, float(weight.amax(dim=0).sum()) / width
    return Detection(x, y, wide, tall, area, tuple(likely.tolist()))


@torch.no_grad()
def segment(tracker: Tracker, video: UInt8[Tensor, "T H W 3"]) -> Segmentation:
    """Run the tracker on a video of any size, on the tracker's device; large pictures are downscaled first."""
    placement = placement_of(tracker)
    pictures = to_video(video[None].to(placement.device))[0].transpose(0, 1)  # (T, 3, H, W)
    colours, shapes = (logits.float().softmax(dim=1).cpu() for logits in tracker(placement.put(pictures)))
    return Segmentation(colours[:, 1:], shapes)


def mirrored_track(track: Track) -> Track:
    """Return the track that the mirrored video would have."""
    return tuple(None if spot is None else replace(spot, x=1 - spot.x) for spot in track)


def likeliest_shape(track: Track) -> str | None:
    """Return the most likely shape over all frames, weighted by area; None if the object is never visible."""
    visible = [spot for spot in track if spot is not None]
    if not visible:
        return None
    total = [sum(spot.area * spot.shapes[index] for spot in visible) for index in range(len(SHAPES))]
    return SHAPES[total.index(max(total))]


def save_tracker(tracker: Tracker, folder: Path) -> None:
    """Write tracker.json and tracker.safetensors (half precision) to a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: value.half().contiguous() for name, value in tracker.state_dict().items()}
    save_file(weights, folder / WEIGHTS)
    (folder / SETTINGS).write_text(json.dumps(configs.dump(tracker.config), indent=1) + "\n", encoding="utf-8")


def load_tracker(folder: Path = SHIPPED, placement: Placement = CPU) -> Tracker:
    """Load a tracker, by default the shipped one.

    Raises:
        ValueError: a file is missing or damaged; the message names it.
    """
    for name in (SETTINGS, WEIGHTS):
        if not (folder / name).is_file():
            raise ValueError(f"{folder / name} is missing: reinstall langit, the tracker cannot work without it")
    tracker = Tracker(configs.load(TrackerConfig, folder / SETTINGS))
    try:
        tracker.load_state_dict({name: value.float() for name, value in load_file(folder / WEIGHTS).items()})
    except (SafetensorError, RuntimeError) as error:
        raise ValueError(f"{folder / WEIGHTS} is damaged ({error}): reinstall langit") from error
    placement.put(tracker)  # moves the module in place
    return tracker.eval()
