"""Narrow weights inside blocks: stored in fp8 and widened to compute, or computed in int8.

fp8 (e4m3, arXiv 2209.05433) halves the memory of bf16 weights; a block's are widened while it runs, so that speed and
arithmetic stay those of bf16. int8 quantizes activations too, each token by its largest value (W8A8, LLM.int8(), arXiv
2208.07339), and is several times faster where the hardware has int8 dot products. Norms, tables, embeddings and the
output layer keep their precision. Weights cannot be trained or saved afterwards.
"""

from __future__ import annotations

from typing import Final, Literal

import torch
from jaxtyping import Float, Int8
from torch import Tensor, nn

from langit.transformer.attention import Angles, Attention, SelfAttention
from langit.transformer.block import FeedForward, gelu
from langit.transformer.linear import Linear
from langit.transformer.long_attention import multiplies_half_faster
from langit.transformer.packed_int8 import PackedWeight, pack_weight, packed_feed_forward, packed_linear, packs
from langit.transformer.protocol import Denoiser

Storage = Literal["", "fp8", "int8"]
"""What the linear weights inside blocks are kept in; empty: in the dtype of computing."""
STORAGES: Final = ("", "fp8", "int8")
FP8: Final = torch.float8_e4m3fn
LEVELS: Final = 127


def narrow(transformer: Denoiser, storage: Storage) -> None:
    """Narrow the linear weights of all repeated layers, in place and one layer at a time."""
    if storage == "fp8":
        for layer in transformer.layers:
            Widening(layer)
    elif storage == "int8":
        for layer in transformer.layers:
            quantize_linears(layer)


class Widening:
    """Keeps a layer's linear weights in fp8, each with one scale, and widens them while the layer runs."""

    def __init__(self, layer: nn.Module) -> None:
        self.parts = [part for part in layer.modules() if isinstance(part, nn.Linear)]
        self.dtypes = [part.weight.dtype for part in self.parts]
        self.away: list[nn.Parameter] = []
        for part in self.parts:
            narrowed, scale = to_fp8(part.weight.detach())
            part.weight = nn.Parameter(narrowed, requires_grad=False)
            part.register_buffer("weight_scale", scale, persistent=False)
        layer.register_forward_pre_hook(lambda *_: self._widen())
        layer.register_forward_hook(lambda *_: self._release(), always_call=True)

    def _widen(self) -> None:
        self.away = [part.get_parameter("weight") for part in self.parts]
        for part, dtype in zip(self.parts, self.dtypes, strict=True):
            scale = part.get_buffer("weight_scale").to(dtype)
            part.weight = nn.Parameter(part.weight.to(dtype) * scale, requires_grad=False)

    def _release(self) -> None:
        for part, narrowed in zip(self.parts, self.away, strict=True):
            part.weight = narrowed
        self.away = []


def to_fp8(weight: Float[Tensor, "O I"]) -> tuple[Float[Tensor, "O I"], Float[Tensor, ""]]:
    """A weight in fp8 and its scale, by which the largest value becomes the largest of fp8."""
    scale = (weight.float().abs().max() / torch.finfo(FP8).max).clamp(min=torch.finfo(torch.float32).tiny)
    return (weight.float() / scale).to(FP8), scale


class Int8Linear(nn.Module):
    """A linear layer on int8: weights by output channel, activations by token."""

    quantized: Tensor | None
    scale: Tensor
    bias: Tensor
    weight: PackedWeight | None = None

    def __init__(self, weight: Float[Tensor, "O I"], bias: Float[Tensor, " O"]) -> None:
        super().__init__()
        quantized, scale = quantize_tokens(weight.detach().float())
        self.in_features, self.out_features = weight.shape[1], weight.shape[0]
        # Transposed: the product reads it as (inputs, outputs).
        self.register_buffer("quantized", quantized.t(), persistent=False)
        self.register_buffer("scale", scale.flatten(), persistent=False)
        self.register_buffer("bias", bias.detach().clone(), persistent=False)

    def forward(self, x: Float[Tensor, "*N I"]) -> Float[Tensor, "*N O"]:
        flat = x.reshape(-1, x.shape[-1])
        if packs(x):
            out: Tensor = packed_linear(flat, self.pack())
            return out.view(*x.shape[:-1], -1)
        assert self.quantized is not None, "it is packed for the CPU"
        return int8_product(flat, self.quantized, self.scale, self.bias).view(*x.shape[:-1], -1)

    @torch.compiler.disable  # type: ignore[untyped-decorator]  # torch leaves it untyped
    def pack(self) -> PackedWeight:
        """The weight as a CPU's kernel reads it, from now on the only form that is kept."""
        if self.weight is None:
            assert self.quantized is not None
            self.weight = pack_weight(self.quantized.t(), self.scale, self.bias)
            self.quantized = None
        return self.weight


