"""Linear weights of blocks in the order in which a CPU's kernel reads them, instead of reordered in every product.

For inference in single precision with oneDNN. Results agree with those of plain weights to rounding, and memory is the
same. The feed-forward layer runs a stretch of tokens after the other: its hidden values, written to memory and read
again, cost a seventh of their product. Weights cannot be trained or saved afterwards.
"""

from __future__ import annotations

from typing import Any, Final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from langit.transformer.attention import Angles, SelfAttention
from langit.transformer.block import FeedForward
from langit.transformer.linear import ONEDNN, Linear
from langit.transformer.protocol import Denoiser

STRETCH: Final = 400
"""Tokens at a time: their hidden values, 14 MB of Wan-1.3B, stay in a third-level cache."""
ROWS: Final = 1024
"""Tokens that the kernel's order is chosen for. Other numbers give the same results."""


class PackedMatrix:
    """A weight in the kernel's own order, which torch can neither copy nor look into, and which never changes."""

    def __init__(self, weight: Float[Tensor, "O I"]) -> None:
        self.values: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight.detach(), ROWS)

    def __deepcopy__(self, _: Any) -> PackedMatrix:
        return self


class PackedLinear(nn.Module):
    """A linear layer on a packed weight."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = layer.in_features, layer.out_features
        self.matrix = PackedMatrix(layer.weight)
        assert layer.bias is not None
        self.register_buffer("bias", layer.bias.detach(), persistent=False)

    def forward(self, x: Float[Tensor, "*N I"], activation: str = "none") -> Float[Tensor, "*N O"]:
        out: Tensor = torch.ops.mkldnn._linear_pointwise(
            x.reshape(-1, x.shape[-1]),
            self.matrix.values,
            self.bias,
            activation,
            [],
            "tanh" if activation == "gelu" else "",
        )
        return out.view(*x.shape[:-1], -1)


class PackedSelfAttention(SelfAttention):
    """Self-attention whose three projections stay apart."""

    def project(self, x: Float[Tensor, "N D"], angles: Angles) -> tuple[Tensor, Tensor, Tensor]:
        return self.project_apart(x, angles)


class PackedFeedForward(nn.Module):
    """A feed-forward layer on packed weights, in stretches of tokens."""

    def __init__(self, inner: PackedLinear, outer: PackedLinear) -> None:
        super().__init__()
        self.inner, self.outer = inner, outer

    def forward(self, x: Float[Tensor, "N D"]) -> Float[Tensor, "N D"]:
        pieces = -(-len(x) // STRETCH)
        if pieces <= 1:
            return self.outer(self.inner(x, "gelu"))  # type: ignore[no-any-return]  # a module's call
        out, first = x.new_empty(len(x), self.outer.out_features), 0
        for piece in x.split(-(-len(x) // pieces)):
            out[first : first + len(piece)] = self.outer(self.inner(piece, "gelu"))
            first += len(piece)
        return out


def can_pack(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether weights of this dtype are worth packing."""
    return ONEDNN and device.type == "cpu" and dtype == torch.float32


def pack_blocks(transformer: Denoiser) -> None:
    """Pack the linear weights of all repeated layers, in place.

    A weight is freed before the next one is packed, so that this takes the memory of one weight for a moment.
    """
    for layer in transformer.layers:
        _pack_inside(layer)


def _pack_inside(part: nn.Module) -> None:
    if isinstance(part, SelfAttention):
        part.__class__ = PackedSelfAttention
    # Names, not modules: a list of these would keep every weight until its end.
    for name in list(part._modules):
        child = part._modules[name]
        if isinstance(child, FeedForward):
            part._modules[name] = _pack_feed_forward(child)
        elif isinstance(child, Linear):
            part._modules[name] = PackedLinear(child)
        elif child is not None:
            _pack_inside(child)


def _pack_feed_forward(layer: FeedForward) -> PackedFeedForward:
    inner = PackedLinear(layer.net.pop("0").proj)  # type: ignore[arg-type]  # of a `Gelu`
    return PackedFeedForward(inner, PackedLinear(layer.net.pop("2")))  # type: ignore[arg-type]  # a linear layer
