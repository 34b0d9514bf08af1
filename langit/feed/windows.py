"""Which part of a clip a step learns from: all of it, its beginning, a later part, or one frame of it.

A window is a pure function of (seed, epoch, clip), so that resuming needs no state. Knows numbers of frames only.
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass


@dataclass(frozen=True)
class WindowConfig:
    """Shares of the draws; what is left takes the beginning of a clip, of any length."""

    whole: float = 1.0
    later: float = 0.0  # from one of the ``starts`` on, of any length of at least two latent frames
    image: float = 0.0  # one frame, the first or one of the ``starts``
    starts: int = 0  # later frames of every film at which a window can begin

    def __post_init__(self) -> None:
        for name in ("whole", "later", "image"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"windows.{name} {getattr(self, name)} is not a share: give 0 to 1")
        if self.whole + self.later + self.image > 1 + 1e-9:
            raise ValueError(
                f"windows: whole {self.whole}, later {self.later} and image {self.image} are more than all:"
                " give shares that sum to at most 1"
            )
        if self.starts < 0 or (self.later > 0 and self.starts == 0):
            raise ValueError(f"windows.starts {self.starts}: give at least 1 where windows are to begin later")

    @property
    def varied(self) -> bool:
        """Whether lengths other than the films' own are learnt."""
        return self.whole < 1


@dataclass(frozen=True)
class Window:
    """``frames`` latent frames from the view's first; view 0 begins with the clip, the others later."""

    view: int
    frames: int


def starts_of(name: str, frames: int, count: int) -> tuple[int, ...]:
    """``count`` different later frames at which windows of the films of one shard begin, from the shard's name.

    At least five frames (two latent ones) are left from each on.
    """
    dice = random.Random(hashlib.sha256(name.encode()).hexdigest())
    shuffled = sorted(range(1, frames - 4), key=lambda _: dice.random())
    return tuple(sorted(shuffled[:count]))


def draw_window(views: tuple[int, ...], config: WindowConfig, dice: random.Random) -> Window:
    """A window of a clip.

    Args:
        views: latent frames of each view, the whole clip first.
        config: how often each kind is drawn.
        dice: only its ``random()`` is used, whose sequence Python keeps stable.
    """
    kind, which, length = dice.random(), dice.random(), dice.random()
    if kind < config.whole:
        return Window(0, views[0])
    kind -= config.whole
    if kind < config.image:
        return Window(int(which * len(views)), 1)
    kind -= config.image
    if kind < config.later and len(views) > 1:
        view = 1 + int(which * (len(views) - 1))
        return Window(view, 2 + int(length * (views[view] - 1)))
    return Window(0, 1 + int(length * views[0]))
