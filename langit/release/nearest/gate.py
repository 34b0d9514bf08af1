"""The gate of nearness: a video that is nearer to a training clip than real clips are to each other is found out.

Looks at a video frame by frame while it leaves, in windows, in constant memory: about 12 ms for two seconds of video.
Says similar, and never that the clip is the cause: nobody can tell that from the pixels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from numpy.typing import ArrayLike

from langit.autoencoder.model import Autoencoder
from langit.bundle import Bundle
from langit.ledger.record import check_one_of
from langit.release.gates.finding import Action, Finding
from langit.release.nearest.bundled import open_index
from langit.release.nearest.index import ClipIndex, Match, best
from langit.release.nearest.windows import windows

RULE = "nearest clip"


@dataclass(frozen=True)
class NearestConfig:
    """When a video is too near to a clip that was trained on, and what follows.

    ``near`` is the share of held-out clips that have to be less near to the training clips than the video is: higher is
    more lenient. ``copied`` is the share of the fingerprints kept of two seconds of a clip that make a copy of it.
    """

    on: bool = True
    near: float = 0.995
    near_action: Action = "flag"
    copied: float = 1.0
    copied_action: Action = "flag"

    def __post_init__(self) -> None:
        for name in ("near", "copied"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"nearest.{name} {getattr(self, name)} is no share: give more than 0 and up to 1")
        for name in ("near_action", "copied_action"):
            check_one_of(f"nearest.{name}", getattr(self, name), Action)


class Watch:
    """Looks at frames as they pass: ``passing`` gives them on unchanged; ``findings`` says what was seen, afterwards.

    Holds nine small frames and the best match of each kind.
    """

    def __init__(
        self, index: ClipIndex, autoencoder: Autoencoder, fps: float, config: NearestConfig | None = None
    ) -> None:
        self.index, self.autoencoder, self.fps = index, autoencoder, fps
        self.config = config or NearestConfig()
        self.nearest: Match | None = None
        self.copy: Match | None = None

    def passing(self, frames: Iterable[ArrayLike]) -> Iterator[ArrayLike]:
        """The frames, one by one, while they are looked at."""
        waiting: list[ArrayLike] = []

        def seen() -> Iterator[ArrayLike]:
            for frame in frames:
                waiting.append(frame)
                yield frame

        for window in windows(seen(), self.fps):
            yield from waiting
            waiting.clear()
            self.note(self.index.look(self.autoencoder, window))
        yield from waiting

    def look(self, frames: Iterable[ArrayLike]) -> tuple[Finding, ...]:
        """Look at all frames, and say what was found."""
        for _ in self.passing(frames):
            pass
        return self.findings()

    def note(self, matches: list[Match]) -> None:
        """Take notice of a window's matches."""
        for match in matches:
            if self.nearest is None or match.score > self.nearest.score:
                self.nearest = match
            if self.copy is None or match.copied > self.copy.copied:
                self.copy = match

    def findings(self) -> tuple[Finding, ...]:
        """At most one for nearness and one for copies; none where the video is as near as held-out clips are."""
        found = []
        copy, near = self.copy, self.nearest
        if copy is not None and copy.copied >= self.config.copied:
            name = self.index.name(copy.clip)
            why = f"{copy.copied:.0%} of the fingerprints of {name}, which was trained on, are in it"
            found.append(Finding(RULE, why, self.config.copied_action))
        if near is not None and near.share >= self.config.near:
            why = (
                f"similar to {self.index.name(near.clip)}, which was trained on; nearer than {near.share:.1%} of"
                " held-out clips are to any"
            )
            found.append(Finding(RULE, why, self.config.near_action))
        return tuple(found)


def check(
    frames: Iterable[ArrayLike], fps: float, model: Bundle, config: NearestConfig | None = None
) -> tuple[Finding, ...]:
    """Compare a video with the clips that a model was trained on.

    Args:
        frames: each (H, W, 3) uint8, of any size; they may be a stream.
        fps: frames a second.
        model: whose training clips; a bundle without an index of them gives a flag that says so.
        config: when it is too near; the defaults if left out.

    Raises:
        ValueError: no frames.
    """
    config = config or NearestConfig()
    if not config.on:
        return ()
    index = open_index(model)
    if index is None:
        return (unindexed(model),)
    return Watch(index, model.autoencoder, fps, config).look(frames)


def unindexed(model: Bundle) -> Finding:
    """That a model carries no index, so that nothing was compared."""
    why = f"model {model.provenance.model} carries no index of its training clips: nothing was compared"
    return Finding(RULE, why, "flag")


def matches(
    index: ClipIndex, autoencoder: Autoencoder, frames: Iterable[ArrayLike], fps: float, count: int
) -> list[Match]:
    """The clips that a video is most similar to, over all its windows."""
    found: list[Match] = []
    for window in windows(frames, fps):
        found = best([*found, *index.look(autoencoder, window, count)], count)
    return found
