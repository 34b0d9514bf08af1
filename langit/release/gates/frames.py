"""The frame gate decides which frames may leave. It reads them one by one, in constant memory, and changes nothing.

By default it finds flashes that can harm photosensitive viewers and, where the extra ``nudity`` is installed, nudity.
It finds no violence and no faces: for those an operator can configure an image classifier of their own; none ships.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import UInt8

from langit.release.gates.finding import Finding, enforce
from langit.release.gates.flashes import Flashes
from langit.release.gates.nudity import NudityClassifier, NuditySetting, is_installed
from langit.release.gates.pictures import FrameClassifier
from langit.release.gates.prompt import Setting, label_settings

FLASHES = "flashes"
MEND = "another seed or prompt makes another video; docs/gates.md explains the rule"


@dataclass(frozen=True)
class FramesConfig:
    """Settings of the frame gate.

    flashes: the action for harmful flashes.
    nudity: the action for nudity; ``auto`` refuses where the extra ``nudity`` is installed.
    nudity_threshold: the score from which a frame counts as nudity; 0.8 is what open_nsfw's authors call unsafe.
    model: the folder of an image-classification model, empty for none.
    model_labels: the action for each of its labels: ``label=refuse``, ``label=flag`` or ``label=off``.
    model_threshold: the score from which a label counts.
    per_second: frames that models judge of each second, beginning with the first.
    """

    flashes: Setting = "refuse"
    nudity: NuditySetting = "auto"
    nudity_threshold: float = 0.8
    model: str = ""
    model_labels: tuple[str, ...] = ()
    model_threshold: float = 0.5
    per_second: float = 2.0

    def __post_init__(self) -> None:
        for name in ("model_threshold", "nudity_threshold"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} {getattr(self, name)} is not a probability: use one above 0, up to 1")
        if not self.per_second > 0:
            raise ValueError(f"per_second is {self.per_second}: use more than 0, or configure no model")
        label_settings("model label", self.model_labels)


@runtime_checkable
class PictureJudge(Protocol):
    """Judges one frame at a time; knows nothing of the video."""

    def judge(self, frame: UInt8[np.ndarray, "H W 3"], seconds: float) -> list[Finding]:
        """Findings of the frame that is shown at ``seconds``."""
        ...


@runtime_checkable
class FrameGate(Protocol):
    """Watches the frames of one video."""

    def see(self, frame: UInt8[np.ndarray, "H W 3"]) -> Sequence[Finding]:
        """Examine the next frame; return findings that are new with it."""
        ...


FrameGates = Callable[[float], Sequence[FrameGate]]
"""Makes the gates of one video from its frame rate. Gates remember frames, so every video needs its own."""


def frame_gates(settings: FramesConfig | None = None) -> FrameGates:
    """The gates that the settings configure. Models are loaded here, once for many videos.

    Raises:
        ValueError, OSError: see ``pictures.FrameClassifier``.
        ModuleNotFoundError: the settings ask for the extra ``nudity``, which is not installed.
    """
    settings = settings or FramesConfig()
    judges: list[PictureJudge] = []
    if settings.model:
        labels = label_settings("model label", settings.model_labels)
        judges.append(FrameClassifier(settings.model, labels, settings.model_threshold))
    nudity = settings.nudity
    if nudity == "auto":
        nudity = "refuse" if is_installed() else "off"
    if nudity != "off":
        judges.append(NudityClassifier(nudity, settings.nudity_threshold))

    def make_gates(fps: float) -> Sequence[FrameGate]:
        found: list[FrameGate] = []
        if settings.flashes != "off":
            found.append(FlashGate(fps, settings.flashes))
        found += [ClassifierGate(judge, fps, settings.per_second) for judge in judges]
        return found

    return make_gates


class FlashGate:
    """Reports harmful flashes as findings."""

    def __init__(self, fps: float, setting: Setting) -> None:
        assert setting != "off"
        self._flashes, self._action = Flashes(fps), setting

    def see(self, frame: UInt8[np.ndarray, "H W 3"]) -> Sequence[Finding]:
        """Examine the next frame."""
        return [
            Finding(
                FLASHES,
                f"more than three {'red ' if one.kind == 'red' else ''}flashes within the second before"
                f" {one.seconds:.2f} s, on {one.share:.0%} of a field of view",
                self._action,
            )
            for one in self._flashes.see(frame)
        ]


class ClassifierGate:
    """Reports a classifier's labels as findings, each label once."""

    def __init__(self, judge: PictureJudge, fps: float, per_second: float) -> None:
        self._judge, self._fps, self._per_second = judge, fps, per_second
        self._seen, self._next = 0, 0.0
        self._reported: set[str] = set()

    def see(self, frame: UInt8[np.ndarray, "H W 3"]) -> Sequence[Finding]:
        """Judge the next frame if `per_second` says that it is due."""
        seconds = self._seen / self._fps
        self._seen += 1
        if seconds < self._next - 1e-9:  # tolerance for sums of 1 / per_second
            return []
        self._next += 1 / self._per_second
        new = []
        for finding in self._judge.judge(frame, seconds):
            label = finding.why.split(",")[0]
            if label not in self._reported:
                self._reported.add(label)
                new.append(finding)
        return new


def watch_frames(
    frames: Iterable[UInt8[np.ndarray, "H W 3"]], gates: Sequence[FrameGate], flags: list[Finding]
) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
    """Pass frames on unchanged while gates examine them; add findings that do not refuse to ``flags``.

    Raises:
        Refused: a gate refuses with this frame.
    """
    for frame in frames:
        found = [finding for gate in gates for finding in gate.see(frame)]
        flags += enforce(found, MEND)
        yield frame
