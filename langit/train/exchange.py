"""How the processes of a run share out work on whole matrices: each does some, and each gets what it needs of all.

Weights are either whole in every process, or cut into rows over the processes (FSDP2's `DTensor`). Knows matrices by
shape, and no optimiser.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, cast

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.tensor import DTensor, Shard

Work = Callable[[Sequence[Tensor]], list[Tensor]]


class Exchange(Protocol):
    """Does work on whole matrices together with other processes."""

    def share_out(self, matrices: Sequence[Tensor], parts: Sequence[Tensor], work: Work) -> list[Tensor]:
        """Do ``work`` on all matrices.

        Args:
            matrices: with their whole shapes.
            parts: what this process has of each.
            work: called with the whole matrices of this process.

        Returns:
            This process's parts of the results.
        """


def own_part(tensor: Tensor) -> Tensor:
    """What this process holds of a tensor, in the same memory."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def find_owners(shapes: Sequence[torch.Size], count: int) -> list[int]:
    """Which of ``count`` processes works on which matrix: the costliest first, each to the one with least to do.

    The cost is that of products of the shorter side with the longer: short^2 x long.
    """
    costs = [min(shape) ** 2 * max(shape) for shape in shapes]
    load, owners = [0] * count, [0] * len(shapes)
    for index in sorted(range(len(shapes)), key=lambda index: (-costs[index], index)):
        owner = min(range(count), key=lambda number: (load[number], number))
        owners[index] = owner
        load[owner] += costs[index]
    return owners


class WholeMatrices:
    """Every process has every matrix: each works on its own, then all gather the results in one exchange."""

    def __init__(self, rank: int, count: int) -> None:
        self.rank, self.count = rank, count

    def share_out(self, matrices: Sequence[Tensor], parts: Sequence[Tensor], work: Work) -> list[Tensor]:
        owners = find_owners([matrix.shape for matrix in matrices], self.count)
        sizes = [0] * self.count
        for owner, part in zip(owners, parts, strict=True):
            sizes[owner] += part.numel()
        own = work([part for owner, part in zip(owners, parts, strict=True) if owner == self.rank])
        dtype = own[0].dtype if own else parts[0].dtype
        mine = torch.cat([*(tensor.reshape(-1) for tensor in own), parts[0].new_zeros(0, dtype=dtype)])
        # gloo gathers tensors of one size only.
        mine = torch.nn.functional.pad(mine, (0, max(sizes) - mine.numel()))
        found = [torch.empty_like(mine) for _ in range(self.count)]
        dist.all_gather(found, mine)
        taken = [0] * self.count
        out = []
        for owner, part in zip(owners, parts, strict=True):
            begin = taken[owner]
            taken[owner] += part.numel()
            out.append(found[owner][begin : taken[owner]].view(part.shape))
        return out


class RowShards:
    """Each process has some rows of every matrix: whole ones go to their owners in one exchange, and back in another.

    Args:
        group: the processes among which rows are cut, FSDP2's way: equal runs of rows, the last ones shorter or empty.
    """

    def __init__(self, group: dist.ProcessGroup) -> None:
        self.group = group
        self.rank, self.count = dist.get_rank(group), dist.get_world_size(group)

    def share_out(self, matrices: Sequence[Tensor], parts: Sequence[Tensor], work: Work) -> list[Tensor]:
        shapes = [matrix.shape for matrix in matrices]
        for matrix in matrices:
            assert isinstance(matrix, DTensor) and matrix.placements[-1] == Shard(0), "rows are cut"
        owners = find_owners(shapes, self.count)
        owned = [[i for i, owner in enumerate(owners) if owner == number] for number in range(self.count)]
        mine = owned[self.rank]
        rows = [[len(range(*self._rows(shape[0], number))) for shape in shapes] for number in range(self.count)]

        def values(number: int, indices: Sequence[int]) -> int:
            return sum(rows[number][index] * shapes[index][1] for index in indices)

        out_sizes = [values(self.rank, owned[number]) for number in range(self.count)]  # my rows, by owner
        in_sizes = [values(number, mine) for number in range(self.count)]  # rows of my matrices, by process
        sent = torch.cat([parts[index].reshape(-1) for indices in owned for index in indices])
        pieces = self._pieces(
            self._exchange(sent, out_sizes, in_sizes), [(n, i) for n in self._all for i in mine], rows, shapes
        )
        whole = [torch.cat([pieces[number, index] for number in self._all]) for index in mine]
        done = work(whole)
        cut = {
            (number, index): direction[slice(*self._rows(shapes[index][0], number))]
            for index, direction in zip(mine, done, strict=True)
            for number in self._all
        }
        dtype = done[0].dtype if done else sent.dtype
        back = torch.cat(
            [
                *(cut[number, index].reshape(-1) for number in self._all for index in mine),
                sent.new_zeros(0, dtype=dtype),
            ]
        )
        order = [(self.rank, index) for indices in owned for index in indices]
        found = self._pieces(self._exchange(back, in_sizes, out_sizes), order, rows, shapes)
        return [found[self.rank, index] for index in range(len(matrices))]

    @property
    def _all(self) -> range:
        return range(self.count)

    def _rows(self, total: int, number: int) -> tuple[int, int]:
        """The first row of a process and the one after its last, as `torch.chunk` cuts them."""
        size = -(-total // self.count)
        return min(number * size, total), min((number + 1) * size, total)

    def _exchange(self, sent: Tensor, send_sizes: list[int], receive_sizes: list[int]) -> Tensor:
        found = sent.new_empty(sum(receive_sizes))
        dist.all_to_all_single(found, sent, receive_sizes, send_sizes, group=self.group)
        return found

    @staticmethod
    def _pieces(
        flat: Tensor, order: Sequence[tuple[int, int]], rows: Sequence[Sequence[int]], shapes: Sequence[torch.Size]
    ) -> dict[tuple[int, int], Tensor]:
        """Flat values as pieces of so many rows, by process and matrix."""
        counts = [rows[number][index] * shapes[index][1] for number, index in order]
        return {
            (number, index): piece.view(-1, shapes[index][1])
            for (number, index), piece in zip(order, flat.split(counts), strict=True)
        }


def shards_group(tensor: Tensor) -> dist.ProcessGroup:
    """The processes over which a tensor's rows are cut: each copy of the weights has its own."""
    mesh = cast(DTensor, tensor).device_mesh
    return mesh.get_group(mesh.ndim - 1)


def matrix_exchange(parameters: Sequence[Tensor], rank: int, count: int) -> Exchange | None:
    """How processes share out whole matrices of these parameters; None for one process alone."""
    if count == 1:
        return None
    cut = next((parameter for parameter in parameters if isinstance(parameter, DTensor)), None)
    return WholeMatrices(rank, count) if cut is None else RowShards(shards_group(cut))
