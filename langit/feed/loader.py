"""The order of training: which clips make up which batch, as a pure function of the step.

Every epoch is a permutation of the clips, drawn from (seed, epoch), cut into stretches that are packed by token count.
Nothing is padded and nothing is dropped. Because a batch follows from its step alone, resuming needs no state.
"""

from __future__ import annotations

import bisect
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from langit.feed.batch import Batch
from langit.feed.catalogue import Entry, Films
from langit.feed.latents import LatentClip
from langit.feed.windows import Window, WindowConfig, draw_window
from langit.patches import pack_by_tokens
from langit.shapes import Compression, latent_shape

WHOLE = WindowConfig()
STRETCH = 8  # batches' worth of tokens that are packed together


@dataclass(frozen=True)
class Order:
    """The batches of every epoch, as indices into the clips. ``lengths`` gives their tokens in an epoch."""

    lengths: Callable[[int], Sequence[int]]
    budget: int
    seed: int
    _epochs: dict[int, tuple[tuple[int, ...], ...]] = field(default_factory=dict, repr=False)
    _starts: list[int] = field(default_factory=lambda: [0], repr=False)

    def __post_init__(self) -> None:
        if not self.lengths(0):
            raise ValueError("no clip may be trained on: add films to the ledger, or look at why they are refused")

    def epoch(self, step: int) -> int:
        """The epoch that a step belongs to."""
        while step >= self._starts[-1]:
            self._starts.append(self._starts[-1] + len(self._epoch(len(self._starts) - 1)))
        return bisect.bisect_right(self._starts, step) - 1

    def batch(self, step: int) -> tuple[int, ...]:
        """The clips of a step."""
        epoch = self.epoch(step)
        return self._epoch(epoch)[step - self._starts[epoch]]

    def _epoch(self, epoch: int) -> tuple[tuple[int, ...], ...]:
        """The batches of an epoch; the newest few are remembered."""
        if epoch not in self._epochs:
            self._epochs[epoch] = self._cut(epoch)
            for old in list(self._epochs)[:-2]:
                del self._epochs[old]
        return self._epochs[epoch]

    def _cut(self, epoch: int) -> tuple[tuple[int, ...], ...]:
        lengths = self.lengths(epoch)
        shuffle = random.Random(f"order:{self.seed}:{epoch}")
        order = list(range(len(lengths)))
        shuffle.shuffle(order)
        batches: list[tuple[int, ...]] = []
        stretch: list[int] = []
        tokens = 0

        def packed() -> list[tuple[int, ...]]:
            bins = pack_by_tokens([lengths[index] for index in stretch], self.budget)
            return [tuple(stretch[i] for i in bin_) for bin_ in bins]

        for index in order:
            stretch.append(index)
            tokens += lengths[index]
            if tokens >= STRETCH * self.budget:
                bins = sorted(packed(), key=lambda bin_: sum(lengths[index] for index in bin_))
                batches += bins[1:]
                stretch = list(bins[0])  # the emptiest is packed again with what follows
                tokens = sum(lengths[index] for index in stretch)
        batches += packed()
        shuffle.shuffle(batches)
        return tuple(batches)


def always(lengths: Sequence[int]) -> Callable[[int], Sequence[int]]:
    """The same lengths in every epoch."""
    return lambda _epoch: lengths


@dataclass(frozen=True)
class LatentItems:
    """What the flow task learns from: one entry for each clip of the batch."""

    latents: list[Float[Tensor, "C F h w"]]
    captions: list[str]
    shares: list[Float[Tensor, " n"]]  # of each token's pixels that show a thing
    begun: list[bool]  # whether it begins later than its clip, in the middle of what the caption tells


class LatentFeed:
    """Packs of windows of latent clips, with a caption each."""

    def __init__(
        self, clips: Sequence[LatentClip], token_budget: int, seed: int, windows: WindowConfig = WHOLE
    ) -> None:
        self.clips, self.seed, self.windows = clips, seed, windows
        self.order = Order(self._lengths, token_budget, seed)

    def window(self, epoch: int, index: int) -> Window:
        """The part of a clip that an epoch learns from."""
        views = tuple(view.frames for view in self.clips[index].views)
        return draw_window(views, self.windows, random.Random(f"window:{self.seed}:{epoch}:{index}"))

    def _lengths(self, epoch: int) -> tuple[int, ...]:
        windows = (self.window(epoch, index) for index in range(len(self.clips)))
        return tuple(
            window.frames * clip.views[window.view].share[0].numel()
            for window, clip in zip(windows, self.clips, strict=True)
        )

    def batch(self, step: int) -> Batch:
        epoch, indices = self.order.epoch(step), self.order.batch(step)
        chosen = [self.clips[index] for index in indices]
        windows = [self.window(epoch, index) for index in indices]
        views = [clip.views[window.view] for clip, window in zip(chosen, windows, strict=True)]
        pick = random.Random(f"captions:{self.seed}:{step}")
        shares = [view.share[: window.frames].flatten() for view, window in zip(views, windows, strict=True)]
        lengths = tuple(share.shape[0] for share in shares)
        return Batch(
            clips=tuple(clip.digest for clip in chosen),
            tokens=sum(lengths),
            kind=lengths,
            items=LatentItems(
                latents=[view.latents[:, : w.frames].float() for view, w in zip(views, windows, strict=True)],
                captions=[clip.captions[int(pick.random() * len(clip.captions))] for clip in chosen],
                shares=shares,
                begun=[window.view > 0 for window in windows],
            ),
        )


class FilmFeed:
    """Batches of whole films of one size, as uint8 frames (B, T, H, W, 3), for tasks that learn from pixels."""

    def __init__(self, entries: Sequence[Entry], films: Films, batch: int, seed: int) -> None:
        self.entries, self.films, self.count = entries, films, batch
        self.groups: dict[str, list[int]] = {}
        for index, entry in enumerate(entries):
            self.groups.setdefault(str(entry.pixels), []).append(index)
        self.orders = {
            size: Order(always((1,) * len(indices)), min(batch, len(indices)), seed)
            for size, indices in self.groups.items()
        }
        self.seed = seed

    def batch(self, step: int) -> Batch:
        pick = random.Random(f"size:{self.seed}:{step}")
        sizes = list(self.groups)
        size = pick.choices(sizes, weights=[len(self.groups[name]) for name in sizes])[0]
        chosen = [self.entries[self.groups[size][index]] for index in self.orders[size].batch(step)]
        frames = torch.stack([self.films.frames(entry) for entry in chosen])
        return Batch(
            clips=tuple(entry.clip for entry in chosen),
            tokens=sum(latent_shape(entry.pixels, Compression()).cells for entry in chosen),  # to an autoencoder
            kind=tuple(frames.shape),
            items=frames,
        )
