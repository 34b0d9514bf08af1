"""What a person watching a run wants to know: speed, and the share of what the machine can do.

The peak is measured in the run on this machine (large fp32 matrix products), never taken from a data sheet.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import torch
from torch.utils.flop_counter import FlopCounterMode

from langit.transformer.linear import linear


def gemm_peak(device: torch.device, size: int = 2048, seconds: float = 0.5) -> float:
    """Floating-point operations a second of ``size``-cubed fp32 products on the device: the best of several.

    On a CPU, torch's own product and oneDNN's are both tried, of which the latter is twice as fast on some machines.
    """
    a, b = torch.randn(size, size, device=device), torch.randn(size, size, device=device)
    nothing = torch.zeros(size, device=device)
    best, start = float("inf"), time.perf_counter()
    products = (partial(torch.matmul, a, b), partial(linear, a, b, nothing))
    with torch.no_grad():
        while time.perf_counter() - start < seconds:
            for product in products:
                before = time.perf_counter()
                product()
                if device.type == "cuda":
                    torch.cuda.synchronize()
                best = min(best, time.perf_counter() - before)
    return 2 * size**3 / best


def count_flops(call: Callable[[], object]) -> int:
    """Floating-point operations of one call (forward and backward) as `FlopCounterMode` counts them."""
    with FlopCounterMode(display=False) as counter:
        call()
    return int(counter.get_total_flops())
