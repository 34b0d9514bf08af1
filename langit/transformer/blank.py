"""Build modules on the meta device, without memory or random initialisation, to load weights into."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode


class _SkipInit(TorchFunctionMode):
    """Skip random initialisation: on the meta device it has no effect, but imports half of the compiler (seconds)."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given = kwargs or {}
        # nn.init functions are called directly, and fill tensors through these two methods.
        if func in (Tensor.normal_, Tensor.uniform_) or getattr(func, "__module__", "") == nn.init.__name__:
            return args[0] if args else given["tensor"]
        return func(*args, **given)


@contextmanager
def blank() -> Iterator[None]:
    """A context in which modules are built without memory. Set their weights before they compute anything."""
    with torch.device("meta"), _SkipInit():
        yield
