"""Linear layers that run on oneDNN for single precision on a CPU, forward and backward.

torch sends these products to MKL, which runs at AVX2 speed on AMD processors: 100 GFLOP/s on a Zen 5 core, where oneDNN
reaches 210 (docs/LOG.md). For other devices and dtypes this is ``nn.Linear``. Knows nothing of transformers.
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


def onednn_linear(x: Tensor, weight: Tensor, bias: Tensor | None = None, activation: str = "none") -> Tensor:
    """``activation(x weight^T + bias)`` on oneDNN, without autograd, as one opaque operation to the compiler."""
    out: Tensor = torch.ops.langit.product(x, weight, bias, activation)
    return out


class _Linear(torch.autograd.Function):
    """``x weight^T + bias`` and its three gradients, all on oneDNN."""

    @staticmethod
    def forward(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return onednn_linear(x, weight, bias)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor], output: Tensor) -> None:  # noqa: ARG004
        ctx.save_for_backward(inputs[0], inputs[1])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        (grad,) = grads  # N out
        x, weight = ctx.saved_tensors  # N in, out in
        down = across = shift = None
        if ctx.needs_input_grad[0]:
            down = onednn_linear(grad, weight.t())
        if ctx.needs_input_grad[1]:
            # torch copies a transposed first factor, so the smaller matrix goes first.
            narrow = x.shape[1] < grad.shape[1]
            across = onednn_linear(x.t(), grad.t()).t() if narrow else onednn_linear(grad.t(), x.t())
        if ctx.needs_input_grad[2]:
            shift = grad.sum(0)
        return down, across, shift


def uses_onednn(x: Tensor, weight: Tensor) -> bool:
    """Whether a product runs on oneDNN: both factors in single precision on a CPU, outside autocast."""
    single = all(t.device.type == "cpu" and t.dtype == torch.float32 for t in (x, weight))
    return single and ONEDNN and not torch.is_autocast_enabled("cpu")


def linear(x: Float[Tensor, "*N I"], weight: Float[Tensor, "O I"], bias: Float[Tensor, " O"]) -> Float[Tensor, "*N O"]:
    """``x weight^T + bias``, on oneDNN where :func:`uses_onednn`."""
    if not uses_onednn(x, weight):
        return F.linear(x, weight, bias)
    flat = x if x.ndim == 2 else x.reshape(-1, x.shape[-1])
    if torch.is_grad_enabled():
        out: Tensor = _Linear.apply(flat, weight, bias)  # type: ignore[no-untyped-call]  # torch leaves apply untyped
    else:
        out = onednn_linear(flat, weight, bias)
    return out if x.ndim == 2 else out.view(*x.shape[:-1], -1)


class Linear(nn.Linear):
    """``nn.Linear`` that computes with :func:`linear`."""

    def forward(self, x: Tensor) -> Tensor:
        return linear(x, self.weight, self.bias)
