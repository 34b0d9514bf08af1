"""Print for people: every line that a verb says passes through here, since names and texts in it may be strangers'."""

from __future__ import annotations

from typing import Final

import typer

from langit.printable import one_line

MAX_LINE: Final = 10_000
"""Characters of a line; a list of skipped files fits, a flood does not."""


def say(text: object, err: bool = False) -> None:
    """Print one line, on stderr with ``err``; what a terminal would obey is escaped."""
    typer.echo(one_line(text, MAX_LINE), err=err)
