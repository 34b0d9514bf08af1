"""The frame gate: what may leave. It sees frames one by one, in constant memory, and passes them on unchanged.

The default sees flashes that can harm photosensitive viewers, and nothing else: no nudity, no violence, no faces.
For those a classifier can be set, a model that whoever runs this has chosen; none ships.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import UInt8

from langit.release.gates.finding import Finding, enforce
from langit.release.gates.flashes import Flashes
from langit.release.gates.pictures import Classifier
from langit.release.gates.prompt import Setting, label_settings

FLASHES = "flashes"
MEND = "another seed or prompt makes another video; docs/gates.md explains the rule"


@dataclass(frozen=True)
class FramesConfig:
    """What follows from flashes, and which classifier looks at frames.

    ``model`` is the folder of an image-classification model, empty for none; ``model_labels`` says what follows from
    each of its labels (``label=refuse``, ``=flag`` or ``=off``), from ``model_threshold`` on. It looks at the first
    frame and then at ``per_second`` frames of each second.
    """

    flashes: Setting = "refuse"
    model: str = ""
    model_labels: tuple[str, ...] = ()
    model_threshold: float = 0.5
    per_second: float = 2.0

    def __post_init__(self) -> None:
        if not 0 < self.model_threshold <= 1:
            raise ValueError(f"model_threshold {self.model_threshold} is no probability: give one above 0, to 1")
        if not self.per_second > 0:
            raise ValueError(f"{self.per_second} frames per_second are none: give more than 0, or no model")
        label_settings("model label", self.model_labels)


@runtime_checkable
class FrameGate(Protocol):
    """Watches the frames of one video."""

    def see(self, frame: UInt8[np.ndarray, "H W 3"]) -> Sequence[Finding]:
        """The next frame; returns what is found with it and was not before."""
        ...


FrameGates = Callable[[float], Sequence[FrameGate]]
"""Gates for one video of so many frames a second: each video has its own, since they remember frames."""


def frame_gates(settings: FramesConfig | None = None) -> FrameGates:
    """What the settings name; models are read now, once for many videos.

    Raises:
        ValueError, OSError: see ``pictures.Classifier``.
    """
    settings = settings or FramesConfig()
    classifier: Classifier | None = None
    if settings.model:
        labels = label_settings("model label", settings.model_labels)
        classifier = Classifier(settings.model, labels, settings.model_threshold)

    def of(fps: float) -> Sequence[FrameGate]:
        found: list[FrameGate] = []
        if settings.flashes != "off":
            found.append(FlashGate(fps, settings.flashes))
        if classifier is not None:
            found.append(ClassifierGate(classifier, fps, settings.per_second))
        return found

    return of


class FlashGate:
    """Flashes as findings."""

    def __init__(self, fps: float, setting: Setting) -> None:
        assert setting != "off"
        self._flashes, self._action = Flashes(fps), setting

    def see(self, frame: UInt8[np.ndarray, "H W 3"]) -> Sequence[Finding]:
        """The next frame."""
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
    """A classifier's labels as findings, each once."""

    def __init__(self, classifier: Classifier, fps: float, per_second: float) -> None:
        self._classifier, self._fps, self._per_second = classifier, fps, per_second
        self._seen, self._next = 0, 0.0
        self._said: set[str] = set()

    def see(self, frame: UInt8[np.ndarray, "H W 3"]) -> Sequence[Finding]:
        """The next frame, judged if its time has come."""
        seconds = self._seen / self._fps
        self._seen += 1
        if seconds < self._next - 1e-9:
            return []
        self._next += 1 / self._per_second
        new = []
        for finding in self._classifier.judge(frame, seconds):
            label = finding.why.split(",")[0]
            if label not in self._said:
                self._said.add(label)
                new.append(finding)
        return new


def watched(
    frames: Iterable[UInt8[np.ndarray, "H W 3"]], gates: Sequence[FrameGate], flags: list[Finding]
) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
    """The frames, unchanged, as gates let them through; ``flags`` grows by what was found and refuses nothing.

    Raises:
        Refused: at the first frame with which a gate refuses.
    """
    for frame in frames:
        found = [finding for gate in gates for finding in gate.see(frame)]
        flags += enforce(found, MEND)
        yield frame
