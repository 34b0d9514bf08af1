"""What a person sees while they wait: bars and a preview on a terminal, elsewhere a line now and then.

It knows stages, steps and frames; it does not know which verb is at work.
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

    from langit.generate import Model
    from langit.generate.sampler import SamplingStep

LINE_EVERY = 30.0  # seconds, of progress where there is no terminal
LOOK_EVERY = 0.5  # seconds between two previews, at least,
LOOK_SHARE = 0.06  # and the share of the time that they may take
DRAWN = 4  # times a second that the terminal is drawn

Report = Callable[[str, int, int, str], None]
Show = Callable[["np.ndarray"], None]  # frames (n, H, W, 3) uint8


@contextmanager
def progress() -> Iterator[Report]:
    """Tells of stages on stderr: a bar for each on a terminal, elsewhere (a log file) a line every half minute."""
    with display() as shown:
        yield shown.report


@contextmanager
def display() -> Iterator[Bars | Lines]:
    """Bars on a terminal, lines elsewhere."""
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
    """A line now and then."""

    said: float = field(default_factory=time.monotonic)

    def report(self, stage: str, done: int, of: int, facts: str) -> None:
        if time.monotonic() - self.said >= LINE_EVERY:
            self.said = time.monotonic()
            typer.echo(f"{stage} {done}/{of} {facts}".rstrip(), err=True)


class Bars:
    """A bar for each stage, and a preview under them; gone when all is done."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.bars: Progress | None = None
        self.picture: RenderableType | None = None

    def report(self, stage: str, done: int, of: int, facts: str) -> None:
        bars = self._started()
        task = next((task.id for task in bars.tasks if task.description == stage), None)
        if task is None:
            task = bars.add_task(stage, facts=facts)
        bars.update(task, completed=done, total=of, facts=facts)

    def show(self, frames: np.ndarray) -> None:
        from langit.cli.picture import half_blocks, side_by_side

        self.picture = half_blocks(side_by_side(frames), self.console)

    def stop(self) -> None:
        if self.bars is not None:
            self.bars.stop()

    def _started(self) -> Progress:
        """The bars, started only now: whoever makes a mistake sees one line and no bar."""
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
                TextColumn("{task.fields[facts]}"),
                console=self.console,
                transient=True,
                refresh_per_second=DRAWN,
            )
            self.bars.start()
        return self.bars


@dataclass
class Watch:
    """Tells of the steps of sampling, and now and then looks at what the video is becoming.

    model: decodes what is looked at.
    report: where steps are told.
    shows: who looks: the terminal, a file. Without any nothing is decoded.
    of: which of the variations this is, in words.
    notes: to be said as the first step is made: whoever makes a mistake sees one line.
    frames: that were written already, where they are written while they are made.
    """

    model: Model
    report: Report
    shows: tuple[Show, ...]
    of: str = ""
    notes: list[str] = field(default_factory=list)
    frames: int = 0
    due: float = 0.0
    looked: float = 0.0  # seconds that previews have taken

    def on_step(self, step: SamplingStep) -> None:
        while self.notes:
            typer.echo(self.notes.pop(0), err=True)
        facts = [f"video {self.of}"] if self.of else []
        facts += [f"window {step.window} of {step.windows}"] if step.windows > 1 else []
        facts += [f"{self.frames / self.model.fps:.3g} s done"] if self.frames else []
        self.report("sampling", step.number, step.total, ", ".join(facts))
        start = time.monotonic()
        if self.shows and start >= self.due:
            from langit.generate.preview import decode_preview

            frames = decode_preview(step.latents[0], self.model).numpy()
            for show in self.shows:
                show(frames)
            end = time.monotonic()
            self.looked += end - start
            self.due = end + max(LOOK_EVERY, (end - start) * (1 / LOOK_SHARE - 1))

    def counted(self, frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """The same frames, counted as they pass."""
        for frame in frames:
            self.frames += 1
            yield frame
