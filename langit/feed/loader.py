"""The order of training: which clips make up which batch, as a pure function of the step.

Every epoch is a permutation of the clips, drawn from (seed, epoch), cut into stretches that are packed by token count.
Nothing is padded and nothing is dropped. Because a batch follows from its step alone, resuming needs no state.
"""

from __future__ import annotations

import bisect
import itertools
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import torch
from jaxtyping import Float
from torch import Tensor

from langit.feed.batch import Batch
from langit.feed.catalogue import FrameReader, StoredClip
from langit.feed.latents import LatentClip
from langit.feed.windows import TrainingWindow, WindowConfig, draw_window
from langit.patches import pack_by_tokens
from langit.shapes import Compression, latent_shape

WHOLE_CLIPS = WindowConfig()
STRETCH = 8  # batches' worth of tokens that are packed together: more fills bins better, and mixes clips less


@dataclass(frozen=True)
class BatchOrder:
    """The batches of every epoch, as indices into the clips.

    ``lengths`` gives the clips' tokens in an epoch, ``budget`` the most tokens of a batch.
    """

    lengths: Callable[[int], Sequence[int]]
    budget: int
    seed: int
    # Caches of what follows from the fields above: the newest epochs' batches, and the step that each epoch begins at.
    _epochs: dict[int, tuple[tuple[int, ...], ...]] = field(default_factory=dict, repr=False)
    _starts: list[int] = field(default_factory=lambda: [0], repr=False)

    def __post_init__(self) -> None:
        if not self.lengths(0):
            raise ValueError("no clip may be trained on: add films to the ledger, or see why they are refused")

    def epoch(self, step: int) -> int:
        """The epoch that a step belongs to."""
        while step >= self._starts[-1]:
            self._starts.append(self._starts[-1] + len(self._batches(len(self._starts) - 1)))
        return bisect.bisect_right(self._starts, step) - 1

    def batch(self, step: int) -> tuple[int, ...]:
        """The clips of a step."""
        epoch = self.epoch(step)
        return self._batches(epoch)[step - self._starts[epoch]]

    def _batches(self, epoch: int) -> tuple[tuple[int, ...], ...]:
        """The batches of an epoch; the newest two are cached."""
        if epoch not in self._epochs:
            self._epochs[epoch] = self._pack(epoch)
            for old in list(self._epochs)[:-2]:
                del self._epochs[old]
        return self._epochs[epoch]

    def _pack(self, epoch: int) -> tuple[tuple[int, ...], ...]:
        lengths = self.lengths(epoch)
        # A text seed goes through SHA-512, which does not depend on PYTHONHASHSEED.
        rng = random.Random(f"order:{self.seed}:{epoch}")
        order = list(range(len(lengths)))
        rng.shuffle(order)
        batches: list[tuple[int, ...]] = []
        stretch: list[int] = []
        tokens = 0

        def pack_stretch() -> list[tuple[int, ...]]:
            bins = pack_by_tokens([lengths[index] for index in stretch], self.budget)
            return [tuple(stretch[i] for i in bin_) for bin_ in bins]

        for index in order:
            stretch.append(index)
            tokens += lengths[index]
            if tokens >= STRETCH * self.budget:
                bins = sorted(pack_stretch(), key=lambda bin_: sum(lengths[index] for index in bin_))
                batches += bins[1:]
                stretch = list(bins[0])  # the emptiest is packed again with what follows
                tokens = sum(lengths[index] for index in stretch)
        batches += pack_stretch()
        rng.shuffle(batches)  # or the fullest bins of each stretch would always come first
        return tuple(batches)


def constant_lengths(lengths: Sequence[int]) -> Callable[[int], Sequence[int]]:
    """The same lengths in every epoch."""
    return lambda _epoch: lengths


@dataclass(frozen=True)
class LatentItems:
    """What the flow task learns from: one entry for each clip of the batch."""

    latents: list[Float[Tensor, "C F h w"]]
    captions: list[str]
    shares: list[Float[Tensor, " n"]]  # of each token's pixels, how many show a thing
    starts_later: list[bool]  # whether the window begins after its clip, in the middle of what the caption tells

    @property
    def lengths(self) -> tuple[int, ...]:
        """Tokens of each video."""
        return tuple(share.shape[0] for share in self.shares)

    def to(self, device: torch.device) -> LatentItems:
        """The same items with their tensors on a device."""
        return replace(
            self,
            latents=[video.to(device, non_blocking=True) for video in self.latents],
            shares=[share.to(device, non_blocking=True) for share in self.shares],
        )


class _Named(Protocol):
    @property
    def digest(self) -> str: ...


