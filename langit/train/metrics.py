"""What a person watching a run wants to know: its speed, and the share of what the machine can do.

The peak is measured on this machine when the run begins (large matrix products), never taken from a data sheet.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Final

import torch
from torch.utils.flop_counter import FlopCounterMode

from langit.device import Placement
from langit.transformer.linear import linear

CPU_SIZE: Final = 512  # takes a millisecond or two: on a busy machine some of many are not interrupted
GPU_SIZE: Final = 8192  # smaller products do not fill a large GPU, and would flatter the share of the peak


def gemm_peak(placement: Placement, size: int | None = None, seconds: float = 0.5) -> float:
    """Floating-point operations a second of ``size``-cubed matrix products at the placement: the best of several.

    On a CPU, torch's own product and oneDNN's are both tried: the latter is twice as fast on some machines.
    """
    if size is None:
        size = GPU_SIZE if placement.device.type == "cuda" else CPU_SIZE
    device, dtype = placement.device, placement.dtype
    own = torch.Generator().manual_seed(0)  # what a run draws does not depend on what is measured here
    a, b = (torch.randn(size, size, generator=own).to(device, dtype) for _ in range(2))
    bias = torch.zeros(size, device=device, dtype=dtype)
    best, start = float("inf"), time.perf_counter()
    products = (partial(torch.matmul, a, b), partial(linear, a, b, bias))
    with torch.no_grad():
        while time.perf_counter() - start < seconds:
            for product in products:
                placement.synchronize()
                before = time.perf_counter()
                product()
                placement.synchronize()
                best = min(best, time.perf_counter() - before)
    return 2 * size**3 / best


def count_flops(call: Callable[[], object]) -> int:
    """Floating-point operations of one call (forward and backward), as `FlopCounterMode` counts them.

    What is compiled runs as it is: a function that is first met while operations are counted stays uncompiled for ever.
    """
    with torch.compiler.set_stance("force_eager"), FlopCounterMode(display=False) as counter:
        call()
    return int(counter.get_total_flops())
