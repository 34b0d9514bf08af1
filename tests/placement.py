"""A pretend device: code runs as if on an accelerator, and a tensor left behind on the CPU is an error.

Tensors on it report device ``meta``, which torch knows on every machine, and hold ordinary CPU data, so that
data-dependent operations work as well. As on a real accelerator, an operation that mixes devices raises, and so does a
random draw by a CPU generator on the device. As torch allows, a tensor of no dimensions may come from the CPU.

    with pretend_device() as placement:
        model = placement.put(model)
        latents = placement.put(latents)
        model.decode(latents)  # raises RuntimeError where a tensor is made on the CPU
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map_only, tree_unflatten

from langit.device import Placement

DEVICE = torch.device("meta")


class PretendTensor(Tensor):
    """CPU data that says it is elsewhere."""

    data_on_cpu: Tensor
    is_meta = False  # type: ignore[assignment]  # it has data

    @staticmethod
    def __new__(cls, data: Tensor) -> PretendTensor:
        made = Tensor._make_wrapper_subclass(
            cls,
            data.size(),
            strides=data.stride(),
            storage_offset=data.storage_offset(),
            dtype=data.dtype,
            device=DEVICE,
            requires_grad=data.requires_grad,
        )
        made.data_on_cpu = data.detach()
        return made

    def __repr__(self) -> str:  # type: ignore[override]
        return f"PretendTensor({self.data_on_cpu!r})"

    def tolist(self) -> Any:  # torch refuses it for subclasses
        return self.data_on_cpu.tolist()

    @classmethod
    def __torch_dispatch__(
        cls, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return _run(func, args, kwargs or {})


class _Pretend(TorchDispatchMode):
    """Catches factories too, which have no tensor among their arguments."""

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return _run(func, args, kwargs or {})


class _Literals(TorchFunctionMode):
    """``torch.tensor`` makes a tensor on the meta device without asking the dispatcher: make it here and move it."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given = kwargs or {}
        if func in (torch.tensor, torch.as_tensor) and given.get("device") is not None:
            return func(*args, **{**given, "device": None}).to(given["device"])
        return func(*args, **given)


def _run(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    flat, spec = tree_flatten((args, kwargs))
    tensors = [value for value in flat if isinstance(value, Tensor)]
    pretend = [value for value in tensors if isinstance(value, PretendTensor)]
    asked = kwargs.get("device")
    moves = func in (torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default)
    if pretend and not moves:
        left = [value for value in tensors if not isinstance(value, PretendTensor) and value.ndim > 0]
        if left:
            raise RuntimeError(f"{func}: a tensor {tuple(left[0].shape)} is on the CPU, the others are on {DEVICE}")
    on_device = asked == DEVICE if asked is not None else bool(pretend)
    if func is torch.ops.aten.copy_.default:
        on_device = isinstance(args[0], PretendTensor)
    if on_device and any(isinstance(value, torch.Generator) for value in flat):
        raise RuntimeError(f"{func}: a CPU generator cannot draw on {DEVICE}")
    cpu = torch.device("cpu")
    plain = [
        value.data_on_cpu
        if isinstance(value, PretendTensor)
        else cpu
        if isinstance(value, torch.device) and value == DEVICE and asked is not None
        else value
        for value in flat
    ]
    args, kwargs = tree_unflatten(plain, spec)
    out = func(*args, **kwargs)
    if not on_device:
        return out
    # An in-place operation returns the tensor that it was given.
    known = {id(value.data_on_cpu): value for value in pretend}
    return tree_map_only(Tensor, lambda value: known[id(value)] if id(value) in known else PretendTensor(value), out)


@contextmanager
def pretend_device(dtype: torch.dtype = torch.float32) -> Iterator[Placement]:
    """Yield a placement on the pretend device; within it, mixing devices raises ``RuntimeError``."""
    with _Pretend(), _Literals():
        yield Placement(DEVICE, dtype)
