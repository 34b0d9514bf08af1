"""Low-rank changes of linear layers while they are trained: ``x (W + up down)^T`` without that sum.

What LoRA (arXiv 2106.09685) adds to a weight is added to the layer's output instead, so that the gradient of a whole
weight is never formed: a third of the operations of a step, and no second copy of the weights. Knows no files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor, nn


class LowRank(NamedTuple):
    """The two thin factors; their product has the shape of the layer's weight."""

    down: Float[Tensor, "rank I"]
    up: Float[Tensor, "O rank"]


Attached = Sequence[tuple[nn.Module, LowRank]]
"""Layers and what changes them."""


def change_of(layer: nn.Module) -> LowRank | None:
    """What changes a layer now."""
    found: LowRank | None = layer.__dict__.get("change")
    return found


def changes_in(module: nn.Module) -> Attached:
    """All layers of a module that are changed now."""
    return [(part, change) for part in module.modules() if (change := change_of(part)) is not None]


@contextmanager
def changed_layers(attached: Attached) -> Iterator[None]:
    """Compute with these changes; what the layers had before comes back."""
    before = [layer.__dict__.get("change") for layer, _ in attached]
    for layer, change in attached:
        layer.__dict__["change"] = change
    try:
        yield
    finally:
        for (layer, _), had in zip(attached, before, strict=True):
            layer.__dict__["change"] = had
