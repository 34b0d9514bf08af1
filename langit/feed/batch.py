"""One batch of training: which clips it holds, how many tokens, and the items that a task learns from.

The trainer knows this much of the data and no more. What the items are is agreed between a feed and its task.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Generic, Protocol, Self, TypeVar

import torch


class BatchItems(Protocol):
    """Tensors of a batch that can be moved to a device; a plain tensor is one."""

    def to(self, device: torch.device) -> Self: ...


Items = TypeVar("Items", bound=BatchItems)


@dataclass(frozen=True)
class Batch(Generic[Items]):
    """``clips`` are ledger digests, for the exposure log; ``tokens`` is what throughput is counted in."""

    clips: tuple[str, ...]
    tokens: int
    items: Items

    def to(self, device: torch.device) -> Batch[Items]:
        """The same batch with its items on a device."""
        return replace(self, items=self.items.to(device))
