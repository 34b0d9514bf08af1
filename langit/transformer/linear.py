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

from langit.transformer.low_rank import LowRank, change_of

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


class _ChangedLinear(torch.autograd.Function):
    """``x weight^T + bias + (x down^T) up^T`` of a frozen weight, and the gradients of x and of both factors."""

    @staticmethod
    def forward(x: Tensor, weight: Tensor, bias: Tensor, down: Tensor, up: Tensor) -> tuple[Tensor, Tensor]:
        thin = onednn_linear(x, down)  # N rank
        return onednn_linear(x, weight, bias).addmm_(thin, up.t()), thin

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: tuple[Tensor, Tensor]) -> None:
        x, weight, _, down, up = inputs
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(x, weight, down, up, output[1])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        grad = grads[0]  # N out
        x, weight, down, up, thin = ctx.saved_tensors
        narrow = grad @ up  # N rank
        back = onednn_linear(grad, weight.t()).addmm_(narrow, down) if ctx.needs_input_grad[0] else None
        # The thin factor goes first: torch copies a transposed one.
        return back, None, None, narrow.t() @ x, (thin.t() @ grad).t()


def uses_onednn(x: Tensor, weight: Tensor) -> bool:
    """Whether a product runs on oneDNN: both factors in single precision on a CPU, outside autocast."""
    single = all(t.device.type == "cpu" and t.dtype == torch.float32 for t in (x, weight))
    return single and ONEDNN and not torch.is_autocast_enabled("cpu")


def linear(
    x: Float[Tensor, "*N I"],
    weight: Float[Tensor, "O I"],
    bias: Float[Tensor, " O"],
    change: LowRank | None = None,
) -> Float[Tensor, "*N O"]:
    """``x weight^T + bias``, on oneDNN where :func:`uses_onednn`; with a change, ``x (weight + up down)^T + bias``."""
    if not uses_onednn(x, weight):
        out = F.linear(x, weight, bias)
        return out if change is None else out + F.linear(F.linear(x, change.down), change.up)
    flat = x if x.ndim == 2 else x.reshape(-1, x.shape[-1])
    if change is not None:
        out = _changed(flat, weight, bias, change)
    elif torch.is_grad_enabled():
        out = _Linear.apply(flat, weight, bias)  # type: ignore[no-untyped-call]  # torch leaves apply untyped
    else:
        out = onednn_linear(flat, weight, bias)
    return out if x.ndim == 2 else out.view(*x.shape[:-1], -1)


def _changed(x: Tensor, weight: Tensor, bias: Tensor, change: LowRank) -> Tensor:
    if weight.requires_grad or bias.requires_grad:  # all of them learn
        whole: Tensor = _Linear.apply(x, weight, bias)  # type: ignore[no-untyped-call]  # as above
        return whole + x @ change.down.t() @ change.up.t()
    out: Tensor = _ChangedLinear.apply(x, weight, bias, *change)[0]  # type: ignore[no-untyped-call]  # as above
    return out


def apply_linear(layer: nn.Linear | nn.Conv3d, x: Float[Tensor, "*N I"]) -> Float[Tensor, "*N O"]:
    """A layer's product, with what changes it now. A convolution's patches are rows already."""
    assert layer.bias is not None
    return linear(x, layer.weight.flatten(1), layer.bias, change_of(layer))


class Linear(nn.Linear):
    """``nn.Linear`` that computes with :func:`linear`."""

    def forward(self, x: Tensor) -> Tensor:
        return linear(x, self.weight, self.bias, change_of(self))
