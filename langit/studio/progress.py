"""What a caller learns while a video is generated: progress as values, and now and then a preview.

Callbacks may raise an exception to cancel: it passes through, and nothing of the video is left behind.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import UInt8

from langit.generate import Model
from langit.generate.preview import decode_preview
from langit.generate.sampler import SamplingStep

PREVIEW_EVERY = 0.5
"""Seconds between two previews, at least."""
PREVIEW_SHARE = 0.06
"""The share of the time that previews may take."""

PreviewFrames = UInt8[np.ndarray, "n H W 3"]
OnPreview = Callable[[PreviewFrames], object]


@dataclass(frozen=True)
class StudioProgress:
    """How far a video is: ``done`` of ``total`` solver steps, in window ``window`` of ``windows``, counted from 1.

    ``seconds`` of the video have been written already, if it is written while it is generated.
    """

    done: int
    total: int
    window: int = 1
    windows: int = 1
    seconds: float = 0.0

    @property
    def details(self) -> str:
        """Windows and seconds in words; empty for a video of one window."""
        parts = [f"window {self.window} of {self.windows}"] if self.windows > 1 else []
        parts += [f"{self.seconds:.3g} s done"] if self.seconds else []
        return ", ".join(parts)


OnProgress = Callable[[StudioProgress], object]


@dataclass
class ProgressReporter:
    """Reports the steps of one video, and decodes previews for those who want them.

    model: decodes previews.
    on_progress: is called after every step.
    on_previews: are called with preview frames at most every PREVIEW_EVERY seconds. Without any, none are decoded.
    """

    model: Model
    on_progress: OnProgress | None = None
    on_previews: Sequence[OnPreview] = ()
    frames: int = 0  # that passed `count_frames`
    preview_seconds: float = field(default=0.0, init=False)
    _due: float = field(default=0.0, init=False)

    def on_step(self, step: SamplingStep) -> None:
        """Report a step."""
        if self.on_progress is not None:
            seconds = self.frames / self.model.fps
            self.on_progress(StudioProgress(step.number, step.total, step.window, step.windows, seconds))
        start = time.monotonic()
        if self.on_previews and start >= self._due:
            frames = decode_preview(step.latents[0], self.model).numpy()
            for on_preview in self.on_previews:
                on_preview(frames)
            end = time.monotonic()
            self.preview_seconds += end - start
            # A slow preview is followed by a longer pause, so that its share of the time stays bounded.
            self._due = end + max(PREVIEW_EVERY, (end - start) * (1 / PREVIEW_SHARE - 1))

    def count_frames(self, frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Pass frames through and count them."""
        for frame in frames:
            # Streams are written while they are sampled: the count tells how much is done.
            self.frames += 1
            yield frame


def side_by_side(frames: PreviewFrames, gap: int = 1) -> UInt8[np.ndarray, "Y X 3"]:
    """Frames as one picture, (H, n W + gaps, 3), with black between them."""
    black = np.zeros((frames.shape[1], gap, 3), np.uint8)
    parts = [part for frame in frames for part in (frame, black)]
    return np.concatenate(parts[:-1], axis=1)
