"""Print what verbs say and answer: names and texts in it may be strangers', so every line passes through here.

A verb that answers takes ``as_json: JsonOption`` and ends with :func:`answer`: one JSON value on stdout for programs,
or lines for people. What it says meanwhile goes to stderr then.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from langit.printable import one_line, to_json

if TYPE_CHECKING:
    from langit.evaluate.report import EvaluationReport

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]

MAX_LINE: Final = 10_000
"""Characters of a line; a list of skipped files fits, a flood does not."""


def say(text: object, err: bool = False) -> None:
    """Print one line, on stderr with ``err``; what a terminal would obey is escaped."""
    typer.echo(one_line(text, MAX_LINE), err=err)


def answer(values: Mapping[str, Any], as_json: bool, lines: Iterable[object]) -> None:
    """Print the answer of a verb: its values for programs, or lines for people."""
    if as_json:
        typer.echo(to_json(dict(values)))
        return
    for line in lines:
        say(line)


def answer_report(report: EvaluationReport, folder: Path, as_json: bool) -> None:
    """Print the main table of a report, or all its figures as JSON, and its folder."""
    if as_json:
        answer({"folder": str(folder.absolute()), "report": json.loads(report.json())}, True, ())
        return
    from rich.console import Console

    # Cells hold names from files: no markup in them, which has links, and each line is escaped like any other.
    console = Console(markup=False, highlight=False, emoji=False, color_system=None)
    with console.capture() as captured:
        console.print(report.table())
    for line in captured.get().splitlines():
        cells = re.split(r"( {2,})", line)
        typer.echo("".join(cell if cell.isspace() else one_line(cell, MAX_LINE) for cell in cells))
    say(folder.absolute())
