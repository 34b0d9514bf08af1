"""A feed whose clips become more while it is read, because films arrive while a stage trains.

Batches follow from the clips that were there and the steps since they last became more. What each step saw is in the
exposure log; a run that is resumed sees all that has arrived, and so other batches than one that was never stopped.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from langit.feed.batch import Batch, Items

Clip = TypeVar("Clip")


class StepFeed(Protocol[Items]):
    """A batch for every step, and an end to what is made ahead."""

    def batch(self, step: int) -> Batch[Items]: ...

    def close(self) -> None: ...


class GrowingFeed(Generic[Clip, Items]):
    """Batches of the clips that are there.

    Args:
        clips: those that are there at the beginning.
        make: a feed of clips whose step 0 is the given step of the stage.
        more: clips that arrived since it was last called; None when there will be no further ones.
        seconds: between two calls of it, at least.
    """

    def __init__(
        self,
        clips: list[Clip],
        make: Callable[[list[Clip], int], StepFeed[Items]],
        more: Callable[[], list[Clip] | None],
        seconds: float = 20.0,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.clips, self.make, self.more, self.seconds, self.now = list(clips), make, more, seconds, now
        self.first, self.asked = 0, now()
        self.feed: StepFeed[Items] | None = None
        self.whole = False  # nothing more will arrive

    def batch(self, step: int) -> Batch[Items]:
        """The batch of a step. Steps are asked for in order; the first may be asked for again."""
        if not self.whole and self.now() - self.asked >= self.seconds:
            self._grow(step)
        if self.feed is None or step < self.first:
            self._begin(step)
        assert self.feed is not None
        return self.feed.batch(step - self.first)

    def _grow(self, step: int) -> None:
        new = self.more()
        self.asked, self.whole = self.now(), new is None
        if new:
            self.clips += new
            self._begin(step)

    def _begin(self, step: int) -> None:
        self.close()
        self.feed, self.first = self.make(self.clips, step), step

    def close(self) -> None:
        """End what is made ahead."""
        if self.feed is not None:
            self.feed.close()
