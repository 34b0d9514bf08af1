"""Long videos: peak memory, and drift over time.

Memory is measured in a process of its own, as VmHWM: ru_maxrss would include the memory of the process that forked it.
Drift is measured in windows: what the probe still recognises, and three simple statistics relative to the first window.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import UInt8
from torch import Tensor

from langit.bundle import load_bundle
from langit.evaluate.abilities.cases import AbilityCase, Progress, spread_frames
from langit.evaluate.abilities.seams import distance, steps
from langit.evaluate.judges.probe import Probe, judge
from langit.evaluate.judges.truth import agreement
from langit.generate import Model, minute
from langit.generate.model import limited_threads

LASTING = ("shape", "colour", "ground", "sky", "things", "second shape", "second colour")
"""Attributes that stay true however long a video is; actions and camera motions end."""
WINDOW = 4.0  # seconds
_CHILD = """import sys
from langit.evaluate.abilities.minute import peak_memory
sys.stdout.write(str(peak_memory(sys.argv[1], sys.argv[2], float(sys.argv[3]), sys.argv[4:])))"""


def peak_memory(model_name: str, prompt: str, seconds: float, changes: Sequence[str] = ()) -> int:
    """Generate a video without keeping its frames; return this process's peak resident memory in bytes."""
    model = Model.of(load_bundle(model_name)).override(changes)
    with limited_threads(model):
        for _ in minute(prompt, model, seconds=seconds).frames:
            pass
    status = Path("/proc/self/status")
    if status.exists():
        lines = (line.split() for line in status.read_text(encoding="ascii").splitlines())
        return next(1024 * int(words[1]) for words in lines if words[0] == "VmHWM:")
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@dataclass(frozen=True)
class PeakMemory:
    """Peak bytes of each run, by the duration of the video in seconds."""

    peaks: dict[float, tuple[int, ...]]

    @property
    def growth(self) -> float:
        """The median peak of the longest duration as a multiple of that of the shortest."""
        return statistics.median(self.peaks[max(self.peaks)]) / statistics.median(self.peaks[min(self.peaks)])


def measure_memory(
    model_name: str,
    prompt: str,
    seconds: Sequence[float],
    turns: int,
    progress: Progress,
    changes: Sequence[str] = (),
) -> PeakMemory:
    """Measure the peak memory of fresh processes, alternating the durations.

    Raises:
        OSError: a process failed; the message ends with its last line.
    """
    peaks: dict[float, list[int]] = {duration: [] for duration in seconds}
    order = [duration for _ in range(turns) for duration in seconds]
    for done, duration in enumerate(order, start=1):
        command = [sys.executable, "-c", _CHILD, model_name, prompt, str(duration), *changes]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        if ended.returncode:
            lines = ended.stderr.strip().splitlines() or ["no output"]
            raise OSError(f"measuring the memory of a video of {duration:g} s failed: {lines[-1]}")
        peaks[duration].append(int(ended.stdout))
        progress("memory", done, len(order))
    return PeakMemory({duration: tuple(values) for duration, values in peaks.items()})


@dataclass(frozen=True)
class Drift:
    """One long video by window: which lasting attributes are recognised, and three statistics.

    sharpness: mean difference of neighbouring pixels, as a multiple of the first window's.
    movement: median distance of neighbouring frames, in grey levels.
    change: distance of the window's mean picture from the first window's, in grey levels.
    """

    right: dict[str, tuple[bool, ...]]
    sharpness: tuple[float, ...]
    movement: tuple[float, ...]
    change: tuple[float, ...]

    @property
    def shares(self) -> tuple[float, ...]:
        """The share of the lasting attributes that is recognised in each window."""
        return tuple(statistics.fmean(answers) for answers in zip(*self.right.values(), strict=True))


def measure_drift(
    case: AbilityCase, model: Model, probe: Probe, seconds: float, seed: int, on_frame: Callable[[], None]
) -> tuple[Drift, UInt8[Tensor, "T H W 3"]]:
    """Generate a long video of a case's caption and measure its drift; also return one frame of each second."""
    stream = minute(case.caption, model, seconds=seconds, seed=seed)
    length = round(WINDOW * stream.fps)
    verdicts, shown, window, means = [], [], [], []
    sharp: list[float] = []
    movement: list[float] = []
    for number, frame in enumerate(stream.frames):
        on_frame()
        window.append(frame)
        if number % round(stream.fps) == 0:
            shown.append(frame)
        if len(window) == length:
            frames = torch.stack(window)
            verdicts += judge(probe, [spread_frames(frames, probe.config.frames)])
            sharp.append(sharpness(frames))
            movement.append(float(steps(frames).median()))
            means.append(frames.float().mean(dim=0).round().to(torch.uint8))
            window = []
    if not verdicts:
        raise ValueError(f"a video of {seconds:g} s is shorter than a window of {WINDOW:g} s: make at least one window")
    answers = [agreement(case.truth, verdict) for verdict in verdicts]
    drift = Drift(
        right={name: tuple(answer[name] for answer in answers) for name in LASTING if name in case.truth.named},
        sharpness=tuple(value / max(sharp[0], 1e-6) for value in sharp),
        movement=tuple(movement),
        change=tuple(float(distance(mean, means[0])) for mean in means),
    )
    return drift, torch.stack(shown)


def sharpness(frames: UInt8[Tensor, "T H W 3"]) -> float:
    """Return the mean difference of neighbouring pixels, across and down, in grey levels."""
    x = frames.float()
    across, down = (x[:, :, 1:] - x[:, :, :-1]).abs().mean(), (x[:, 1:] - x[:, :-1]).abs().mean()
    return float(across + down) / 2
