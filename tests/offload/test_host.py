"""What the allocator keeps: nothing of a model's tensors, except while a transformer samples."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the C library is glibc's")

CODE = """
import resource
import torch
from langit.offload.host import keep_freed_memory, return_freed_memory
from langit.plan.hardware import process_memory

def faults(times=20, size=2_000_000):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(times):
        torch.ones(size)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

SETTING
plain = faults()
before = process_memory()
with keep_freed_memory():
    with keep_freed_memory():
        torch.ones(2_000_000)
        inner = faults()
    outer = faults()
held = process_memory() - before
# Of a size that no hole in the heap has, where small blocks may have come to lie between kept ones.
first, second = faults(1, 40_000_000), faults(1, 40_000_000)
print(plain, inner, outer, held, first, second)
"""


def _run(setting: str) -> list[int]:
    code = CODE.replace("SETTING", setting)
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return [int(word) for word in run.stdout.split()]


def test_pages_stay_mapped_while_memory_is_kept_and_are_returned_afterwards():
    plain, inner, outer, held, first, second = _run("return_freed_memory()")
    # How many faults a tensor takes depends on the size of the system's pages, so counts are compared.
    assert 4 * max(inner, outer) < plain
    assert held < 1_000_000
    assert 2 * second > first, "blocks are mapped on their own again"


def test_a_process_that_returns_nothing_is_left_as_it_is():
    mapped_anew = _run("return_freed_memory()")[0]
    plain, inner, outer, *_ = _run("keep = return_freed_memory.cache_info().currsize; assert keep == 0")
    assert 4 * max(plain, inner, outer) < mapped_anew  # glibc's own threshold grows with the first tensor that is freed
