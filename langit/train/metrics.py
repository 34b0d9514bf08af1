"""What a person watching a run wants to know: speed, and the share of what the machine can do.

The peak is measured in the run on this machine (a large fp32 matrix product), never taken from a data sheet.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


def gemm_peak(device: torch.device, size: int = 2048, seconds: float = 0.5) -> float:
    """Floating-point operations a second of ``size``-cubed fp32 products on the device, best of several."""
    a, b = torch.randn(size, size, device=device), torch.randn(size, size, device=device)
    best, start = float("inf"), time.perf_counter()
    while time.perf_counter() - start < seconds:
        before = time.perf_counter()
        a @ b
        if device.type == "cuda":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - before)
    return 2 * size**3 / best


def count_flops(call: Callable[[], object]) -> int:
    """Floating-point operations of one call (forward and backward) as `FlopCounterMode` counts them."""
    with FlopCounterMode(display=False) as counter:
        call()
    return int(counter.get_total_flops())


def parameter_count(modules: dict[str, nn.Module]) -> int:
    return sum(parameter.numel() for module in modules.values() for parameter in module.parameters())
