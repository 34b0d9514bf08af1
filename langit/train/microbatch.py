"""Micro-batches of a step, one thread each on a CPU, with gradients of their own that are averaged at the end.

The threads within one operation wait for each other hundreds of times a step, which on a busy machine costs more than
it gives; micro-batches meet once a step. This is data parallelism within one process: micro-batch m of M takes batch
``step * M + m``. On other devices micro-batches run one after another. Knows tasks and batches, no model.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from typing import Generic, Protocol, Self, TypeVar

import torch
from torch import Tensor, nn

from langit.device import CPU, Placement
from langit.feed.batch import Batch, Items

Module = TypeVar("Module", bound=nn.Module)
Item = TypeVar("Item")
Result = TypeVar("Result")


class Replicable(Protocol[Items]):
    """A task that can be done several times over at once."""

    def modules(self) -> dict[str, nn.Module]: ...

    def loss(self, batch: Batch[Items], step: int, generator: torch.Generator) -> Tensor: ...

    def replica(self) -> Self:
        """The same task with the same weights, and gradients of its own."""


def sharing_weights(module: Module) -> Module:
    """A copy of a module whose parameters lie in the same memory and whose gradients do not."""
    replica = copy.deepcopy(module)
    for mine, theirs in zip(replica.parameters(), module.parameters(), strict=True):
        mine.data = theirs.data
    return replica


class MicroBatches(Generic[Items]):
    """A task on ``count`` micro-batches. A single one uses every thread that torch has; several use one each."""

    def __init__(
        self, task: Replicable[Items], count: int, placement: Placement = CPU, threaded: bool | None = None
    ) -> None:
        if threaded is None:
            threaded = placement.device.type == "cpu"
        threaded = threaded and count > 1
        # Without threads the gradients can simply add up in the one task.
        self.tasks = [task, *(task.replica() for _ in range(count - 1 if threaded else 0))]
        self.count, self.placement = count, placement
        self._pool = ThreadPoolExecutor(count, initializer=torch.set_num_threads, initargs=(1,)) if threaded else None

    def gradients(
        self, batches: Sequence[Batch[Items]], step: int, generators: Sequence[torch.Generator]
    ) -> tuple[float, ...]:
        """Leave the mean gradient of the batches in the first task's parameters; returns the loss of each batch."""

        def backward(number: int) -> float:
            task = self.tasks[number % len(self.tasks)]
            with self.autocast():  # in here because autocast is a state of the thread
                loss = task.loss(batches[number].to(self.placement.device), step, generators[number])
            loss.backward()
            return float(loss.detach())

        losses = self.each(backward, range(self.count))
        if self.count > 1:
            self._average()
        return tuple(losses)

    def autocast(self) -> AbstractContextManager[None]:
        """Compute in the placement's dtype over weights in single precision; no change where that is the dtype."""
        if self.placement.dtype == torch.float32:
            return nullcontext()
        return torch.autocast(self.placement.device.type, dtype=self.placement.dtype)

    def each(self, work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """``work`` on every item, spread over the threads; results in order."""
        return list(map(work, items) if self._pool is None else self._pool.map(work, items))

    def _average(self) -> None:
        rows = [[p for module in task.modules().values() for p in module.parameters()] for task in self.tasks]
        for first, *others in zip(*rows, strict=True):
            for other in others:
                if other.grad is not None:
                    first.grad = other.grad if first.grad is None else first.grad.add_(other.grad)
                    other.grad = None
            if first.grad is not None:
                first.grad.div_(self.count)
