"""Parts of a step side by side, each on a thread of its own with gradients of its own, which are averaged at the end.

The threads of one operation wait for each other hundreds of times a step, which on a busy machine costs more than it
gives; lanes meet once. It is what data parallelism does across machines, within one process: lane l of L takes batch
``step * L + l``. Knows tasks and batches, no model.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, Self, TypeVar

import torch
from torch import Tensor, nn

from langit.feed.batch import Batch

Module = TypeVar("Module", bound=nn.Module)
Item = TypeVar("Item")
Result = TypeVar("Result")


class Twinned(Protocol):
    """A task that can be done several times over at once."""

    def modules(self) -> dict[str, nn.Module]: ...

    def loss(self, batch: Batch, step: int, generator: torch.Generator) -> Tensor: ...

    def twin(self) -> Self:
        """The same task with the same weights, and gradients of its own."""


def shared(module: Module) -> Module:
    """A copy of a module whose parameters lie in the same memory and whose gradients do not."""
    twin = copy.deepcopy(module)
    for mine, theirs in zip(twin.parameters(), module.parameters(), strict=True):
        mine.data = theirs.data
    return twin


class Lanes:
    """A task on ``count`` threads. One lane uses every thread that torch has; more use one each."""

    def __init__(self, task: Twinned, count: int) -> None:
        self.tasks = [task, *(task.twin() for _ in range(count - 1))]
        self.count = count
        self._pool = ThreadPoolExecutor(count, initializer=torch.set_num_threads, initargs=(1,)) if count > 1 else None

    def gradients(self, batches: Sequence[Batch], step: int, generators: Sequence[torch.Generator]) -> float:
        """Leave the mean gradient of the batches in the first task's parameters; returns the mean loss."""

        def one(lane: int) -> float:
            loss = self.tasks[lane].loss(batches[lane], step, generators[lane])
            loss.backward()
            return float(loss.detach())

        losses = self.each(one, range(self.count))
        if self.count > 1:
            self._average()
        return sum(losses) / self.count

    def each(self, work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """``work`` on every item, spread over the lanes, results in order."""
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