def quantize_tokens(x: Float[Tensor, "N I"]) -> tuple[Int8[Tensor, "N I"], Float[Tensor, "N 1"]]:
    """Whole numbers from -127 to 127 and one scale for each row."""
    scale = torch.maximum(x.amax(1, keepdim=True), -x.amin(1, keepdim=True)) / LEVELS  # aminmax is 20 times slower
    return (x * scale.clamp(min=1e-12).reciprocal()).round_().to(torch.int8), scale


def int8_product(
    x: Float[Tensor, "N I"], weight: Int8[Tensor, "I O"], scale: Float[Tensor, " O"], bias: Float[Tensor, " O"]
) -> Float[Tensor, "N O"]:
    """``x weight + bias``, the product summed exactly in int32."""
    quantized, by_token = quantize_tokens(x)
    # CUDA's kernel wants more than 16 rows.
    short = x.shape[0] <= 16 and x.is_cuda
    padded = nn.functional.pad(quantized, (0, 0, 0, 32 - x.shape[0])) if short else quantized
    sums = torch._int_mm(padded, weight)[: x.shape[0]]
    return torch.addcmul(bias.float(), sums.float() * by_token.float(), scale).to(x.dtype)


class Int8SelfAttention(SelfAttention):
    """Self-attention whose projections are one int8 product."""

    joined: Int8Linear

    def project(self, x: Float[Tensor, "N D"], angles: Angles) -> tuple[Tensor, Tensor, Tensor]:
        query, key, value = self.joined(x).chunk(3, dim=-1)
        return self.rotate_apart(self.norm_q(query), self.norm_k(key), value, angles)

    def project_apart(self, x: Float[Tensor, "N D"], angles: Angles) -> tuple[Tensor, Tensor, Tensor]:
        return self.project(x, angles)


class Int8FeedForward(nn.Module):
    """A feed-forward layer on int8."""

    def __init__(self, inner: Int8Linear, outer: Int8Linear) -> None:
        super().__init__()
        self.inner, self.outer = inner, outer

    def forward(self, x: Float[Tensor, "N D"]) -> Float[Tensor, "N D"]:
        if packs(x):
            packed: Tensor = packed_feed_forward(x, self.inner.pack(), self.outer.pack())
            return packed
        out: Tensor = self.outer(gelu(self.inner(x)))
        return out


def quantize_linears(layer: nn.Module) -> None:
    """Replace the linear layers of a block by int8 ones, in place."""
    for part in list(layer.modules()):
        if isinstance(part, Attention):
            part.half_products = multiplies_half_faster()  # less of an error than int8's own
        if isinstance(part, SelfAttention):
            inputs = (part.to_q, part.to_k, part.to_v)
            joined = torch.cat([each.weight for each in inputs]), torch.cat([each.bias for each in inputs])
            part.joined = Int8Linear(*joined)
            part.__class__ = Int8SelfAttention
            for name in ("to_q", "to_k", "to_v"):
                delattr(part, name)
    for part in list(layer.modules()):
        for name, child in list(part.named_children()):
            if isinstance(child, FeedForward):
                inner, outer = child.net["0"].proj, child.net["2"]
                assert isinstance(inner, nn.Linear) and isinstance(outer, nn.Linear)
                setattr(part, name, Int8FeedForward(_int8(inner), _int8(outer)))
            elif isinstance(child, Linear):
                if isinstance(part, nn.ModuleList):
                    part[int(name)] = _int8(child)
                else:
                    setattr(part, name, _int8(child))


def _int8(linear: nn.Linear) -> Int8Linear:
    assert linear.bias is not None
    return Int8Linear(linear.weight, linear.bias)
