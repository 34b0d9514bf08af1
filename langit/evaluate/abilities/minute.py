"""A long video: how much memory it takes to make, and what becomes of it in time.

Memory is the peak of a process of its own (VmHWM, which unlike ru_maxrss does not remember who started the process).
Drift is measured in windows: what the probe still sees, and three plain numbers beside those of the first window.
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
from langit.evaluate.abilities.cases import Case, Progress, seen_in
from langit.evaluate.abilities.joins import distance, steps
from langit.evaluate.judges.probe import Probe, judge
from langit.evaluate.judges.truth import agreement
from langit.generate import Model, calm_threads, minute

LASTING = ("shape", "colour", "ground", "sky", "things", "second shape", "second colour")
"""Attributes that stay true however long a video is; what happens and how the camera goes do not."""
WINDOW = 4.0  # seconds
_CHILD = """import sys
from langit.evaluate.abilities.minute import peak
sys.stdout.write(str(peak(sys.argv[1], sys.argv[2], float(sys.argv[3]), sys.argv[4:])))"""


def peak(model_name: str, prompt: str, seconds: float, changes: Sequence[str] = ()) -> int:
    """Make a video, keep none of its frames, and say how many bytes this process held at most."""
    model = Model.of(load_bundle(model_name)).changed(changes)
    calm_threads(model)
    for _ in minute(prompt, model, seconds=seconds).frames:
        pass
    status = Path("/proc/self/status")
    if status.exists():
        lines = (line.split() for line in status.read_text(encoding="ascii").splitlines())
        return next(1024 * int(words[1]) for words in lines if words[0] == "VmHWM:")
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@dataclass(frozen=True)
class Memory:
    """Peak bytes of each run, by the seconds of video that it made."""

    peaks: dict[float, tuple[int, ...]]

    @property
    def growth(self) -> float:
        """The longest's median peak as a multiple of the shortest's."""
        return statistics.median(self.peaks[max(self.peaks)]) / statistics.median(self.peaks[min(self.peaks)])


def memory(
    model_name: str,
    prompt: str,
    seconds: Sequence[float],
    turns: int,
    progress: Progress,
    changes: Sequence[str] = (),
) -> Memory:
    """Peaks of fresh processes, the durations by turns.

    Raises:
        OSError: a process failed; its last line says why.
    """
    found: dict[float, list[int]] = {each: [] for each in seconds}
    order = [each for _ in range(turns) for each in seconds]
    for done, each in enumerate(order, start=1):
        command = [sys.executable, "-c", _CHILD, model_name, prompt, str(each), *changes]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        if ended.returncode:
            said = ended.stderr.strip().splitlines() or ["nothing was said"]
            raise OSError(f"making {each:g} s to see its memory failed: {said[-1]}")
        found[each].append(int(ended.stdout))
        progress("memory", done, len(order))
    return Memory({each: tuple(peaks) for each, peaks in found.items()})


@dataclass(frozen=True)
class Drift:
    """Of one long video, by window: shares of lasting attributes that are seen, and three numbers.

    sharpness: the mean step between neighbouring pixels, as a multiple of the first window's.
    movement: the median step between neighbouring frames, in grey levels.
    change: the distance of the window's mean picture from the first window's, in grey levels.
    """

    right: dict[str, tuple[bool, ...]]
    sharpness: tuple[float, ...]
    movement: tuple[float, ...]
    change: tuple[float, ...]

    @property
    def shares(self) -> tuple[float, ...]:
        """Of the lasting attributes the share that is seen in each window."""
        return tuple(statistics.fmean(answers) for answers in zip(*self.right.values(), strict=True))


def drift(
    case: Case, model: Model, probe: Probe, seconds: float, seed: int, on_frame: Callable[[], None]
) -> tuple[Drift, UInt8[Tensor, "T H W 3"]]:
    """Make a long video of a case's caption and watch it; also frames of it to look at, one of each second."""
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
            verdicts += judge(probe, [seen_in(frames, probe.config.frames)])
            sharp.append(sharpness(frames))
            movement.append(float(steps(frames).median()))
            means.append(frames.float().mean(dim=0).round().to(torch.uint8))
            window = []
    if not verdicts:
        raise ValueError(f"{seconds:g} s hold no window of {WINDOW:g} s: make at least that")
    answers = [agreement(case.truth, verdict) for verdict in verdicts]
    told = Drift(
        right={name: tuple(each[name] for each in answers) for name in LASTING if name in case.truth.named},
        sharpness=tuple(each / max(sharp[0], 1e-6) for each in sharp),
        movement=tuple(movement),
        change=tuple(float(distance(mean, means[0])) for mean in means),
    )
    return told, torch.stack(shown)


def sharpness(frames: UInt8[Tensor, "T H W 3"]) -> float:
    """The mean difference of neighbouring pixels, across and down, in grey levels."""
    x = frames.float()
    across, down = (x[:, :, 1:] - x[:, :, :-1]).abs().mean(), (x[:, 1:] - x[:, :-1]).abs().mean()
    return float(across + down) / 2
