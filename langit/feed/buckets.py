"""Sizes of training chosen from what the footage is: each clip keeps its shape, and nothing is enlarged.

A bucket is a size that several clips share, so that they make batches of equal shapes. A clip goes to the one bucket
that keeps most of its picture; what does not fit the shape is cropped at the edges. Lengths are of whole latent frames.
A clip that is longer than its bucket is cut into pieces, one after another. Pictures get buckets of one frame, whatever
lengths are to be learnt. Knows sizes and seconds, no files.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from langit.shapes import Compression, PixelShape, cell_size, whole_frames


@dataclass(frozen=True)
class BucketConfig:
    """What sizes may be chosen: of at most ``area`` pixels a frame, and of one of these lengths in ``frames``."""

    area: int = 128 * 128
    frames: tuple[int, ...] = (5, 9, 17)
    most: int = 8  # different shapes; clips of rarer ones go to the nearest of these
    pieces: int = 64  # of one clip at most

    def __post_init__(self) -> None:
        cell = cell_size(Compression())
        if self.area < cell * cell:
            raise ValueError(f"buckets.area {self.area} holds no frame of {cell}x{cell}: use at least {cell * cell}")
        if self.most < 1 or self.pieces < 1:
            raise ValueError(f"buckets.most {self.most}, buckets.pieces {self.pieces}: use at least 1 of each")
        if not self.frames or list(self.frames) != sorted(set(self.frames)) or self.frames[0] < 1:
            raise ValueError(f"buckets.frames {self.frames}: give at least one length, each longer than the last")
        for frames in self.frames:
            if whole_frames(frames, Compression()) != frames:
                raise ValueError(f"buckets.frames {frames} is no whole number of latent frames: use 1, 5, 9, 13 …")


@dataclass(frozen=True)
class ClipShape:
    """A clip as buckets see it: its picture inside any bars, and how long it lasts; ``still`` where it is a picture."""

    width: int
    height: int
    seconds: float
    still: bool = False


def kept_share(shape: ClipShape, width: int, height: int) -> float:
    """How much of a clip's picture is left when it is cropped to the aspect ratio of ``width`` x ``height``."""
    ratio = (width / height) / (shape.width / shape.height)
    return min(ratio, 1 / ratio)


def _merit(shape: ClipShape, width: int, height: int) -> float:
    # Cropping away a twentieth of the picture weighs as much as losing a quarter of the resolution.
    return kept_share(shape, width, height) ** 3 * math.sqrt(width * height)


def _lasts(shape: ClipShape, frames: int, fps: float) -> bool:
    return shape.seconds >= (frames - 1) / fps - 1e-9


def choose_sizes(shapes: Iterable[ClipShape], config: BucketConfig, fps: float) -> tuple[PixelShape, ...]:
    """The sizes at which these clips are to be learnt, those of most footage first; none where none fits."""
    cell = cell_size(Compression())
    listed: list[ClipShape] = list(shapes)
    seconds: dict[tuple[int, int], float] = {}
    for shape in listed:
        sides = _best_sides(shape, config.area, cell)
        if sides is not None:
            seconds[sides] = seconds.get(sides, 0.0) + max(shape.seconds, 1 / fps)  # a picture counts as one frame
    # Equal amounts go by size, so that the choice does not depend on the order of the clips.
    ranked = sorted(seconds, key=lambda sides: (-seconds[sides], sides))[: config.most]
    lengths = sorted({*config.frames, *(1 for shape in listed if shape.still)}, reverse=True)
    every = tuple(PixelShape(frames, *reversed(sides)) for sides in ranked for frames in lengths)
    used = Counter(bucket_of(shape, every, fps, config.frames[0]) for shape in listed)
    chosen = [size for size in every if used[size]]
    if any(shape.still for shape in listed):
        chosen.sort(key=lambda size: size.frames == 1)  # a model's first size is what it makes unasked: a video
    return tuple(chosen)


def _best_sides(shape: ClipShape, area: int, cell: int) -> tuple[int, int] | None:
    """Width and height in whole cells: no larger than the clip's picture, of at most ``area`` pixels."""
    fitting = [
        (width, height)
        for width in range(cell, shape.width + 1, cell)
        for height in range(cell, min(shape.height, area // width) + 1, cell)
    ]
    return max(fitting, key=lambda sides: (_merit(shape, *sides), sides), default=None)


def bucket_of(shape: ClipShape, sizes: Sequence[PixelShape], fps: float, shortest: int = 1) -> PixelShape | None:
    """The one of these sizes at which a clip is learnt, or None: it is smaller or shorter than all of them.

    A picture is learnt at sizes of one frame alone; a film only at those of ``shortest`` frames or more.
    """
    fitting = [
        size
        for size in sizes
        if size.width <= shape.width
        and size.height <= shape.height
        and (size.frames == 1 if shape.still else size.frames >= shortest and _lasts(shape, size.frames, fps))
    ]
    return max(
        fitting,
        key=lambda size: (_merit(shape, size.width, size.height), size.width, size.height, size.frames),
        default=None,
    )


def piece_starts(seconds: float, size: PixelShape, fps: float, most: int) -> tuple[float, ...]:
    """When the pieces of a clip begin, in seconds from its first frame: each begins where the last one ended."""
    count = math.floor((seconds - (size.frames - 1) / fps) * fps / size.frames + 1e-9) + 1
    return tuple(number * size.frames / fps for number in range(min(max(count, 0), most)))
