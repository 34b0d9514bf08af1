"""Figures of a worker, kept as plain numbers that travel through the database to whichever server is asked."""

from __future__ import annotations

import threading
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Any, Final

BOUNDS: Final = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
"""Upper bounds of the buckets, in seconds."""


@dataclass
class WorkerFigures:
    """Histograms of durations by stage (step, sampling, release, job), counted since the worker started."""

    _counts: dict[str, list[int]] = field(default_factory=dict)
    _sums: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def observe(self, stage: str, seconds: float) -> None:
        """Count a duration."""
        with self._lock:
            counts = self._counts.setdefault(stage, [0] * (len(BOUNDS) + 1))
            counts[bisect_left(BOUNDS, seconds)] += 1
            self._sums[stage] = self._sums.get(stage, 0.0) + seconds

    def as_dict(self) -> dict[str, Any]:
        """The figures as plain values for JSON."""
        with self._lock:
            return {
                stage: {"counts": list(counts), "sum": round(self._sums[stage], 6)}
                for stage, counts in self._counts.items()
            }
