"""What a person sees while they wait: bars and a preview on a terminal, elsewhere a line now and then.

It knows stages and steps; it does not know which verb is running.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    import numpy as np
    from rich.console import Console, RenderableType
    from rich.progress import Progress

FIRST_LINE = 5.0
"""Seconds after which a stage is mentioned where there is no terminal,"""
LINE_EVERY = 30.0
"""and seconds between two lines after that."""
REFRESHES = 4
"""Times a second that the terminal is redrawn."""

Report = Callable[[str, int, int, str], None]
"""Called with a stage, the number of finished steps, their total, and details."""


@contextmanager
def progress() -> Iterator[Report]:
    """Show the progress of stages on stderr; see :func:`display`."""
    with display() as shown:
        yield shown.report


@contextmanager
def display() -> Iterator[Bars | Lines]:
    """Bars on a terminal; elsewhere, for example in a log file, lines."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield Lines()
        return
    bars = Bars(console)
    try:
        yield bars
    finally:
        bars.stop()


@dataclass
class Lines:
    """A line now and then, with the time that is left."""

    last: float | None = None  # when the last line was written; at first, when the first report came
    every: float = FIRST_LINE
    started: dict[str, tuple[float, int]] = field(default_factory=dict)  # of each stage: when, and at which step

    def report(self, stage: str, done: int, total: int, details: str) -> None:
        """Write a line if the last one is long enough ago."""
        now = time.monotonic()
        began, first = self.started.setdefault(stage, (now, done))
        if self.last is None:
            self.last = now
        if now - self.last < self.every:
            return
        self.last, self.every = now, LINE_EVERY
        left = ""
        if done > first and total > done:
            left = f"about {describe_seconds((now - began) / (done - first) * (total - done))} left"
        typer.echo(", ".join(filter(None, (f"{stage} {done}/{total}", details, left))), err=True)


def describe_seconds(seconds: float) -> str:
    """A duration in the unit that suits it: "40 s", "3 min", "2.5 h"."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


class Bars:
    """A bar for each stage, with a preview under them; they disappear at the end."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.bars: Progress | None = None
        self.picture: RenderableType | None = None

    def report(self, stage: str, done: int, total: int, details: str) -> None:
        """Move the bar of a stage, which is added at its first step."""
        bars = self._start()
        task = next((task.id for task in bars.tasks if task.description == stage), None)
        if task is None:
            task = bars.add_task(stage, details=details)
        bars.update(task, completed=done, total=total, details=details)

    def show(self, frames: np.ndarray) -> None:
        """Draw frames (n, H, W, 3) uint8 under the bars."""
        from langit.cli.picture import half_blocks
        from langit.studio.progress import side_by_side

        self.picture = half_blocks(side_by_side(frames), self.console)

    def stop(self) -> None:
        """Remove everything from the terminal."""
        if self.bars is not None:
            self.bars.stop()

    def _start(self) -> Progress:
        """Start the bars at the first step, so that earlier errors print without a bar."""
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        if self.bars is None:
            display = self

            class WithPicture(Progress):
                def get_renderables(self) -> Iterable[RenderableType]:
                    yield from super().get_renderables()
                    if display.picture is not None:
                        yield display.picture

            self.bars = WithPicture(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.fields[details]}"),
                console=self.console,
                transient=True,
                refresh_per_second=REFRESHES,
            )
            self.bars.start()
        return self.bars
