"""Batches in which all windows have one shape, so that every step computes in one of few static shapes.

Every epoch draws a window of every clip, sorts them by shape and cuts each shape into batches of one size. The last
batch of a shape is filled up with windows that the epoch has had already; nothing is padded. Clips of some worlds may
be drawn more often than others. A batch follows from its step alone, as in `feed.loader`.
"""

from __future__ import annotations

import bisect
import itertools
import math
import random
import threading
from collections.abc import Callable, Mapping, Sequence

from langit.feed.batch import Batch
from langit.feed.latents import LatentClip
from langit.feed.loader import LatentItems
from langit.feed.windows import TrainingWindow, WindowConfig, draw_window

MULTIPLE = 8  # batches larger than twice this are multiples of it, as matrix units like their rows
MOST = 384  # videos in a batch: single frames are small, and cost more to draw than to compute
Drawn = tuple[int, TrainingWindow]  # a clip's number, and the window of it


class ShapedFeed:
    """A shape a step: what :class:`langit.feed.loader.LatentFeed` gives, in batches of equal windows.

    ``repeats`` says how often each clip is drawn in an epoch, on average; once where it is left out.
    """

    def __init__(
        self,
        clips: Sequence[LatentClip],
        token_budget: int,
        seed: int,
        windows: WindowConfig,
        taken_down: Callable[[], frozenset[str]] = frozenset,
        repeats: Sequence[float] | None = None,
    ) -> None:
        if not clips:
            raise ValueError("no clip may be trained on: add films to the ledger, or see why they are refused")
        self.clips, self.budget, self.seed, self.windows = clips, token_budget, seed, windows
        self.taken_down, self.repeats = taken_down, repeats
        self._epochs: dict[int, tuple[tuple[Drawn, ...], ...]] = {}
        self._starts = [0]
        self._lock = threading.Lock()  # batches are made on several threads

    def batch(self, step: int) -> Batch[LatentItems]:
        """The windows of a step without those of clips that were taken down.

        Raises:
            ValueError: all clips were taken down.
        """
        with self._lock:
            number, kept = self._kept(step)
        chosen = [self.clips[index] for index, _ in kept]
        views = [clip.views[window.view] for clip, (_, window) in zip(chosen, kept, strict=True)]
        rng = random.Random(f"captions:{self.seed}:{number}")
        items = LatentItems(
            latents=[view.latents[:, : w.frames].float() for view, (_, w) in zip(views, kept, strict=True)],
            captions=[clip.captions[int(rng.random() * len(clip.captions))] for clip in chosen],
            shares=[view.share[: window.frames].flatten() for view, (_, window) in zip(views, kept, strict=True)],
            starts_later=[window.view > 0 for _, window in kept],
        )
        return Batch(clips=tuple(clip.digest for clip in chosen), tokens=sum(items.lengths), items=items)

    def _kept(self, step: int) -> tuple[int, list[Drawn]]:
        """The step's windows that are allowed still; where none is, those of the next step that has some."""
        barred = self.taken_down()
        if barred and all(clip.digest in barred for clip in self.clips):
            raise ValueError(f"all {len(self.clips)} clips that this stage learns were taken down: curate other ones")
        for number in itertools.count(step):
            kept = [drawn for drawn in self._drawn(number) if self.clips[drawn[0]].digest not in barred]
            if kept:
                return number, kept
        raise AssertionError("unreachable")

    def _drawn(self, step: int) -> tuple[Drawn, ...]:
        while step >= self._starts[-1]:
            self._starts.append(self._starts[-1] + len(self._epoch(len(self._starts) - 1)))
        epoch = bisect.bisect_right(self._starts, step) - 1
        return self._epoch(epoch)[step - self._starts[epoch]]

    def _epoch(self, epoch: int) -> tuple[tuple[Drawn, ...], ...]:
        """The batches of an epoch; the newest two are cached."""
        if epoch not in self._epochs:
            self._epochs[epoch] = self._cut(epoch)
            for old in list(self._epochs)[:-2]:
                del self._epochs[old]
        return self._epochs[epoch]

    def _cut(self, epoch: int) -> tuple[tuple[Drawn, ...], ...]:
        rng = random.Random(f"shapes:{self.seed}:{epoch}")
        by_shape: dict[tuple[int, ...], list[Drawn]] = {}
        for index, clip in enumerate(self.clips):
            often = 1.0 if self.repeats is None else self.repeats[index]
            frames = tuple(view.frames for view in clip.views)
            for _ in range(math.floor(often) + (rng.random() < often % 1)):
                window = draw_window(frames, self.windows, rng)
                shape = (window.frames, *clip.views[window.view].share.shape[1:])
                by_shape.setdefault(shape, []).append((index, window))
        batches: list[tuple[Drawn, ...]] = []
        for shape, drawn in by_shape.items():
            rng.shuffle(drawn)
            size = batch_size(self.budget, math.prod(shape), len(drawn))
            drawn += drawn[: -len(drawn) % size]
            batches += [tuple(drawn[at : at + size]) for at in range(0, len(drawn), size)]
        rng.shuffle(batches)
        return tuple(batches)


def batch_size(budget: int, tokens: int, there: int | None = None) -> int:
    """Windows of so many tokens in a batch of a budget of tokens.

    Where an epoch has fewer of them (``there``), a batch is a power of two, so that few sizes occur.
    """
    size = max(1, min(budget // tokens, MOST))
    size -= size % MULTIPLE if size > 2 * MULTIPLE else 0
    return size if there is None or size <= there else 2 ** (there.bit_length() - 1)


def world_repeats(worlds: Sequence[str], shares: Mapping[str, float]) -> list[float]:
    """How often each clip is drawn in an epoch, so that clips of each world have its share of the draws.

    Args:
        worlds: of each clip.
        shares: by world, which sum to one over the worlds that are there; others are drawn as often as they are there.

    Raises:
        ValueError: shares are below 0 or sum to more than 1, or no clip is of a world that has one.
    """
    counts = {world: worlds.count(world) for world in dict.fromkeys(worlds)}
    wrong = [world for world, share in shares.items() if not 0 <= share <= 1 or world not in counts]
    if wrong or sum(shares.values()) > 1 + 1e-9:
        raise ValueError(
            f"shares of worlds {', '.join(f'{world}={share:g}' for world, share in shares.items())}: use shares from 0"
            f" that sum to at most 1, of worlds that are learnt: {', '.join(counts)}"
        )
    rest = len(worlds) - sum(counts[world] for world in shares)
    left = 1 - sum(shares.values())
    if left > 1e-9 and not rest:
        raise ValueError(
            f"shares of worlds sum to {sum(shares.values()):g}, and no other world is learnt: give all of 1"
        )
    by_world = {
        world: shares[world] * len(worlds) / count if world in shares else left * len(worlds) / rest
        for world, count in counts.items()
    }
    return [by_world[world] for world in worlds]
