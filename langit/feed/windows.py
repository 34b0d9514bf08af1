"""Which part of a clip a step learns from: all of it, its beginning, a later part, or one frame of it.

A window is a pure function of (seed, epoch, clip), so that resuming needs no state. Knows numbers of frames only.
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass


@dataclass(frozen=True)
class WindowConfig:
    """Probabilities of the kinds of window; what remains takes the beginning of a clip, of any length."""

    whole: float = 1.0
    later: float = 0.0  # from one of the ``starts`` on, of any length of at least two latent frames
    image: float = 0.0  # one frame, the first or one of the ``starts``
    starts: int = 0  # later frames of every clip at which a window can begin

    def __post_init__(self) -> None:
        for name in ("whole", "later", "image"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"windows.{name} {getattr(self, name)} is not a share: use 0 to 1")
        if self.whole + self.later + self.image > 1 + 1e-9:
            raise ValueError(
                f"windows: whole {self.whole}, later {self.later} and image {self.image} are more than all of the"
                " windows: use shares that sum to at most 1"
            )
        if self.starts < 0 or (self.later > 0 and self.starts == 0):
            raise ValueError(f"windows.starts {self.starts}: use at least 1 where windows are to begin later")

    @property
    def varied(self) -> bool:
        """Whether lengths other than the clips' own are learnt."""
        return self.whole < 1


@dataclass(frozen=True)
class TrainingWindow:
    """``frames`` latent frames from a view's first; view 0 begins with the clip, the others later."""

    view: int
    frames: int


def window_starts(name: str, frames: int, count: int) -> tuple[int, ...]:
    """``count`` different later frames at which windows of the clips of one shard begin, from the shard's name.

    At least five frames (two latent ones) remain after each. There are fewer than ``count`` where a clip is too short.
    """
    rng = random.Random(hashlib.sha256(name.encode()).hexdigest())
    shuffled = sorted(range(1, frames - 4), key=lambda _: rng.random())
    return tuple(sorted(shuffled[:count]))


def draw_window(views: tuple[int, ...], config: WindowConfig, rng: random.Random) -> TrainingWindow:
    """Draw a window of a clip.

    Args:
        views: latent frames of each view, the whole clip first.
        config: how often each kind is drawn.
        rng: only its ``random()`` is called, whose sequence Python promises to keep between versions.
    """
    kind, which, length = rng.random(), rng.random(), rng.random()  # always three, so that kinds do not shift draws
    if kind < config.whole:
        return TrainingWindow(0, views[0])
    kind -= config.whole
    if kind < config.image:
        return TrainingWindow(int(which * len(views)), 1)
    kind -= config.image
    if kind < config.later and len(views) > 1:
        view = 1 + int(which * (len(views) - 1))
        return TrainingWindow(view, 2 + int(length * (views[view] - 1)))
    return TrainingWindow(0, 1 + int(length * views[0]))
