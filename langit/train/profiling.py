"""Where the time of training steps goes: ten steps of each stage under torch's profiler.

Writes a trace that chrome://tracing and Perfetto open, and a table of what the host and the device spent time on. Knows
steps by their reports alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from torch.profiler import ProfilerActivity, profile

from langit.device import Placement
from langit.files import atomic_write

Report = Callable[[str, int, int, str], None]
WARM: Final = 3  # steps of a stage that are left out: they compile, and choose kernels
STEPS: Final = 10
ROWS: Final = 40


@dataclass
class _Recording:
    stage: str
    begin: int  # the step after which recording begins
    profiler: profile | None = None


@contextmanager
def profiling(report: Report, folder: Path | None, placement: Placement) -> Iterator[Report]:
    """Record training steps, which are reported with their loss, while a ``with`` block runs.

    Without a folder nothing is done. Of each stage, steps 4 to 13 after this start are recorded, into
    ``folder/STAGE.json`` (a trace) and ``folder/STAGE.txt`` (a table). A stage that ends before leaves what it has.
    """
    if folder is None:
        yield report
        return
    folder.mkdir(parents=True, exist_ok=True)
    now: list[_Recording] = []
    done: set[str] = set()

    def finish() -> None:
        recording = now.pop()
        done.add(recording.stage)
        if recording.profiler is not None:
            recording.profiler.__exit__(None, None, None)
            write_profile(recording.profiler, folder, recording.stage, placement)

    def reported(stage: str, step: int, steps: int, details: str) -> None:
        report(stage, step, steps, details)
        if "loss" not in details:  # films are drawn, latents encoded
            return
        if now and now[0].stage != stage:
            finish()
        if stage in done:
            return
        if not now:
            now.append(_Recording(stage, step + WARM))
        recording = now[0]
        if recording.profiler is None and step >= recording.begin:
            recording.profiler = start_profile(placement)
        elif recording.profiler is not None and step >= recording.begin + STEPS:
            finish()

    try:
        yield reported
    finally:
        if now:
            finish()


def start_profile(placement: Placement) -> profile:
    """A profiler that records every thread of this process, and the device."""
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # it would announce each start
    activities = [ProfilerActivity.CPU]
    if placement.device.type == "cuda":
        activities.append(ProfilerActivity.CUDA)
    every = torch._C._profiler._ExperimentalConfig(profile_all_threads=True)  # micro-batches have threads on a CPU
    profiler = profile(activities=activities, experimental_config=every)
    profiler.__enter__()
    return profiler


def write_profile(profiler: profile, folder: Path, name: str, placement: Placement) -> None:
    """Write what a finished profiler recorded: a trace and a table, the costliest first."""
    profiler.export_chrome_trace(str(folder / f"{name}.json"))
    averages = profiler.key_averages()
    table = averages.table(sort_by="self_cpu_time_total", row_limit=ROWS)
    if placement.device.type == "cuda":
        by_device = averages.table(sort_by="self_cuda_time_total", row_limit=ROWS)
        table = f"host\n\n{table}\n\ndevice\n\n{by_device}"
    with atomic_write(folder / f"{name}.txt") as unfinished:
        unfinished.write_text(f"{STEPS} steps of {name}\n\n{table}\n", encoding="utf-8")
