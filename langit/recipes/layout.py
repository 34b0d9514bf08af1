"""How a stage's weights lie over the processes that train it, while it trains. A fact of the machine, of no recipe."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

from langit.device import Placement
from langit.plan.hardware import free_memory
from langit.recipes.recipe import Stage
from langit.text.encoder import TextEncoder
from langit.train.context import sharing_context
from langit.train.ranks import Ranks, Sharding
from langit.train.sharding import choose_sharding, count_nodes, sharded_copy, weights_mesh
from langit.transformer.protocol import Denoiser

STATE_BYTES = 20  # of a parameter in training: weight, gradient, two states and an average in single precision


def check_layout(stage: Stage, ranks: Ranks) -> None:
    """Check, before anything is done, that the processes can train a stage as they were told to.

    Raises:
        ValueError: a step's micro-batches cannot be shared out, or batches of one shape need whole weights.
    """
    ranks.check_lanes(stage.training.lanes)
    if stage.flow.one_shape and ranks.count > 1 and (ranks.sharding in ("full", "nodes") or ranks.context > 1):
        cut = f"--context {ranks.context}" if ranks.context > 1 else f"--sharding {ranks.sharding}"
        raise ValueError(
            f"stage {stage.name} learns batches of one shape (flow.one_shape), for which weights have to be whole, and"
            f" {cut} cuts them: use --sharding none without --context, or stages.{stage.name}.flow.one_shape=false"
        )


@contextmanager
def laid_out(
    transformer: Denoiser, text: TextEncoder, ranks: Ranks, placement: Placement, whole: bool = False
) -> Iterator[tuple[Denoiser, TextEncoder]]:
    """The networks as this process trains them: themselves, or copies of which it has a part.

    Where they are copies, the networks wait in the CPU's memory, and come back as they were. ``whole`` says that they
    may not be cut (see :func:`check_layout`).

    Raises:
        ValueError: a layout that is not possible with these processes.
    """
    chosen = "none" if whole else _choose(transformer, text, ranks, placement)
    if chosen == "none":
        if ranks.context > 1:
            raise ValueError(f"--context {ranks.context} cuts the weights, too: use --sharding full or nodes")
        yield transformer, text
        return
    mesh = weights_mesh(placement, count_nodes() if chosen == "nodes" else 1)
    for module in (transformer, text):
        ranks.broadcast(parameter.detach() for parameter in module.parameters())
    own = sharded_copy(transformer, mesh, placement), sharded_copy(text, mesh, placement)
    try:
        with sharing_context(own[0], ranks, placement):
            yield own
    finally:
        for module in (transformer, text):
            Placement(placement.device).put(module)


def _choose(transformer: nn.Module, text: nn.Module, ranks: Ranks, placement: Placement) -> Sharding:
    if ranks.count == 1 or (ranks.sharding == "none" and ranks.context == 1):
        return "none"
    if ranks.context > 1 and ranks.sharding == "auto":
        return "full" if count_nodes() == 1 else "nodes"
    parameters = sum(parameter.numel() for module in (transformer, text) for parameter in module.parameters())
    here = ranks.count // count_nodes() if placement.device.type == "cpu" else 1  # these share their memory
    return choose_sharding(ranks.sharding, parameters * STATE_BYTES * here, ranks.first_says(free_memory(placement)))
