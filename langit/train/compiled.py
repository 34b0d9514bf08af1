"""Compiled transformer blocks for batches of one shape: the common shapes statically, all others by one dynamic graph.

A static graph has no guards over shapes, and may be captured as a CUDA graph. Where a shape is rare, compiling it costs
more than it gives. Compiling is a matter of the machine: it decides no weights, up to rounding.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import _get_current_dispatch_mode

from langit.train.recompute import recompute, recomputes

Shape = tuple[int, int]  # videos, and tokens of each
CACHE = "TORCHINDUCTOR_CACHE_DIR"
GRAPHS = 64  # compiled forms of a block that may be kept: shapes, with gradients and without


def use_cache(folder: Path) -> Path:
    """Keep compiled graphs in a folder, which may be carried to the next machine, unless the environment names one."""
    place = Path(os.environ.setdefault(CACHE, str(folder)))
    place.mkdir(parents=True, exist_ok=True)
    return place


@contextmanager
def compiled_blocks(
    blocks: Sequence[nn.Module], static: Iterable[Shape], graphs: bool = False, backend: str = "inductor"
) -> Iterator[None]:
    """Compile the forward of blocks (`transformer.block.Block`) for the time of a ``with`` block.

    Blocks that compute again in the backward pass (`train.recompute`) still do.

    Args:
        blocks: all of one class; they share what is compiled.
        static: shapes that get graphs of their own.
        graphs: capture these as CUDA graphs, which only CUDA has.
        backend: of torch.compile.
    """
    shapes = frozenset(static)
    config: Any = torch._dynamo.config
    before, config.recompile_limit = config.recompile_limit, max(config.recompile_limit, GRAPHS)
    forward: Callable[..., Tensor] = type(blocks[0]).forward

    # Two functions, because dynamo keeps what it compiles by code: each finds only its own graphs.
    def in_static_shapes(block: nn.Module, *inputs: Any) -> Tensor:
        return forward(block, *inputs)

    def in_any_shape(block: nn.Module, x: Tensor, *inputs: Any) -> Tensor:
        # The run from the tensor's own shape: numbers that are given would be taken as constants of the graph.
        return forward(block, x, *inputs, ((x.shape[0], x.shape[1]),))

    mode = "reduce-overhead" if graphs and backend == "inductor" else None
    fixed = torch.compile(in_static_shapes, dynamic=False, mode=mode, backend=backend)
    general = torch.compile(in_any_shape, dynamic=True, backend=backend)

    def chosen(block: nn.Module) -> Callable[..., Tensor]:
        def run(x: Tensor, levels: Any, angles: Any, text: Any, runs: tuple[Shape, ...]) -> Tensor:
            out: Tensor
            if graphs and block is blocks[0]:
                torch.compiler.cudagraph_mark_step_begin()  # results of the step before may be written over
            # Operations are counted on plain blocks (`train.metrics`), and a pack may hold anything.
            if _get_current_dispatch_mode() is not None or runs != (tuple(x.shape[:2]),):
                out = forward(block, x, levels, angles, text, runs)
            elif runs[0] in shapes:
                out = fixed(block, x, levels, angles, text, runs)
            else:
                out = general(block, x, levels, angles, text)
            return out

        return run

    own = [vars(block).get("forward") for block in blocks]
    for block in blocks:
        block.forward = partial(recompute, block, chosen(block)) if recomputes(block) else chosen(block)
    try:
        yield
    finally:
        for block, earlier in zip(blocks, own, strict=True):
            del block.forward  # the class's own again
            if earlier is not None:
                block.forward = earlier
        config.recompile_limit = before
