"""Peak memory of a computation, without computing: the real code runs on fake tensors, and their lifetimes are summed.

A fake tensor has a shape, dtype and device, but no numbers (torch's ``FakeTensorMode``), so a model of any size can be
traced on a machine without its memory or its GPU. What is traced is the code that will run, so that the figure follows
every change to it. Scratch memory inside a kernel is not seen.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten
from torch.utils.flop_counter import flop_registry

from langit.plan.hardware import ONEDNN, UNFOLDING

ModuleT = TypeVar("ModuleT", bound=nn.Module)


@dataclass
class Usage:
    """What a traced computation took. ``live`` and ``peak`` are bytes of tensors made while it was traced.

    attention: operations of ``flops`` that are attention.
    convolutions: those that are convolutions on a CPU, by kernel, see `hardware`.
    moved: bytes that operations without products read and write.
    """

    live: int = 0
    peak: int = 0
    flops: int = 0
    attention: int = 0
    moved: int = 0
    convolutions: dict[str, int] = field(default_factory=dict)
    seen: dict[int, int] = field(default_factory=dict)

    def add(self, tensor: Tensor) -> None:
        """Count a tensor's storage until it is freed."""
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self.seen:
            return
        size = storage.nbytes()
        self.seen[key] = size
        self.live += size
        self.peak = max(self.peak, self.live)
        weakref.finalize(storage, self._remove, key)

    def _remove(self, key: int) -> None:
        self.live -= self.seen.pop(key, 0)


CHANNELS_IN_A_BLOCK = 16
LARGE = 20480
"""Batch x channels x the two axes after them beyond which torch 2.13 hands a small kernel's convolution to oneDNN."""


def uses_onednn_convolution(given: Tensor, weight: Tensor) -> bool:
    """Whether torch computes a convolution on oneDNN (``ConvParams::use_mkldnn`` of its Convolution.cpp)."""
    if not torch.backends.mkldnn.is_available():
        return False
    if given.dtype != torch.float32:
        return True
    point = weight.shape[-1] == weight.shape[-2] == 1
    if point and given.shape[0] < CHANNELS_IN_A_BLOCK and torch.get_num_threads() == 1:
        return False
    wide = weight.shape[-1] > 3 and weight.shape[-2] > 3
    return wide or given.shape[0] > 1 or math.prod(given.shape[:4]) > LARGE


def convolution_scratch(given: Tensor, weight: Tensor, out: Tensor) -> int:
    """Bytes beside its input and output that a convolution takes on a CPU.

    oneDNN copies both to whole blocks of channels side by side. torch's own kernel copies every output's window, unless
    that is a single point.
    """
    if not uses_onednn_convolution(given, weight):
        window = math.prod(weight.shape[2:])
        return 0 if window == 1 else weight.shape[1] * window * math.prod(out.shape[2:]) * given.element_size()
    return sum(
        t.numel() * t.element_size() // t.shape[1] * (-(-t.shape[1] // CHANNELS_IN_A_BLOCK) * CHANNELS_IN_A_BLOCK)
        for t in (given, out)
    )


class _Counting(TorchDispatchMode):
    """Counts the storages of results, and their floating-point operations."""

    def __init__(self, usage: Usage) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        self.usage = usage

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        read = [t for t in tree_flatten((args, kwargs))[0] if isinstance(t, Tensor)]
        given = {t.untyped_storage()._cdata for t in read}
        out = func(*args, **kwargs)
        written = [t for t in tree_flatten(out)[0] if isinstance(t, Tensor)]
        new = [t for t in written if t.untyped_storage()._cdata not in given]
        for tensor in new:
            self.usage.add(tensor)
        counter = flop_registry.get(func._overloadpacket)
        flops = 0 if counter is None else counter(*args, **kwargs, out_val=out)
        self.usage.flops += flops
        name = func._schema.name
        if name == "langit::attend":
            self.usage.attention += flops
        elif counter is None and "empty" not in name and (new or name.endswith("_")):  # views move nothing
            self.usage.moved += sum(t.numel() * t.element_size() for t in (*read, *written))
        if func is torch.ops.aten.convolution.default and out.device.type == "cpu":
            self.usage.peak = max(self.usage.peak, self.usage.live + convolution_scratch(args[0], args[1], out))
            kernel = ONEDNN if uses_onednn_convolution(args[0], args[1]) else UNFOLDING
            self.usage.convolutions[kernel] = self.usage.convolutions.get(kernel, 0) + flops
        return out


