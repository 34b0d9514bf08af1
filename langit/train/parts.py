"""One micro-batch for all processes: each takes some of its items, and together they do what one process would.

For tasks whose steps have a single micro-batch, such as the autoencoder's, which would else leave all processes but the
first without work. To the trainer the parts are micro-batches. Knows tensors of items and processes, no model.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from langit.feed.batch import Batch
from langit.train.optim import ParameterKind
from langit.train.ranks import Ranks
from langit.train.trainer import Feed, TrainConfig


@dataclass(frozen=True)
class BatchPart:
    """``count`` items of a batch of ``total``, from ``first`` on; ``ranks`` have the others, None where there are none.

    number: of the whole batch.
    """

    first: int
    count: int
    total: int
    number: int
    ranks: Ranks | None = None

    def cut(self, values: Tensor) -> Tensor:
        """This part's rows of what was made for the whole batch."""
        return values[self.first : self.first + self.count]

    def std(self, values: Tensor) -> Tensor:
        """The standard deviation over all values of the whole batch, of which these are the part's; none are fine."""
        if self.ranks is None:
            return values.std()
        wide = values.double()
        sums = self.ranks.total(torch.stack([wide.sum(), torch.tensor(values.numel(), dtype=wide.dtype).to(wide)]))
        squares = self.ranks.total((wide - sums[0] / sums[1]).square().sum())
        return (squares / (sums[1] - 1)).sqrt().to(values.dtype)


class PartialTask(Protocol):
    """A task whose loss is a mean over the items of a batch, and can be taken over a part of them."""

    def modules(self) -> dict[str, nn.Module]: ...

    def parameter_kind(self, name: str, parameter: nn.Parameter) -> ParameterKind: ...

    def part_loss(self, items: Tensor, part: BatchPart, generator: torch.Generator) -> Tensor:
        """The mean over the part's items; ``generator`` draws for the whole batch. Zero where it has none."""

    def save_preview(self, ema: dict[str, Tensor], step: int, folder: Path) -> None: ...


@dataclass(frozen=True)
class PartItems:
    """A part's items and where they lie in the batch."""

    items: Tensor
    part: BatchPart

    def to(self, device: torch.device) -> PartItems:
        """The same on a device."""
        return replace(self, items=self.items.to(device))


class PartFeed:
    """The batches of a feed in as many parts as there are processes: number n is part n % count of batch n // count."""

    def __init__(self, feed: Feed[Tensor], ranks: Ranks) -> None:
        self.feed, self.ranks = feed, ranks

    def batch(self, step: int) -> Batch[PartItems]:
        number, rank = divmod(step, self.ranks.count)
        whole = self.feed.batch(number)
        total = len(whole.clips)
        first, end = (-(-total * place // self.ranks.count) for place in (rank, rank + 1))  # the first has any odd one
        part = BatchPart(first, end - first, total, number, self.ranks)
        # Items of a batch are of one size, so tokens divide as they do.
        tokens = whole.tokens * (end - first) // total
        return Batch(whole.clips[first:end], tokens, PartItems(whole.items[first:end], part))


class PartTask:
    """A task on parts. Its losses are weighted so that their mean over the processes is that of the whole batch."""

    def __init__(self, task: PartialTask, ranks: Ranks, seed: int) -> None:
        self.task, self.ranks, self.seed = task, ranks, seed

    def modules(self) -> dict[str, nn.Module]:
        return self.task.modules()

    def parameter_kind(self, name: str, parameter: nn.Parameter) -> ParameterKind:
        return self.task.parameter_kind(name, parameter)

    def replica(self) -> PartTask:
        raise AssertionError("a process has one part")

    def loss(self, batch: Batch[PartItems], step: int, generator: torch.Generator) -> Tensor:  # noqa: ARG002
        part = batch.items.part
        # As the trainer seeds the generator of a step's only micro-batch: every process draws for the whole batch.
        whole = torch.Generator().manual_seed(self.seed * 1_000_003 + part.number)
        return self.task.part_loss(batch.items.items, part, whole) * (self.ranks.count * part.count / part.total)

    def save_preview(self, ema: dict[str, Tensor], step: int, folder: Path) -> None:
        self.task.save_preview(ema, step, folder)


def in_parts(
    task: Any, feed: Feed[Tensor], config: TrainConfig, ranks: Ranks
) -> tuple[Any, Feed[Any], TrainConfig, Ranks]:
    """What a trainer is given where all processes take part in a step's only micro-batch; else all as it is.

    A step of several micro-batches that cannot be shared out stays with the first process.
    """
    if ranks.count == 1 or config.lanes > 1:
        return task, feed, config, ranks
    ranks = replace(ranks, context=1)
    return PartTask(task, ranks, config.seed), PartFeed(feed, ranks), replace(config, lanes=ranks.count), ranks
