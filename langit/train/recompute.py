"""Activations computed again in the backward pass, block by block: a third more work, and far less memory.

Results and gradients are the same. Knows a transformer by its blocks.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import MethodType
from typing import Any

from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from langit.transformer.low_rank import changed_layers, changes_in
from langit.transformer.protocol import Denoiser


def recompute_blocks(transformer: Denoiser) -> None:
    """Let every block keep only its inputs, in place. Without gradients nothing changes."""
    for block in transformer.blocks:
        # A bound method is copied with its object, so that replicas of a task compute with their own blocks.
        block.forward = MethodType(_recomputed, block)


def recomputes(block: nn.Module) -> bool:
    """Whether :func:`recompute_blocks` was called for a block."""
    own = vars(block).get("forward")
    return isinstance(own, MethodType) and own.__func__ is _recomputed


def recompute(block: nn.Module, forward: Callable[..., Tensor], *inputs: Any) -> Tensor:
    """Call a block's forward, in whatever form, and again in the backward pass."""
    attached = changes_in(block)

    def again(*inputs: Any) -> Tensor:
        with changed_layers(attached):  # in the backward pass an adapter is not attached any more
            return forward(*inputs)

    out: Tensor = checkpoint(again, *inputs, use_reentrant=False)
    return out


def _recomputed(block: nn.Module, *inputs: Any) -> Tensor:
    return recompute(block, partial(type(block).forward, block), *inputs)
