"""Several processes that train one run together: which of a step's micro-batches each takes, and what they exchange.

torchrun starts them and restarts them when one dies; torch.distributed carries the gradients. Every process draws the
same batches from the step alone, so that the work of N processes is the work of one: nothing else is exchanged, and the
first process writes the one exposure log and the checkpoints. Knows no model and no data.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final, Literal, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous

from langit.device import CPU, Placement
from langit.train.restarts import TORCHRUN

Item = TypeVar("Item")
Sharding = Literal["auto", "none", "full", "nodes"]
SHARDINGS: Final = ("auto", "none", "full", "nodes")
"""Auto: none where a whole copy fits into each device, else full, or nodes where there are several."""
TIMEOUT: Final = timedelta(
    hours=12
)  # the first process decodes and encodes while the others wait; a death is noticed at once


@dataclass(frozen=True)
class Ranks:
    """This process's number among ``count``. One process alone is (0, 1) and exchanges nothing.

    context: neighbours that compute every micro-batch together, each a part of its tokens (`train.context`).
    sharding: how weights are cut over the processes (`train.sharding`).
    """

    rank: int = 0
    count: int = 1
    context: int = 1
    sharding: Sharding = "none"

    def __post_init__(self) -> None:
        if self.sharding not in SHARDINGS:
            raise ValueError(f"--sharding {self.sharding!r} is unknown: use {', '.join(SHARDINGS)}")
        if self.context < 1 or self.count % self.context:
            raise ValueError(
                f"--context {self.context}: {self.count} processes cannot be divided into groups of so many"
            )

    @property
    def groups(self) -> int:
        """How many micro-batches are computed at the same time."""
        return self.count // self.context

    @property
    def first(self) -> bool:
        """Whether this process writes: logs, checkpoints, previews."""
        return self.rank == 0

    def check_lanes(self, lanes: int) -> None:
        """Check that a step's micro-batches can be shared out.

        Raises:
            ValueError: some process would have nothing to do.
        """
        if lanes % self.groups:
            who = (
                f"{self.count} processes" if self.context == 1 else f"{self.groups} groups of {self.context} processes"
            )
            raise ValueError(
                f"{lanes} micro-batches of a step (training.lanes) cannot be shared out over {who}:"
                f" start a divisor of them, or set training.lanes to a multiple of {self.groups}"
            )

    def own(self, lanes: int) -> range:
        """The micro-batches of this process: every ``groups``-th, from the number of its own group on."""
        return range(self.rank // self.context, lanes, self.groups)

    def average_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Replace every gradient, a mean over this process's micro-batches, by the mean over all of the step's."""
        if self.count == 1:
            return
        for parameter in parameters:
            if parameter.grad is None:  # it took no part here, and perhaps did elsewhere
                parameter.grad = torch.zeros_like(parameter)
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])  # one exchange in place of hundreds
        dist.all_reduce(flat)
        flat /= self.count
        for gradient, part in zip(gradients, flat.split([gradient.numel() for gradient in gradients]), strict=True):
            gradient.copy_(part.view_as(gradient))

    def merge(self, mine: Sequence[Item]) -> tuple[Item, ...]:
        """What all processes have for their micro-batches, in the order of the micro-batches."""
        if self.count == 1:
            return tuple(mine)
        found: list[Sequence[Item]] = [mine] * self.count
        dist.all_gather_object(found, list(mine))
        return tuple(item for row in zip(*found[:: self.context], strict=True) for item in row)

    def check_same(self, what: str, text: str) -> None:
        """Check that all processes have the same code or config.

        Raises:
            ValueError: they differ, or another process failed.
        """
        if self.count == 1:
            return
        found: list[str] = [""] * self.count
        dist.all_gather_object(found, hashlib.sha256(text.encode()).hexdigest())
        if len(set(found)) > 1:
            others = [rank for rank, digest in enumerate(found) if digest != found[0]]
            raise ValueError(
                f"{what} of processes {', '.join(map(str, others))} is not that of process 0: start the same code with"
                " the same settings everywhere"
            )

    def total(self, value: Tensor) -> Tensor:
        """The sum of what all processes have for a value."""
        if self.count > 1:
            value = value.contiguous()
            dist.all_reduce(value)
        return value

    def broadcast(self, tensors: Iterable[Tensor]) -> None:
        """Make tensors what they are in the first process."""
        if self.count > 1:
            for tensor in tensors:
                dist.broadcast(tensor, 0)

    def first_says(self, value: Item) -> Item:
        """What the first process has for a value."""
        if self.count == 1:
            return value
        told = [value]
        dist.broadcast_object_list(told, 0)
        return told[0]

    @contextmanager
    def own_folder(self, folder: Path) -> Iterator[Path]:
        """The folder to write to: for processes other than the first one that is thrown away."""
        if self.first:
            yield folder
            return
        with tempfile.TemporaryDirectory() as spare:
            yield Path(spare)

    @contextmanager
    def first_goes_first(self) -> Iterator[None]:
        """Let the first process do what is inside alone, then the others: they find what it has left on disk."""
        if not self.first:
            self.wait()
        yield
        if self.first:
            self.wait()

    def wait(self) -> None:
        """Return when every process is here."""
        if self.count > 1:
            dist.barrier()


ALONE: Final = Ranks()
LOST: Final = 3  # the exit status of a process whose peers ended before it
PATIENCE: Final = 10.0  # seconds that others wait with an error, which the first process has most likely said by then


def own_device(placement: Placement) -> Placement:
    """The placement of this process: of several on one machine, each has a GPU of its own.

    Raises:
        ValueError: there are more processes than GPUs.
    """
    local = os.environ.get("LOCAL_RANK")
    if placement.device.type != "cuda" or local is None:
        return placement
    if int(local) >= torch.cuda.device_count():
        raise ValueError(
            f"process {local} of this machine has no GPU, of which there are {torch.cuda.device_count()}: start at most"
            " one process for each"
        )
    return Placement(torch.device("cuda", int(local)), placement.dtype)


@contextmanager
def joined_ranks(placement: Placement = CPU, context: int = 1, sharding: str = "none") -> Iterator[Ranks]:
    """Join the processes that torchrun started with this one; alone where it did not.

    Raises:
        ValueError: the processes cannot be divided into groups of ``context``.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    ranks = Ranks(int(os.environ.get("RANK", "0")), count, context, sharding)  # type: ignore[arg-type]  # checked there
    if count < 2:
        yield ranks
        return
    store, rank, count = next(rendezvous("env://", timeout=TIMEOUT))
    # torchrun keeps its store over restarts: without a name of its own each start would find the addresses of the dead.
    own = PrefixStore(f"start-{os.environ.get(TORCHRUN, '0')}", store)
    # Objects and checkpoints are exchanged on the CPU, whatever the weights are on.
    backend = "cpu:gloo,cuda:nccl" if placement.device.type == "cuda" else "gloo"
    if placement.device.type == "cuda":
        torch.cuda.set_device(placement.device)
    dist.init_process_group(backend, store=own, rank=rank, world_size=count, timeout=TIMEOUT)
    try:
        yield ranks
    except (ValueError, OSError):
        if rank:
            time.sleep(PATIENCE)
        raise
    except RuntimeError as error:
        if not is_lost_peer(error):
            raise
        raise SystemExit(LOST) from None
    # Not after an error: the others may wait for this process, and would never see it end.
    dist.destroy_process_group()


def is_lost_peer(error: RuntimeError) -> bool:
    """Whether an exchange failed because another process ended, which says itself why."""
    return isinstance(error, dist.DistError) or "gloo" in str(error)
