"""Batches from a table of clips on disk, in constant memory whatever the number of clips.

The clips of an epoch come in blocks of neighbours, which lie in one shard; blocks are permuted by a function of the
seed and the epoch that needs no list. A few blocks together make a stretch, whose clips are shuffled and packed by
token count as in `feed.loader`. A batch follows from its step alone; how many batches the stretches before it have is
found by packing them once, and kept in a file, so that a run that is resumed does not pack them again.
"""

from __future__ import annotations

import array
import bisect
import hashlib
import json
import math
import random
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Container
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from langit.config import dump
from langit.feed.batch import Batch
from langit.feed.clip_table import ClipTable, LatentRows, TableClip
from langit.feed.loader import STRETCH, WHOLE_CLIPS, LatentItems
from langit.feed.windows import TrainingWindow, WindowConfig, draw_window
from langit.files import atomic_write
from langit.patches import pack_by_tokens

BLOCK: Final = 32  # clips, as many as a shard of footage has
BLOCKS: Final = 4  # of a stretch at least, so that clips of several files meet
HEAD: Final = 32  # bytes at the beginning of the file of positions: what it is of
ROUNDS: Final = 4  # of the permutation
Drawn = tuple[TableClip, TrainingWindow]


@dataclass(frozen=True)
class Permutation:
    """The numbers below ``count`` in an order of their own, each found by itself: a Feistel network, cycle-walked."""

    count: int
    key: str

    def __getitem__(self, place: int) -> int:
        """The number at a place."""
        assert 0 <= place < self.count
        half = max(1, ((self.count - 1).bit_length() + 1) // 2)
        while True:  # numbers beyond the count are permuted on until one is below it: four times at most on average
            left, right = place >> half, place & ((1 << half) - 1)
            for number in range(ROUNDS):
                mixed = hashlib.blake2b(f"{self.key}:{number}:{right}".encode(), digest_size=8).digest()
                left, right = right, left ^ (int.from_bytes(mixed, "big") & ((1 << half) - 1))
            place = left << half | right
            if place < self.count:
                return place


class StreamFeed:
    """What `feed.loader.LatentFeed` gives, from a table on disk.

    ``taken_down`` is asked before every batch (`feed.allowed`). ``positions`` is a file that may be lost: it says where
    stretches begin.
    """

    def __init__(
        self,
        table: ClipTable,
        token_budget: int,
        seed: int,
        windows: WindowConfig = WHOLE_CLIPS,
        taken_down: Callable[[], Container[str]] = frozenset,
        positions: Path | None = None,
    ) -> None:
        self.table, self.budget, self.seed, self.windows = table, token_budget, seed, windows
        self.taken_down, self.latents = taken_down, LatentRows()
        self.blocks = -(-table.count // BLOCK)
        # As many clips as fill some batches well, whatever a clip's length is.
        wanted = STRETCH * token_budget / max(1.0, table.tokens / table.count) / BLOCK
        self.blocks_of_stretch = max(BLOCKS, math.ceil(wanted))
        self.stretches = -(-self.blocks // self.blocks_of_stretch)  # of an epoch
        self._packed: OrderedDict[int, tuple[tuple[Drawn, ...], ...]] = OrderedDict()
        self._lock = threading.Lock()
        self._positions = _Positions(positions, self._name())

    def _name(self) -> str:
        facts = [self.table.digest, self.budget, self.seed, dump(self.windows), BLOCK, self.blocks_of_stretch]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()

    def batch(self, step: int) -> Batch[LatentItems]:
        """The batch of a step without clips that were taken down; where none is left, the next step's that has some.

        Raises:
            ValueError: all clips were taken down, or latents are damaged.
        """
        barred = self.taken_down()
        with self._lock:
            number, chosen = self._kept(step, barred)
        views = [self.latents.view(clip, window.view, window.frames) for clip, window in chosen]
        rng = random.Random(f"captions:{self.seed}:{number}")
        items = LatentItems(
            latents=[latents for latents, _ in views],
            captions=[clip.captions[int(rng.random() * len(clip.captions))] for clip, _ in chosen],
            shares=[shares.flatten() for _, shares in views],
            starts_later=[window.view > 0 for _, window in chosen],
        )
        return Batch(clips=tuple(clip.digest for clip, _ in chosen), tokens=sum(items.lengths), items=items)

    def _kept(self, step: int, barred: Container[str]) -> tuple[int, list[Drawn]]:
        first = self._stretch_of(step)
        number = step
        # Two epochs on, every clip has come by once at least.
        while self._stretch_of(number) <= first + 2 * self.stretches:
            kept = [drawn for drawn in self._drawn(number) if drawn[0].digest not in barred]
            if kept:
                return number, kept
            number += 1
        raise ValueError(f"all {self.table.count} clips that this stage learns were taken down: curate other footage")

    def _stretch_of(self, step: int) -> int:
        """The stretch of a step, counted over all epochs."""
        while step >= self._positions.last:
            self._positions.append(len(self._batches(len(self._positions))))
        return self._positions.find(step)

    def _drawn(self, step: int) -> tuple[Drawn, ...]:
        stretch = self._stretch_of(step)
        return self._batches(stretch)[step - self._positions.begin(stretch)]

    def _batches(self, stretch: int) -> tuple[tuple[Drawn, ...], ...]:
        """The batches of a stretch; the last few are kept."""
        if stretch not in self._packed:
            self._packed[stretch] = self._pack(*divmod(stretch, self.stretches))
            if len(self._packed) > 3:
                self._packed.popitem(last=False)
        self._packed.move_to_end(stretch)
        return self._packed[stretch]

    def _pack(self, epoch: int, number: int) -> tuple[tuple[Drawn, ...], ...]:
        order = Permutation(self.blocks, f"blocks:{self.seed}:{epoch}")
        first = number * self.blocks_of_stretch
        drawn: list[Drawn] = []
        for place in range(first, min(first + self.blocks_of_stretch, self.blocks)):
            begin = order[place] * BLOCK
            for at, clip in enumerate(self.table.rows(begin, BLOCK)):
                rng = random.Random(f"window:{self.seed}:{epoch}:{begin + at}")
                drawn.append((clip, draw_window(clip.shard.frames, self.windows, rng)))
        rng = random.Random(f"stretch:{self.seed}:{epoch}:{number}")
        rng.shuffle(drawn)
        bins = pack_by_tokens([clip.shard.tokens(window.frames) for clip, window in drawn], self.budget)
        batches = [tuple(drawn[at] for at in bin_) for bin_ in bins]
        rng.shuffle(batches)  # or the emptiest would always come last
        return tuple(batches)


class _Positions:
    """At which step each stretch ends, 8 bytes each, in memory and in a file.

    Several processes may have one file: each entry has a place of its own, and all write the same there.
    """

    def __init__(self, path: Path | None, name: str) -> None:
        self.path, self._ends = path, array.array("Q")
        if path is None:
            return
        head = bytes.fromhex(name)
        data = path.read_bytes() if path.exists() else b""
        if data[:HEAD] == head:
            self._ends.frombytes(data[HEAD : len(data) - (len(data) - HEAD) % 8])
            # An entry that was not written is zero, and those after it are found again.
            whole = (n for n, (a, b) in enumerate(zip([0, *self._ends], self._ends, strict=False)) if b <= a)
            del self._ends[next(whole, len(self._ends)) :]
        else:  # of other clips or settings
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(path) as unfinished:
                unfinished.write_bytes(head)

    def __len__(self) -> int:
        return len(self._ends)

    @property
    def last(self) -> int:
        """The first step that is not known of yet."""
        return self._ends[-1] if self._ends else 0

    def append(self, batches: int) -> None:
        """One more stretch, of so many batches."""
        self._ends.append(self.last + batches)
        if self.path is not None:
            with self.path.open("r+b") as file:
                file.seek(HEAD + 8 * (len(self._ends) - 1))
                file.write(self._ends[-1].to_bytes(8, sys.byteorder))

    def find(self, step: int) -> int:
        """The stretch of a step."""
        return bisect.bisect_right(self._ends, step)

    def begin(self, stretch: int) -> int:
        """The first step of a stretch."""
        return self._ends[stretch - 1] if stretch else 0