def _allowed_batch(
    order: BatchOrder, clips: Sequence[_Named], step: int, barred: frozenset[str]
) -> tuple[int, tuple[int, ...]]:
    """A step's clips without those that were taken down; where none is left, those of the next step that has some.

    Returns:
        The step whose clips they are, and their indices.

    Raises:
        ValueError: all of them were taken down.
    """
    if barred and all(clip.digest in barred for clip in clips):
        raise ValueError(_all_taken(len(clips)))
    for number in itertools.count(step):
        kept = tuple(index for index in order.batch(number) if clips[index].digest not in barred)
        if kept:
            return number, kept
    raise AssertionError("unreachable")


def _all_taken(count: int) -> str:
    return f"all {count} clips that this stage learns were taken down: curate other footage"


class LatentFeed:
    """Packs of windows of latent clips, with a caption each.

    ``taken_down`` is asked before every batch which clips may not be used any more (`feed.allowed`).
    """

    def __init__(
        self,
        clips: Sequence[LatentClip],
        token_budget: int,
        seed: int,
        windows: WindowConfig = WHOLE_CLIPS,
        taken_down: Callable[[], frozenset[str]] = frozenset,
    ) -> None:
        self.clips, self.seed, self.windows, self.taken_down = clips, seed, windows, taken_down
        self.order = BatchOrder(self._lengths, token_budget, seed)

    def window(self, epoch: int, index: int) -> TrainingWindow:
        """The part of a clip that an epoch learns from."""
        views = tuple(view.frames for view in self.clips[index].views)
        return draw_window(views, self.windows, random.Random(f"window:{self.seed}:{epoch}:{index}"))

    def _lengths(self, epoch: int) -> tuple[int, ...]:
        windows = (self.window(epoch, index) for index in range(len(self.clips)))
        return tuple(
            window.frames * clip.views[window.view].share[0].numel()
            for window, clip in zip(windows, self.clips, strict=True)
        )

    def batch(self, step: int) -> Batch[LatentItems]:
        step, indices = _allowed_batch(self.order, self.clips, step, self.taken_down())
        epoch = self.order.epoch(step)
        chosen = [self.clips[index] for index in indices]
        windows = [self.window(epoch, index) for index in indices]
        views = [clip.views[window.view] for clip, window in zip(chosen, windows, strict=True)]
        rng = random.Random(f"captions:{self.seed}:{step}")
        items = LatentItems(
            latents=[view.latents[:, : w.frames].float() for view, w in zip(views, windows, strict=True)],
            captions=[clip.captions[int(rng.random() * len(clip.captions))] for clip in chosen],
            shares=[view.share[: window.frames].flatten() for view, window in zip(views, windows, strict=True)],
            starts_later=[window.view > 0 for window in windows],
        )
        return Batch(clips=tuple(clip.digest for clip in chosen), tokens=sum(items.lengths), items=items)


class FrameFeed:
    """Batches of whole clips of one size, as uint8 frames (B, T, H, W, 3), for tasks that learn from pixels."""

    def __init__(
        self,
        clips: Sequence[StoredClip],
        reader: FrameReader,
        batch: int,
        seed: int,
        taken_down: Callable[[], frozenset[str]] = frozenset,
    ) -> None:
        self.clips, self.reader, self.seed, self.taken_down = clips, reader, seed, taken_down
        self.by_size: dict[str, list[int]] = {}
        for index, clip in enumerate(clips):
            self.by_size.setdefault(str(clip.pixels), []).append(index)
        # A "token" is a clip here: packing to a budget of ``batch`` gives batches of so many clips.
        self.orders = {
            size: BatchOrder(constant_lengths((1,) * len(indices)), min(batch, len(indices)), seed)
            for size, indices in self.by_size.items()
        }

    def batch(self, step: int) -> Batch[Tensor]:
        rng, barred = random.Random(f"size:{self.seed}:{step}"), self.taken_down()
        sizes = list(self.by_size)
        if barred:  # sizes of which nothing is left are not drawn
            sizes = [size for size in sizes if any(self.clips[i].digest not in barred for i in self.by_size[size])]
        if not sizes:
            raise ValueError(
                f"all {len(self.clips)} clips that this stage learns were taken down: curate other footage"
            )
        size = rng.choices(sizes, weights=[len(self.by_size[name]) for name in sizes])[0]
        own = [self.clips[index] for index in self.by_size[size]]
        chosen = [own[index] for index in _allowed_batch(self.orders[size], own, step, barred)[1]]
        return Batch(
            clips=tuple(clip.digest for clip in chosen),
            tokens=sum(latent_shape(clip.pixels, Compression()).cells for clip in chosen),  # to an autoencoder
            items=torch.stack([self.reader.frames(clip) for clip in chosen]),
        )
