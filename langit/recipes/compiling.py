"""Which of a stage's blocks are compiled, and for which shapes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

from torch import nn

from langit.feed.shaped import batch_size
from langit.recipes.recipe import FilmGroup
from langit.shapes import Compression, latent_shape, token_grid
from langit.train.compiled import Shape, compiled_blocks
from langit.train.tasks import FlowConfig

QUICK, LONG = 2, 8
"""Shapes that are compiled statically, in runs of minutes and in others: each takes most of a minute on a CPU."""


def static_shapes(flow: FlowConfig, films: Sequence[FilmGroup], count: int) -> tuple[Shape, ...]:
    """The ``count`` shapes with most tokens, as `feed.shaped` batches windows of films; roughly for later windows."""
    shares = flow.windows
    tokens: dict[Shape, float] = {}
    for group in films:
        latent = latent_shape(group.pixels, Compression())
        for frames in range(1, latent.frames + 1):
            share = (1 - shares.whole - shares.image - shares.later) / latent.frames
            share += shares.whole * (frames == latent.frames) + shares.image * (frames == 1)
            share += shares.later / max(latent.frames - 1, 1) * (frames > 1)
            each = token_grid(replace(latent, frames=frames)).count
            videos = batch_size(flow.token_budget, each)
            tokens[videos, each] = tokens.get((videos, each), 0.0) + share * len(group.seeds) * each
    occurring = [shape for shape, many in tokens.items() if many > 0]
    return tuple(sorted(occurring, key=tokens.__getitem__, reverse=True)[:count])


def compile_stage(
    blocks: Sequence[nn.Module],
    flow: FlowConfig,
    films: Sequence[FilmGroup],
    graphs: bool = False,
    count: int = LONG,
) -> AbstractContextManager[None]:
    """Compile a stage's blocks: for batches of one shape by their common shapes, for packs as they come.

    Args:
        blocks: of all transformers that the stage trains, replicas included.
        flow: its settings.
        films: of the stage.
        graphs: capture the common shapes as CUDA graphs.
        count: how many shapes are compiled statically.
    """
    if flow.one_shape:
        return compiled_blocks(blocks, static_shapes(flow, films, count), graphs)
    for block in blocks:
        block.compile()
    return nullcontext()
