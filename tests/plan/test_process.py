"""What a process may take: limits of its own, and memory that is returned when it is freed."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from langit.device import Placement
from langit.plan.hardware import _left_in_groups, available_memory, process_memory
from langit.plan.process import base_memory

MB = 1_000_000


def test_limits_of_control_groups_count_wherever_they_are_set(tmp_path: Path):
    own = tmp_path / "own"
    own.write_text("0::/job/step\n")
    for name, limit, used in (("", "max", 5), ("job", "1000", 400), ("job/step", "max", 4)):
        folder = tmp_path / "groups" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "memory.max").write_text(f"{limit}\n")
        (folder / "memory.current").write_text(f"{used}\n")
    assert _left_in_groups(tmp_path / "groups", own) == [600]


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's tables")
def test_a_limit_of_the_process_counts(monkeypatch: pytest.MonkeyPatch):
    assert available_memory() > 200 * MB
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
    mapped = int(fields["VmSize"].split()[0]) * 1024
    monkeypatch.setattr(resource, "getrlimit", lambda _: (mapped + 100 * MB, -1))
    assert 0 < available_memory() <= 100 * MB


@pytest.mark.skipif(sys.platform != "linux", reason="the C library is glibc's")
def test_freed_memory_is_returned():
    code = """
import torch
from langit.offload.host import return_freed_memory
from langit.plan.hardware import process_memory
assert return_freed_memory()
for turn in range(2):  # by default glibc keeps blocks only once it has seen such large ones freed
    before = process_memory()
    for side in range(1, 20):  # blocks that grow in pairs would leave holes in a heap
        pair = [torch.ones(side * 250_000), torch.ones(side * 250_000)]
        kept = pair.pop()
    del pair, kept
print(process_memory() - before)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(run.stdout) < 3 * MB  # 2 MB, of blocks below the threshold; 100 MB without it


def test_a_process_holds_libraries_on_a_cpu_and_none_elsewhere():
    assert base_memory(Placement()) <= process_memory() + 50 * MB
    assert base_memory(Placement(torch.device("meta"))) == 0
