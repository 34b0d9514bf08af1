"""Starts the same command several times under torchrun, for ``--devices``. Knows no recipe."""

from __future__ import annotations

import os
import subprocess
import sys

RESTARTS = 3
"""Times that torchrun starts all processes again after one of them died; each goes on from the last checkpoint."""


def launch(devices: int, device: str) -> int:
    """Run this command in as many processes; returns their exit status.

    Raises:
        ValueError: there are not as many devices.
    """
    from langit.device import Placement

    kind = Placement.choose(device, "fp32").device.type
    there = _count(kind)
    if devices > there:
        raise ValueError(f"--devices {devices}: this machine has {there} ({kind}): use at most {there}")
    arguments = _without_devices(sys.argv[1:])
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={devices}"]
    command += [f"--max-restarts={RESTARTS}", "-m", "langit", *arguments]
    # One thread each on a CPU: the processes are the parallelism. torchrun sets it as well, with a warning.
    return subprocess.call(command, env={"OMP_NUM_THREADS": "1", **os.environ})


def _count(kind: str) -> int:
    import torch

    if kind == "cuda":
        return torch.cuda.device_count()
    return 1 if kind == "mps" else os.cpu_count() or 1


def _without_devices(arguments: list[str]) -> list[str]:
    kept: list[str] = []
    skip = False
    for argument in arguments:
        if skip or argument.startswith("--devices="):
            skip = False
            continue
        if argument == "--devices":
            skip = True
            continue
        kept.append(argument)
    return kept
