"""Weights cut over the processes of a run: FSDP2 over a model's layers, or HSDP, a whole copy for every node.

Each process keeps some rows of every weight with their gradients, optimiser's states and average; a layer's rows are
gathered while it computes (`torch.distributed.fsdp.fully_shard`, arXiv 2304.11277). Knows no task and no optimiser.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor

from langit.device import Placement
from langit.train.ranks import Sharding
from langit.transformer.parallel import FULL, HALF

FITS: Final = 0.6  # the share of a device's memory that weights with their states may take where they are not cut
Module = TypeVar("Module", bound=nn.Module)


def choose_sharding(wanted: Sharding, state_bytes: int, memory: int) -> Sharding:
    """What "auto" means for weights with gradients, states and average of so many bytes on devices of such memory.

    Raises:
        ValueError: copies by node where the processes are all on one.
    """
    if wanted == "nodes" and count_nodes() == 1:
        raise ValueError("--sharding nodes keeps a copy of the weights on each node, and there is one: use full")
    if wanted != "auto":
        return wanted
    if state_bytes <= FITS * memory:
        return "none"
    return "full" if count_nodes() == 1 else "nodes"


def count_nodes() -> int:
    """How many machines the processes of this run are on, as torchrun says."""
    return int(os.environ.get("WORLD_SIZE", "1")) // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))


def weights_mesh(placement: Placement, copies: int = 1) -> DeviceMesh:
    """The processes as a mesh whose last axis cuts weights.

    Args:
        placement: its device's kind is the mesh's.
        copies: of the weights, one for each node; with several the mesh has two axes.
    """
    count = dist.get_world_size()
    assert count % copies == 0, f"{count} processes hold {copies} copies"
    if copies == 1:
        return init_device_mesh(placement.device.type, (count,), mesh_dim_names=("shards",))
    return init_device_mesh(placement.device.type, (copies, count // copies), mesh_dim_names=("copies", "shards"))


def sharded_copy(module: Module, mesh: DeviceMesh, placement: Placement) -> Module:
    """A copy of a module whose weights are cut; each layer is a unit, then what is left.

    The original moves to the CPU's memory, where it waits for what is learnt.
    """
    policy = HALF if placement.dtype == torch.bfloat16 else FULL
    cut = copy.deepcopy(module)
    module.to("cpu")
    for layer in getattr(cut, "layers", ()):
        fully_shard(layer, mesh=mesh, mp_policy=policy, reshard_after_forward=True)
    # By default the outermost unit stays whole after its forward pass. A preview with averaged weights would then leave
    # these behind for the next step.
    fully_shard(cut, mesh=mesh, mp_policy=policy, reshard_after_forward=True)
    return cut


def is_sharded(tensors: Iterable[Tensor]) -> bool:
    """Whether any of them is cut over processes."""
    return any(isinstance(tensor, DTensor) for tensor in tensors)


def gather(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Whole tensors on the CPU, one after another; all processes take part."""
    return {
        name: (value.full_tensor() if isinstance(value, DTensor) else value).detach().cpu()
        for name, value in tensors.items()
    }
