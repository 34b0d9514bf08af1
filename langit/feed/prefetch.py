"""Batches made ahead on threads, while the device computes. Knows feeds and steps, not what a batch holds."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, Protocol

from langit.feed.batch import Batch, Items


class _Feed(Protocol[Items]):
    def batch(self, step: int) -> Batch[Items]: ...


class Prefetch(Generic[Items]):
    """The batches of another feed, the next ``ahead`` of which are being made on as many threads.

    As many ``threads`` as batches, where it is left out.
    Steps are asked for in order; any other is made at once. A feed that is read from
    several threads must be a function of the step; ``prepare`` is called on the thread as well (pinning memory).
    A batch that was made when ``version`` was another is made again: so a clip that is taken down meanwhile is not in
    the next batch, though that was ready.
    """

    def __init__(
        self,
        feed: _Feed[Items],
        ahead: int = 3,
        threads: int | None = None,
        prepare: Callable[[Batch[Items]], Batch[Items]] | None = None,
        version: Callable[[], object] = lambda: None,
    ) -> None:
        self.feed, self.ahead, self.prepare, self.version = feed, ahead, prepare, version
        self._pool = ThreadPoolExecutor(threads or ahead, thread_name_prefix="batches")
        self._waiting: dict[int, Future[tuple[object, Batch[Items]]]] = {}

    def batch(self, step: int) -> Batch[Items]:
        """The batch of a step; errors of making it are raised here."""
        for late in [number for number in self._waiting if number < step]:
            self._waiting.pop(late).cancel()
        made = self._waiting.pop(step, None) or self._pool.submit(self._make, step)
        for number in range(step + 1, step + 1 + self.ahead):
            if number not in self._waiting:
                self._waiting[number] = self._pool.submit(self._make, number)
        version, batch = made.result()
        return batch if version == self.version() else self._make(step)[1]

    def close(self) -> None:
        """Make no further batches."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _make(self, step: int) -> tuple[object, Batch[Items]]:
        version = self.version()  # before the batch: what changes meanwhile makes it an old one
        batch = self.feed.batch(step)
        return version, batch if self.prepare is None else self.prepare(batch)
