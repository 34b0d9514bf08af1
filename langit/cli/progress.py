"""What a person sees while they wait: a bar on a terminal, elsewhere a line now and then."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer

LINE_EVERY = 30.0  # seconds, of progress where there is no terminal

Report = Callable[[str, int, int, str], None]


@contextmanager
def progress() -> Iterator[Report]:
    """Tells of stages on stderr: a bar for each on a terminal, elsewhere (a log file) a line every half minute."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    facts_column = TextColumn("{task.fields[facts]}")
    console = Console(stderr=True)
    bars = Progress(*columns, facts_column, console=console, transient=True)
    stages: dict[str, TaskID] = {}
    said = time.monotonic()

    def draw(stage: str, done: int, of: int, facts: str) -> None:
        if stage not in stages:
            bars.start()  # only now: whoever makes a mistake sees one line and no bar
            stages[stage] = bars.add_task(stage, facts=facts)
        bars.update(stages[stage], completed=done, total=of, facts=facts)

    def say(stage: str, done: int, of: int, facts: str) -> None:
        nonlocal said
        if time.monotonic() - said >= LINE_EVERY:
            said = time.monotonic()
            typer.echo(f"{stage} {done}/{of} {facts}".rstrip(), err=True)

    try:
        yield draw if console.is_terminal else say
    finally:
        if stages:
            bars.stop()
