"""Shard a transformer over many devices, or compile it, block by block. The model itself stays single-device code.

Sharding is FSDP2 (``torch.distributed.fsdp.fully_shard``): parameters stay sharded and are gathered for one block at a
time. Knows nothing of processes or launchers: the caller starts the process group (torchrun) and creates the mesh.
"""

from __future__ import annotations

import torch
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

from langit.transformer.model import VideoTransformer

FULL = MixedPrecisionPolicy()
# The model casts its inputs itself, because noise levels and positions must stay exact.
HALF = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32, cast_forward_inputs=False)


def shard(model: VideoTransformer, mesh: DeviceMesh, precision: MixedPrecisionPolicy = FULL) -> VideoTransformer:
    """Shard a model's parameters over a one-dimensional mesh, in place: each block as a unit, then the rest.

    Call it before the optimiser is created. Under ``HALF`` products run in bfloat16 while the sharded weights keep
    their dtype; norms, gates and rotations always run in single precision.
    """
    for block in model.layers:
        fully_shard(block, mesh=mesh, mp_policy=precision)
    fully_shard(model, mesh=mesh, mp_policy=precision)
    return model


def compile_blocks(model: VideoTransformer, backend: str = "inductor") -> VideoTransformer:
    """Compile one block for all layers (regional compilation), in place. A pack of a new shape compiles again."""
    for block in model.layers:
        block.compile(backend=backend)
    return model
