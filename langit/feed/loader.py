"""The order of training: which clips make up which batch, as a pure function of the step.

Every epoch is a permutation of the clips, drawn from (seed, epoch), cut into windows that are packed by token count.
Nothing is padded and nothing is dropped. Because a batch follows from its step alone, resuming needs no state.
"""

from __future__ import annotations

import bisect
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from langit.feed.batch import Batch
from langit.feed.catalogue import Entry, Films
from langit.feed.latents import LatentClip
from langit.patches import pack_by_tokens
from langit.shapes import Compression, latent_shape

WINDOW = 8  # batches' worth of tokens that are packed together


@dataclass(frozen=True)
class Order:
    """The batches of every epoch, as indices into the clips."""

    lengths: tuple[int, ...]
    budget: int
    seed: int
    _epochs: dict[int, tuple[tuple[int, ...], ...]] = field(default_factory=dict, repr=False)
    _starts: list[int] = field(default_factory=lambda: [0], repr=False)

    def __post_init__(self) -> None:
        if not self.lengths:
            raise ValueError("no clip may be trained on: add films to the ledger, or look at why they are refused")

    def batch(self, step: int) -> tuple[int, ...]:
        """The clips of a step."""
        while step >= self._starts[-1]:
            self._starts.append(self._starts[-1] + len(self._epoch(len(self._starts) - 1)))
        epoch = bisect.bisect_right(self._starts, step) - 1
        return self._epoch(epoch)[step - self._starts[epoch]]

    def _epoch(self, epoch: int) -> tuple[tuple[int, ...], ...]:
        """The batches of an epoch; the newest few are remembered."""
        if epoch not in self._epochs:
            self._epochs[epoch] = self._cut(epoch)
            for old in list(self._epochs)[:-2]:
                del self._epochs[old]
        return self._epochs[epoch]

    def _cut(self, epoch: int) -> tuple[tuple[int, ...], ...]:
        shuffle = random.Random(f"order:{self.seed}:{epoch}")
        order = list(range(len(self.lengths)))
        shuffle.shuffle(order)
        batches: list[tuple[int, ...]] = []
        window: list[int] = []
        tokens = 0
        for index in order:
            window.append(index)
            tokens += self.lengths[index]
            if tokens >= WINDOW * self.budget:
                bins = [tuple(window[i] for i in bin_) for bin_ in pack_by_tokens(self._of(window), self.budget)]
                bins.sort(key=lambda bin_: sum(self._of(bin_)))
                batches += bins[1:]
                window = list(bins[0])  # the emptiest is packed again with what follows
                tokens = sum(self._of(window))
        batches += [tuple(window[i] for i in bin_) for bin_ in pack_by_tokens(self._of(window), self.budget)]
        shuffle.shuffle(batches)
        return tuple(batches)

    def _of(self, indices: Sequence[int]) -> list[int]:
        return [self.lengths[index] for index in indices]


@dataclass(frozen=True)
class LatentItems:
    """What the flow task learns from: one entry for each clip of the batch."""

    latents: list[Float[Tensor, "C F h w"]]
    captions: list[str]
    shares: list[Float[Tensor, " n"]]  # of each token's pixels that show a thing


class LatentFeed:
    """Packs of latent clips with a caption each."""

    def __init__(self, clips: Sequence[LatentClip], token_budget: int, seed: int) -> None:
        self.clips = clips
        self.seed = seed
        self.order = Order(tuple(clip.tokens for clip in clips), token_budget, seed)

    def batch(self, step: int) -> Batch:
        chosen = [self.clips[index] for index in self.order.batch(step)]
        pick = random.Random(f"captions:{self.seed}:{step}")
        captions = [clip.captions[int(pick.random() * len(clip.captions))] for clip in chosen]
        lengths = tuple(clip.tokens for clip in chosen)
        return Batch(
            clips=tuple(clip.digest for clip in chosen),
            tokens=sum(lengths),
            kind=lengths,
            items=LatentItems([clip.latents.float() for clip in chosen], captions, [clip.share for clip in chosen]),
        )


class FilmFeed:
    """Batches of whole films of one size, as uint8 frames (B, T, H, W, 3), for tasks that learn from pixels."""

    def __init__(self, entries: Sequence[Entry], films: Films, batch: int, seed: int) -> None:
        self.entries, self.films, self.count = entries, films, batch
        self.groups: dict[str, list[int]] = {}
        for index, entry in enumerate(entries):
            self.groups.setdefault(str(entry.pixels), []).append(index)
        self.orders = {
            size: Order((1,) * len(indices), min(batch, len(indices)), seed) for size, indices in self.groups.items()
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
