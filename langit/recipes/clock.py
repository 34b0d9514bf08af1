"""How a run with a deadline divides its time: shares for autoencoder, adapter and saving; the flow has the rest.

Knows shares and seconds, no stage's settings. `train.clock` is what a stage reads while it trains.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from langit.train.clock import StageClock


@dataclass(frozen=True)
class ClockConfig:
    """Shares of a deadline, and over which share of a stage's time its rate falls.

    ``least`` is the shortest deadline in seconds that is of any use; ``first_films`` the most seconds, as a share of
    the deadline, that training waits for films.
    """

    autoencoder: float = 0.1
    adapter: float = 0.07
    save: float = 0.05  # encoding what is left, the bundle, its index of nearest clips
    first_films: float = 0.12
    fall: float = 0.4
    autoencoder_fall: float = 0.7
    adapter_fall: float = 0.5
    least: float = 240.0
    checkpoint_seconds: float = 60.0  # between two checkpoints, at most

    def __post_init__(self) -> None:
        for name in ("autoencoder", "adapter", "save", "first_films", "fall", "autoencoder_fall", "adapter_fall"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"clock.{name} {getattr(self, name)} is not a share: use 0 to 1")
        if self.autoencoder + self.adapter + self.save + self.first_films > 0.9:
            raise ValueError(
                f"clock: autoencoder {self.autoencoder}, adapter {self.adapter}, save {self.save} and first_films"
                f" {self.first_films} leave less than a tenth of the time to the flow: use smaller shares"
            )
        for name in ("least", "checkpoint_seconds"):
            if not getattr(self, name) > 0:
                raise ValueError(f"clock.{name} {getattr(self, name)} is not a time: use seconds above 0")


@dataclass
class RunClock:
    """The time of one run. ``seconds`` is its deadline, counted from when this was made; None where there is none."""

    config: ClockConfig
    seconds: float | None
    now: Callable[[], float] = time.monotonic
    start: float = field(init=False)
    stopped: str = field(default="", init=False)  # who said that it must end at once
    _stages: list[StageClock] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self.start = self.now()
        if self.seconds is not None and not self.seconds >= self.config.least:
            raise ValueError(
                f"--deadline {self.seconds:g} is too short to be of use: this recipe needs at least"
                f" {self.config.least:g} seconds; nothing was begun"
            )

    @property
    def end(self) -> float:
        """When everything has to be on disk."""
        return float("inf") if self.seconds is None else self.start + self.seconds

    @property
    def left(self) -> float:
        """Seconds until then."""
        return self.end - self.now()

    def films_by(self) -> float:
        """Until when training waits for its first films."""
        return self._part(self.start, self.config.first_films)

    def autoencoder(self, stages: int) -> StageClock:
        """The clock of the next of so many stages of the autoencoder, which share its time."""
        begin = self.now()
        return self._stage(begin, self._part(begin, self.config.autoencoder / stages), self.config.autoencoder_fall)

    def flow(self, stages: int, adapters: int) -> StageClock:
        """The clock of the next of so many stages of the flow, which share what is left but for adapters and saving."""
        kept = self.config.save + (self.config.adapter if adapters else 0.0)
        begin = self.now()
        until = self.end - (self.seconds or 0.0) * kept
        return self._stage(begin, begin + (until - begin) / stages, self.config.fall)

    def adapter(self, adapters: int) -> StageClock:
        """The clock of the next of so many adapters, which share all that is left but for saving."""
        begin = self.now()
        until = self.end - (self.seconds or 0.0) * self.config.save
        return self._stage(begin, begin + (until - begin) / adapters, self.config.adapter_fall)

    def stop(self, why: str) -> None:
        """End now: the stage that trains takes no further step."""
        self.stopped = why
        for stage in self._stages:
            stage.stopped |= not stage.over
            stage.end = min(stage.end, self.now())
        self.seconds = min(self.seconds or float("inf"), self.now() - self.start)

    def _part(self, begin: float, share: float) -> float:
        return float("inf") if self.seconds is None else begin + self.seconds * share

    def _stage(self, begin: float, end: float, fall: float) -> StageClock:
        """Without a deadline it never ends, but can be stopped."""
        stage = StageClock(begin, end, fall, self.config.checkpoint_seconds, self.now)
        self._stages.append(stage)
        return stage
