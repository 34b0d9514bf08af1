"""int8 products on a CPU with VNNI: oneDNN's kernel on packed weights, in stretches of tokens that stay in the cache.

That kernel wants activations as unsigned numbers, so that whole numbers from -127 to 127 are stored with 128 added,
which it takes off again exactly. Sums are exact, as those of ``torch._int_mm``. A whole feed-forward layer runs stretch
by stretch: written to memory and read again, its hidden values took as long as their product. Knows no layers.
"""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

import torch
from jaxtyping import Float, Int8, UInt8
from torch import Tensor

STRETCH: Final = 256
HIDDEN_STRETCH: Final = 128
"""Tokens at a time: of one product, and of a feed-forward layer."""
ZERO: Final = 128
LEVELS: Final = 127
SUPPORTED: Final = torch.backends.mkldnn.is_available() and torch.cpu._is_vnni_supported()


class PackedWeight(NamedTuple):
    """A weight in the kernel's own order, with the scale and the bias of each output."""

    weight: Tensor
    scale: Float[Tensor, " O"]
    zeros: Tensor  # O
    bias: Float[Tensor, " O"]

    def __deepcopy__(self, _: Any) -> PackedWeight:
        return self  # torch cannot copy what is packed, and nothing changes it


def packs(x: Tensor) -> bool:
    """Whether a product runs here: in single precision on a CPU that can."""
    return SUPPORTED and x.device.type == "cpu" and x.dtype == torch.float32


def pack_weight(weight: Int8[Tensor, "O I"], scale: Float[Tensor, " O"], bias: Float[Tensor, " O"]) -> PackedWeight:
    """Reorder a weight for the kernel."""
    packed = torch.ops.onednn.qlinear_prepack(weight.contiguous(), None)
    return PackedWeight(packed, scale.float(), torch.zeros(len(scale), dtype=torch.int64), bias.float())


def quantize_unsigned(x: Float[Tensor, "N I"]) -> tuple[UInt8[Tensor, "N I"], Float[Tensor, "N 1"]]:
    """Whole numbers from 1 to 255, 128 for zero, and one scale for each row."""
    scale = torch.maximum(x.amax(1, keepdim=True), -x.amin(1, keepdim=True)) / LEVELS
    # Adding a half and cutting off rounds. A cast by way of int32 is four times as fast.
    shifted = torch.addcmul(x.new_tensor(ZERO + 0.5), x, scale.clamp(min=1e-12).reciprocal())
    return shifted.to(torch.int32).to(torch.uint8), scale


def _product(x: Tensor, weight: PackedWeight) -> Tensor:
    quantized, by_token = quantize_unsigned(x)
    sums = torch.ops.onednn.qlinear_pointwise(
        quantized, 1.0, ZERO, weight.weight, weight.scale, weight.zeros, None, 1.0, 0, torch.float32, "none", [], ""
    )
    out: Tensor = torch.addcmul(weight.bias, sums, by_token, out=sums)
    return out


@torch.compiler.disable  # type: ignore[untyped-decorator]  # torch leaves it untyped
@torch.no_grad()
def packed_linear(x: Float[Tensor, "N I"], weight: PackedWeight) -> Float[Tensor, "N O"]:
    """``x weight + bias`` in int8, each token by its largest value."""
    out = x.new_empty(x.shape[0], len(weight.scale))
    for first in range(0, x.shape[0], STRETCH):
        out[first : first + STRETCH] = _product(x[first : first + STRETCH], weight)
    return out


@torch.compiler.disable  # type: ignore[untyped-decorator]  # torch leaves it untyped
@torch.no_grad()
def packed_feed_forward(x: Float[Tensor, "N D"], inner: PackedWeight, outer: PackedWeight) -> Float[Tensor, "N D"]:
    """Two layers in int8 with GELU between them."""
    out = x.new_empty(x.shape[0], len(outer.scale))
    for first in range(0, x.shape[0], HIDDEN_STRETCH):
        hidden = gelu_by_sigmoid(_product(x[first : first + HIDDEN_STRETCH], inner))
        out[first : first + HIDDEN_STRETCH] = _product(hidden, outer)
    return out


def gelu_by_sigmoid(x: Float[Tensor, "N H"]) -> Float[Tensor, "N H"]:
    """GELU by its tanh approximation: 0.5 (1 + tanh(y)) = sigmoid(2 y), which is twice as fast as torch's tanh."""
    slope = 2 * math.sqrt(2 / math.pi)
    return (x * x).mul_(0.044715 * slope).add_(slope).mul_(x).sigmoid_().mul_(x)