DISTINCT = 1024
"""Different values that a tensor is taken to have where the code asks for them: positions along an axis, levels."""


class _Stand(TorchFunctionMode):
    """Stands in for what fake tensors cannot do.

    Attention never holds all scores: every device's fused kernel keeps its inputs, its output and one row sum. Results
    whose shapes depend on numbers are small in this code: distinct values, and the places where a level changes.
    """

    def __init__(self, usage: Usage) -> None:
        super().__init__()
        self.usage = usage

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in (Tensor.unique, torch.unique):
            values = args[0].new_empty(min(args[0].numel(), DISTINCT))
            return (values, torch.empty_like(args[0], dtype=torch.int64)) if kwargs.get("return_inverse") else values
        if func in (Tensor.nonzero, torch.nonzero):
            return torch.empty(0, args[0].ndim, dtype=torch.int64, device=args[0].device)
        if func is Tensor.tolist and args[0].numel() == 0:
            return []
        if func is not functional.scaled_dot_product_attention:
            return func(*args, **kwargs)
        return self.attend(*args[:3])

    def attend(self, query: Tensor, key: Tensor, value: Tensor, *_: Any, **__: Any) -> Tensor:
        """Attention without numbers."""
        scores = query[..., 0].numel() * key.shape[-2]
        flops = 2 * scores * (query.shape[-1] + value.shape[-1])
        self.usage.flops += flops
        self.usage.attention += flops
        out: Tensor = _Attention.apply(query, key, value)  # type: ignore[no-untyped-call]  # torch leaves it untyped
        return out


class _Attention(torch.autograd.Function):
    """A stand-in with the memory of a fused kernel in both directions."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        # Fused kernels return (B, heads, N, width) in the memory order of the query.
        out = torch.empty_like(query.transpose(1, 2).contiguous() if not query.is_contiguous() else query)
        if out.shape != query.shape:
            out = out.transpose(1, 2)
        ctx.save_for_backward(query, key, value, out)
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # noqa: ARG004
        query, key, value, _ = ctx.saved_tensors
        return torch.empty_like(query), torch.empty_like(key), torch.empty_like(value)


@contextmanager
def tracing() -> Iterator[Usage]:
    """Trace the body: tensors that it makes are fake, and counted.

    Modules must be built inside a ``tracing`` of their own, or before on fake tensors, so that weights can be told
    apart from what the computation needs: see :func:`trace`.
    """
    usage = Usage()
    with FakeTensorMode(allow_non_fake_inputs=True), _Stand(usage), _Counting(usage):
        yield usage


@contextmanager
def _attention_of_recomputing(usage: Usage, grad: bool) -> Iterator[None]:
    """Replace attention while the backward pass computes activations again: no mode reaches what it calls."""
    if not grad:
        yield
        return
    kernel = functional.scaled_dot_product_attention
    functional.scaled_dot_product_attention = _Stand(usage).attend
    try:
        yield
    finally:
        functional.scaled_dot_product_attention = kernel


def trace(build: Callable[[], Any], run: Callable[[Any], object], *, grad: bool = False) -> tuple[Usage, int]:
    """Trace ``run(build())``.

    Returns:
        What ``run`` took at its peak beyond what ``build`` made, and the bytes that ``build`` made.
    """
    with tracing() as usage, torch.set_grad_enabled(grad):
        built = build()
        held = usage.live
        usage.peak, usage.flops, usage.attention, usage.moved = usage.live, 0, 0, 0
        with _attention_of_recomputing(usage, grad):
            run(built)
        return replace(usage, live=usage.live - held, peak=usage.peak - held, seen={}), held


def materialize(module: ModuleT, device: torch.device, dtype: torch.dtype) -> ModuleT:
    """Give a module that was built on the meta device fake weights, in place; to be called while tracing."""
    made: dict[int, Any] = {}
    for part in module.modules():
        for table in (part._parameters, part._buffers):
            for name, old in table.items():
                if old is None:
                    continue
                if id(old) not in made:  # weights may be shared
                    kind = dtype if old.is_floating_point() else old.dtype
                    new = torch.empty(old.shape, dtype=kind, device=device)
                    made[id(old)] = nn.Parameter(new, old.requires_grad) if isinstance(old, nn.Parameter) else new
                table[name] = made[id(old)]
    return module
