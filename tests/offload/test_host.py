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

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        torch.ones(2_000_000)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

SETTING
before = process_memory()
with keep_freed_memory():
    with keep_freed_memory():
        torch.ones(2_000_000)
        inner = faults()
    outer = faults()
print(inner, outer, faults(), process_memory() - before)
"""


def _run(setting: str) -> list[int]:
    code = CODE.replace("SETTING", setting)
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return [int(word) for word in run.stdout.split()]


def test_pages_are_mapped_once_while_memory_is_kept_and_returned_afterwards():
    inner, outer, after, held = _run("return_freed_memory()")
    assert inner < 2000 and outer < 2000  # a tensor has 1954 pages
    assert after > 20 * 1900
    assert held < 1_000_000


def test_a_process_that_returns_nothing_is_left_as_it_is():
    inner, outer, after, _ = _run("keep = return_freed_memory.cache_info().currsize; assert keep == 0")
    assert max(inner, outer, after) < 4000  # glibc's own threshold grows with the first tensor that is freed
