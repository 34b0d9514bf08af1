"""int8 products on a CPU with VNNI: oneDNN's kernel on packed weights, in stretches of tokens that stay in the cache.

That kernel wants activations as unsigned numbers, so that whole numbers from -127 to 127 are stored with 128 added,
which it takes off again exactly. Sums are exact, as those of ``torch._int_mm``. A whole feed-forward layer runs stretch
by stretch: written to memory and read again, its hidden values took as long as their product. Knows no layers.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import torch
from jaxtyping import Float, Int8, UInt8
from torch import Tensor

STRETCH: Final = 256
"""Tokens at a time, of one product or of a feed-forward layer."""
ZERO: Final = 128
LEVELS: Final = 127
GELU_DEPTH: Final = 0.17
"""No result of GELU lies further below zero."""
GELU_ZERO: Final = 24
GELU_TOP: Final = 0.95
"""What stands for zero after GELU, if each token's largest result is above this; 231 levels are positive then."""
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


def quantize_unsigned(x: Float[Tensor, "N I"], scale: Float[Tensor, "N 1"], zero: int = ZERO) -> UInt8[Tensor, "N I"]:
    """``x / scale + zero`` as whole numbers, for values that lie within 0 to 255 then."""
    # Adding a half and cutting off rounds. As a row, the constant is added four times as fast as a single number is,
    # and a cast by way of int32 is four times as fast as one at once.
    shifted = torch.addcmul(x.new_full((x.shape[1],), zero + 0.5), x, scale.reciprocal())
    return shifted.to(torch.int32).to(torch.uint8)


def symmetric_scale(x: Float[Tensor, "N I"]) -> Float[Tensor, "N 1"]:
    """The scale of each row by which its largest value, of either sign, becomes 127."""
    return (torch.maximum(x.amax(1, keepdim=True), -x.amin(1, keepdim=True)) / LEVELS).clamp_(min=1e-12)


def gelu_scale(x: Float[Tensor, "N I"]) -> tuple[Float[Tensor, "N 1"], int]:
    """Scales of GELU's results, and what stands for zero: they are above -0.17, so that few levels are negative."""
    top = x.amax(1, keepdim=True)
    if float(top.min()) < GELU_TOP:
        return symmetric_scale(x), ZERO
    return (top / (255 - GELU_ZERO)).clamp_(min=GELU_DEPTH / GELU_ZERO), GELU_ZERO


def _product(x: Tensor, scale: Tensor, zero: int, weight: PackedWeight, out: Tensor | None = None) -> Tensor:
    sums = torch.ops.onednn.qlinear_pointwise(
        quantize_unsigned(x, scale, zero),
        1.0,
        zero,
        weight.weight,
        weight.scale,
        weight.zeros,
        None,
        1.0,
        0,
        torch.float32,
        "none",
        [],
        "",
    )
    done: Tensor = torch.addcmul(weight.bias, sums, scale, out=sums if out is None else out)
    return done


@torch.compiler.disable  # type: ignore[untyped-decorator]  # torch leaves it untyped
@torch.no_grad()
def packed_linear(x: Float[Tensor, "N I"], weight: PackedWeight) -> Float[Tensor, "N O"]:
    """``x weight + bias`` in int8, each token by its largest value."""
    out = x.new_empty(x.shape[0], len(weight.scale))
    for piece, place in zip(x.split(STRETCH), out.split(STRETCH), strict=True):
        _product(piece, symmetric_scale(piece), ZERO, weight, place)
    return out


@torch.compiler.disable  # type: ignore[untyped-decorator]  # torch leaves it untyped
@torch.no_grad()
def packed_feed_forward(x: Float[Tensor, "N D"], inner: PackedWeight, outer: PackedWeight) -> Float[Tensor, "N D"]:
    """Two layers in int8 with GELU between them.

    GELU itself is taken, of which Wan's is an approximation by tanh: they differ by 5e-4 at most, a tenth of the
    rounding to int8, and torch's kernel for it is four times as fast.
    """
    out = x.new_empty(x.shape[0], len(outer.scale))
    for piece, place in zip(x.split(STRETCH), out.split(STRETCH), strict=True):
        hidden = torch.ops.aten.gelu_(_product(piece, symmetric_scale(piece), ZERO, inner))
        _product(hidden, *gelu_scale(hidden), outer, place)
    return out
