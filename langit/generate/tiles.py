"""Decode large frames in overlapping tiles, one tile after the other, so that memory does not grow with the frame.

Each tile is decoded through all of time with the autoencoder's own streaming state, then faded linearly into its
neighbours. Convolutions see the same values as in a whole frame away from a tile's border; what looks at whole frames
(Wan's middle block attends over each frame) sees a tile, so that results differ slightly. Knows no sampling.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from langit.autoencoder.model import to_frames
from langit.autoencoder.protocol import State, VideoAutoencoder
from langit.device import Placement
from langit.shapes import LatentShape, frames_of, pixels_of

Latents = Float[Tensor, "C F h w"]


@dataclass(frozen=True)
class Tiles:
    """Sides of tiles and how much neighbours overlap, in latent cells.

    Raises:
        ValueError: sizes that cannot cover a frame.
    """

    side: int = 40
    overlap: int = 8

    def __post_init__(self) -> None:
        if self.overlap < 1 or self.side < 3 * self.overlap:  # no more than two tiles meet along an axis
            raise ValueError(
                f"tiles of {self.side} cells that overlap by {self.overlap} cannot cover a frame: use an overlap of at"
                " least 1 and a side of at least three times that"
            )

    def spans(self, length: int) -> tuple[tuple[int, int], ...]:
        """First and last cell (exclusive) of each tile along an axis, evenly spread, none larger than ``side``."""
        if length <= self.side:
            return ((0, length),)
        count = -(-(length - self.overlap) // (self.side - self.overlap))
        starts = [number * (length - self.overlap) // count for number in range(count + 1)]
        return tuple(
            (start, following + self.overlap) for start, following in zip(starts[:-1], starts[1:], strict=True)
        )

    def covers(self, height: int, width: int) -> bool:
        """Whether one tile holds a whole frame."""
        return max(height, width) <= self.side


def ramps(spans: tuple[tuple[int, int], ...], scale: int) -> Iterator[Float[Tensor, " n"]]:
    """The weight of each pixel of each tile along an axis: linear where two overlap, in sum 1 everywhere."""
    for number, (first, last) in enumerate(spans):
        weights = torch.ones((last - first) * scale, device="cpu")
        for other, rising in ((number - 1, True), (number + 1, False)):
            if not 0 <= other < len(spans):
                continue
            shared = (spans[other][1] - first if rising else last - spans[other][0]) * scale
            ramp = (torch.arange(shared, device="cpu") + 0.5) / shared
            if rising:
                weights[:shared] *= ramp
            else:
                weights[-shared:] *= 1 - ramp
        yield weights


@torch.no_grad()
def decode_tiles(
    latents: Latents, autoencoder: VideoAutoencoder, placement: Placement, tiles: Tiles, at_once: int
) -> UInt8[Tensor, "T H W 3"]:
    """Decode latents tile by tile to frames on the CPU.

    Args:
        latents: normalised.
        autoencoder: decodes each tile as a video of its own.
        placement: of the autoencoder.
        tiles: their sizes.
        at_once: latent frames that are decoded at once.
    """
    shape, space = LatentShape(*latents.shape), autoencoder.compression.space
    pixels = pixels_of(shape, autoencoder.compression)
    size = pixels.frames, pixels.height, pixels.width, 3
    canvas = torch.zeros(size, dtype=torch.float16, device="cpu")  # T H W 3, in [-1, 1]
    rows, columns = tiles.spans(shape.height), tiles.spans(shape.width)
    for row, down in zip(rows, ramps(rows, space), strict=True):
        for column, across in zip(columns, ramps(columns, space), strict=True):
            weight = (down[:, None] * across)[..., None]  # H W 1
            first, state = 0, None
            for piece in latents[None, :, :, row[0] : row[1], column[0] : column[1]].split(at_once, dim=2):
                video, state = _decode(piece, autoencoder, placement, state)
                last = first + len(video)
                place = canvas[first:last, row[0] * space : row[1] * space, column[0] * space : column[1] * space]
                place += (video * weight).half()
                first = last
    pieces = canvas.split(frames_of(at_once, autoencoder.compression))  # not all in single precision at once
    return torch.cat([to_frames(piece.float().permute(3, 0, 1, 2)[None])[0] for piece in pieces])


def _decode(
    piece: Float[Tensor, "1 C f h w"], autoencoder: VideoAutoencoder, placement: Placement, state: State | None
) -> tuple[Float[Tensor, "t H W 3"], State]:
    video, state = autoencoder.decode_stream(placement.put(piece), state)
    return video[0].permute(1, 2, 3, 0).float().cpu(), state
