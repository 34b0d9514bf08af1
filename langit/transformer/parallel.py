"""Many devices, from outside: shard or compile a transformer block by block. The model itself is single-device code.

Knows nothing of processes or launchers: whoever calls has started the group (torchrun) and made the mesh. Sharding is
FSDP2, ``torch.distributed.fsdp.fully_shard``: parameters stay in pieces and are gathered for the one block at work.
"""

from __future__ import annotations

import torch
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

from langit.transformer.model import VideoTransformer

FULL = MixedPrecisionPolicy()
# Inputs are cast by the model: noise levels and positions have to stay exact.
HALF = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32, cast_forward_inputs=False)


def shard(model: VideoTransformer, mesh: DeviceMesh, precision: MixedPrecisionPolicy = FULL) -> VideoTransformer:
    """Share a model's parameters out over a one-dimensional mesh, each block a unit of its own, then all the rest.

    Works in place, before an optimiser is made. Under ``HALF`` the arithmetic is bfloat16 and the weights stay as they
    are; norms, gates and rotations are single precision in any case.
    """
    for block in model.blocks:
        fully_shard(block, mesh=mesh, mp_policy=precision)
    fully_shard(model, mesh=mesh, mp_policy=precision)
    return model


def compile_blocks(model: VideoTransformer, backend: str = "inductor") -> VideoTransformer:
    """Compile the block once for all layers (regional compilation), in place; packs of another shape compile again."""
    for block in model.blocks:
        block.compile(backend=backend)
    return model
