"""Starts the same command in several processes, for ``--devices``, and again when one is killed. Knows no recipe.

torch's elastic agent (that of torchrun) starts and watches the processes. A process that ends with an error of its own
ends the run: only one that a signal ended, or that lost its peers, is worth another start.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import Final

from langit.train.restarts import RESTARTS as COUNTED

RESTARTS: Final = 3
"""Times that all processes are started again after one of them died; each goes on from the last checkpoint."""
USER_ERROR: Final = 2  # the exit status after a message


def launch(devices: int, device: str) -> int:
    """Run this command in as many processes; returns their exit status.

    Raises:
        ValueError: there are not as many devices.
    """
    from langit.device import Placement

    kind = Placement.choose(device, "fp32").device.type
    there = _count(kind)
    if not 1 <= devices <= there:
        raise ValueError(f"--devices {devices}: this machine has {there} ({kind}): use 1 to {there}")
    arguments = without_devices(sys.argv[1:])
    for attempt in range(RESTARTS + 1):
        status = _run_together(devices, arguments, attempt)
        if status >= 0:
            return status
    return -status


def _run_together(devices: int, arguments: list[str], attempt: int) -> int:
    """Start the processes once. Returns their exit status; below zero where starting them again may help."""
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)  # the processes say what went wrong
    # One thread each on a CPU: the processes are the parallelism.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ[COUNTED] = str(attempt)
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=devices,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,
        run_id=str(os.getpid()),
    )
    try:
        elastic_launch(config, sys.executable)("-m", "langit", *arguments)
    except ChildFailedError as error:
        statuses = [failure.exitcode for failure in error.failures.values()]
        return USER_ERROR if USER_ERROR in statuses else -1
    except SignalException as error:
        return 128 + int(error.sigval)
    return 0


def _count(kind: str) -> int:
    import torch

    if kind == "cuda":
        return torch.cuda.device_count()
    return 1 if kind == "mps" else os.cpu_count() or 1


def without_devices(arguments: list[str]) -> list[str]:
    """The arguments of one of the processes."""
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
