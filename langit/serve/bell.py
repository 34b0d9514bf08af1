"""A bell for the thread that looks into the queue: whoever enters a job rings, and it need not wait for the next look.

DBOS's queues are polled. A look takes milliseconds of the thread that makes videos, so that looking often costs more
than it brings; a server and its own workers have a pipe between them, and nothing to wait for.
"""

from __future__ import annotations

import math
import threading
import time


class Doorbell(threading.Event):
    """An event that ends a thread when it is set, and whose :meth:`wait` also returns, with False, when it rings."""

    def __init__(self) -> None:
        super().__init__()
        self._changed = threading.Condition()
        self._due = math.inf

    def ring(self, after: float = 0.0) -> None:
        """End the wait that goes on, or the next one, ``after`` so many seconds."""
        with self._changed:
            self._due = min(self._due, time.monotonic() + after)
            self._changed.notify_all()

    def set(self) -> None:
        with self._changed:
            super().set()
            self._changed.notify_all()

    def wait(self, timeout: float | None = None) -> bool:
        until = math.inf if timeout is None else time.monotonic() + timeout
        with self._changed:
            while not self.is_set() and (left := min(until, self._due) - time.monotonic()) > 0:
                self._changed.wait(None if left == math.inf else left)
            if self._due <= time.monotonic():
                self._due = math.inf
            return self.is_set()
