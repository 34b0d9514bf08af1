"""Which of a stage's blocks are compiled, and for which shapes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

from torch import nn

from langit.feed.shaped import batch_size
from langit.recipes.recipe import FilmGroup
from langit.shapes import Compression, latent_shape, token_grid
from langit.train.compiled import Shape, common_shapes, compiled_blocks
from langit.train.tasks import FlowConfig

STATIC = 2  # shapes that are compiled statically: 128x128 of 17 and of 33 frames


def static_shapes(flow: FlowConfig, films: Sequence[FilmGroup]) -> tuple[Shape, ...]:
    """The shapes of whole windows of most films, as `feed.shaped` batches them."""
    shapes: list[Shape] = []
    for group in films:
        tokens = token_grid(latent_shape(group.pixels, Compression())).count
        videos = batch_size(flow.token_budget, tokens)
        shapes += [(videos, tokens)] * (len(group.seeds) // videos + 1)
    return common_shapes(shapes, STATIC)


def compile_stage(
    blocks: Sequence[nn.Module], flow: FlowConfig, films: Sequence[FilmGroup], graphs: bool = False
) -> AbstractContextManager[None]:
    """Compile a stage's blocks: for batches of one shape by their common shapes, for packs as they come.

    Args:
        blocks: of all transformers that the stage trains, replicas included.
        flow: its settings.
        films: of the stage.
        graphs: capture the common shapes as CUDA graphs.
    """
    if flow.one_shape:
        return compiled_blocks(blocks, static_shapes(flow, films), graphs)
    for block in blocks:
        block.compile()
    return nullcontext()
