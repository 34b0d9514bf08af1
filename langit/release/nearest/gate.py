"""The nearest-clip gate: finds videos that are nearer to a training clip than real clips are to each other.

It compares a video window by window while it passes, in constant memory: about 12 ms for two seconds of video. It says
similar, and never that the clip is the cause, which nobody can tell from the pixels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from numpy.typing import ArrayLike

from langit.autoencoder.protocol import VideoAutoencoder
from langit.bundle import Bundle
from langit.ledger.record import check_one_of
from langit.release.gates.finding import Action, Finding
from langit.release.nearest.bundled import open_index
from langit.release.nearest.index import ClipIndex, ClipMatch, best_matches
from langit.release.nearest.windows import windows

RULE = "nearest clip"


@dataclass(frozen=True)
class NearestConfig:
    """Section ``[nearest]`` of ``release.toml``: when a video is too near to a training clip, and what follows.

    ``near`` is the share of held-out clips that are less near to the training clips than the video must be: higher is
    more lenient. ``copied`` is the share of a stored window's fingerprints that make a copy.
    """

    on: bool = True
    near: float = 0.995
    near_action: Action = "flag"
    copied: float = 1.0
    copied_action: Action = "flag"

    def __post_init__(self) -> None:
        for name in ("near", "copied"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"nearest.{name} {getattr(self, name)} is not a share: use more than 0 and at most 1")
        for name in ("near_action", "copied_action"):
            check_one_of(f"nearest.{name}", getattr(self, name), Action)


class NearestGate:
    """Compares frames as they pass: ``passing`` yields them unchanged, ``findings`` reports afterwards.

    Holds nine small frames and the best match of each kind.
    """

    def __init__(
        self, index: ClipIndex, autoencoder: VideoAutoencoder, fps: float, config: NearestConfig | None = None
    ) -> None:
        self.index, self.autoencoder, self.fps = index, autoencoder, fps
        self.config = config or NearestConfig()
        self.nearest: ClipMatch | None = None
        self.copy: ClipMatch | None = None

    def passing(self, frames: Iterable[ArrayLike]) -> Iterator[ArrayLike]:
        """Yield the frames one by one while they are compared."""
        waiting: list[ArrayLike] = []

        def pull_frames() -> Iterator[ArrayLike]:
            for frame in frames:
                waiting.append(frame)
                yield frame

        # `windows` pulls frames; those that it has pulled are handed on after each window.
        for window in windows(pull_frames(), self.fps):
            yield from waiting
            waiting.clear()
            self.note(self.index.find(self.autoencoder, window))
        yield from waiting

    def compare(self, frames: Iterable[ArrayLike]) -> tuple[Finding, ...]:
        """Compare all frames and report."""
        for _ in self.passing(frames):
            pass
        return self.findings()

    def note(self, matches: list[ClipMatch]) -> None:
        """Keep the best of a window's matches."""
        for match in matches:
            if self.nearest is None or match.score > self.nearest.score:
                self.nearest = match
            if self.copy is None or match.copied > self.copy.copied:
                self.copy = match

    def findings(self) -> tuple[Finding, ...]:
        """At most one for nearness and one for copies; none if the video is as near as held-out clips are."""
        found = []
        copy, near = self.copy, self.nearest
        if copy is not None and copy.copied >= self.config.copied:
            name = self.index.name(copy.clip)
            why = f"it contains {copy.copied:.0%} of the fingerprints of {name}, a training clip"
            found.append(Finding(RULE, why, self.config.copied_action))
        if near is not None and near.share >= self.config.near:
            why = (
                f"similar to {self.index.name(near.clip)}, a training clip; nearer than {near.share:.1%} of"
                " held-out clips are to any"
            )
            found.append(Finding(RULE, why, self.config.near_action))
        return tuple(found)


def check(
    frames: Iterable[ArrayLike], fps: float, model: Bundle, config: NearestConfig | None = None
) -> tuple[Finding, ...]:
    """Compare a video with the training clips of a model.

    Args:
        frames: (H, W, 3) uint8 each, of any size; may be a stream.
        fps: frames per second.
        model: the model; a bundle without an index gives a flag that says so.
        config: when the video is too near; the defaults if left out.

    Raises:
        ValueError: no frames.
    """
    config = config or NearestConfig()
    if not config.on:
        return ()
    index = open_index(model)
    if index is None:
        return (no_index(model),)
    return NearestGate(index, model.autoencoder, fps, config).compare(frames)


def no_index(model: Bundle) -> Finding:
    """A flag that says that a model has no index, so that nothing was compared."""
    why = f"model {model.provenance.model} has no index of its training clips: nothing was compared"
    return Finding(RULE, why, "flag")


def nearest_clips(
    index: ClipIndex, autoencoder: VideoAutoencoder, frames: Iterable[ArrayLike], fps: float, count: int
) -> list[ClipMatch]:
    """The clips that a video is most similar to, over all its windows."""
    found: list[ClipMatch] = []
    for window in windows(frames, fps):
        found = best_matches([*found, *index.find(autoencoder, window, count)], count)
    return found
