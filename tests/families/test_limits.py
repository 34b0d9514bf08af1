"""What does not fit under a real limit of memory is refused before it is loaded, and what the refusal names fits."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

UNDER_A_LIMIT = """
import resource
import diffusers, torch, transformers
from diffusers import AutoencoderKLWan
from transformers import UMT5EncoderModel
from langit.cli import main
pages = int(open("/proc/self/statm").read().split()[0])
most = pages * resource.getpagesize() + (6 << 30) // 5
resource.setrlimit(resource.RLIMIT_AS, (most, most))
main()
"""
"""The command with 1.2 GiB of addresses beyond what its libraries take, as ``ulimit -v`` would set it."""


def langit(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own under the limit."""
    return subprocess.run(
        [sys.executable, "-c", UNDER_A_LIMIT, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"LANGIT_HOME": str(home), "OMP_NUM_THREADS": "1"},
    )


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits of addresses are Linux's")
def test_generate_refuses_under_a_limit_and_what_it_names_runs(saved: Callable[[str], Path], tmp_path: Path) -> None:
    place, file = saved("wan2.1-t2v"), tmp_path / "a.mp4"
    given = ("generate", "--model", str(place), "--steps", "1", "--output", str(file), "a red ball")
    refused = langit(tmp_path / "home", *given, "--size", "832x480", "--frames", "81")
    assert refused.returncode == 2 and not file.exists(), refused.stderr
    *_, line = refused.stderr.splitlines()
    assert "needs" in line and "GiB and RAM has" in line
    named = re.findall(r"--size (\d+x\d+) --frames (\d+)(?! --)", line)
    size, frames = named[-1]
    made = langit(tmp_path / "home", *given, "--size", size, "--frames", frames)
    assert made.returncode == 0 and file.exists(), made.stderr
