"""Linear layers whose single-precision arithmetic runs on oneDNN on a CPU, forward and backward.

Knows nothing of transformers. torch sends such products to MKL, which on AMD processors goes at the rate of AVX2:
on a Zen 5 core 100 GFLOP/s where oneDNN gives 210 (docs/LOG.md). Everywhere else this is ``nn.Linear``.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.flop_counter import register_flop_formula

ONEDNN: bool = torch.backends.mkldnn.is_available()

_library = torch.library.Library("langit", "DEF")
_library.define("product(Tensor x, Tensor weight, Tensor? bias, str activation) -> Tensor")


def _product(x: Tensor, weight: Tensor, bias: Tensor | None, activation: str) -> Tensor:
    algorithm = "tanh" if activation == "gelu" else ""
    out: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, activation, [], algorithm)
    return out


def _product_shape(x: Tensor, weight: Tensor, bias: Tensor | None, activation: str) -> Tensor:  # noqa: ARG001
    return x.new_empty(*x.shape[:-1], weight.shape[0])


_library.impl("product", _product, "CPU")
torch.library.register_fake("langit::product", _product_shape, lib=_library)


@register_flop_formula(torch.ops.langit.product)
def _product_flops(x: Any, weight: Any, *_: Any, **__: Any) -> int:
    return 2 * int(math.prod(x)) * int(weight[0])


def product(x: Tensor, weight: Tensor, bias: Tensor | None = None, activation: str = "none") -> Tensor:
    """``activation(x weight^T + bias)``, opaque to autograd and to the compiler."""
    out: Tensor = torch.ops.langit.product(x, weight, bias, activation)
    return out


class _Linear(torch.autograd.Function):
    """``x weight^T + bias`` and its three gradients, all by :func:`product`."""

    @staticmethod
    def forward(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return product(x, weight, bias)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor], output: Tensor) -> None:  # noqa: ARG004
        ctx.save_for_backward(inputs[0], inputs[1])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        (grad,) = grads  # N out
        x, weight = ctx.saved_tensors  # N in, out in
        down = across = shift = None
        if ctx.needs_input_grad[0]:
            down = product(grad, weight.t())
        if ctx.needs_input_grad[1]:  # torch copies the first factor when it is transposed: let it be the smaller one
            narrow = x.shape[1] < grad.shape[1]
            across = product(x.t(), grad.t()).t() if narrow else product(grad.t(), x.t())
        if ctx.needs_input_grad[2]:
            shift = grad.sum(0)
        return down, across, shift


def on_onednn(x: Tensor) -> bool:
    """Whether a tensor's linear layers run on oneDNN: single precision on a CPU, outside autocast."""
    return x.device.type == "cpu" and x.dtype == torch.float32 and ONEDNN and not torch.is_autocast_enabled("cpu")


def linear(x: Float[Tensor, "*N I"], weight: Float[Tensor, "O I"], bias: Float[Tensor, " O"]) -> Float[Tensor, "*N O"]:
    """``x weight^T + bias``."""
    if not on_onednn(x):
        return F.linear(x, weight, bias)
    flat = x if x.ndim == 2 else x.reshape(-1, x.shape[-1])
    if torch.is_grad_enabled():
        out: Tensor = _Linear.apply(flat, weight, bias)  # type: ignore[no-untyped-call]  # torch does not say
    else:
        out = product(flat, weight, bias)
    return out if x.ndim == 2 else out.view(*x.shape[:-1], -1)


class Linear(nn.Linear):
    """``nn.Linear`` by :func:`linear`."""

    def forward(self, x: Tensor) -> Tensor:
        return linear(x, self.weight, self.bias)
