"""How the ledger's verbs answer: as text or JSON, and as files that replace nothing unasked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from langit import printable
from langit.cli.printing import answer, say

LedgerOption = Annotated[str | None, typer.Option("--ledger", help="A folder or s3://…; default: LANGIT_HOME/ledger.")]
AllOption = Annotated[bool, typer.Option("--all", help="List everything, not only the first few.")]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace the file if it exists.")]
KeyName = Annotated[str | None, typer.Option("--name", help="Name for the ledger and its key, if it has none yet.")]
FAILED = 1
"""Exit code when a check ran and failed; 2 means that it could not run, for example for want of a file."""


def show(answer: dict[str, Any], as_json: bool) -> None:
    """Print an answer, for people or for programs."""
    from langit.ledger.answers import format_text

    if as_json:
        typer.echo(to_json(answer).rstrip("\n"))
    else:
        for line in format_text(answer):
            say(line)


def to_json(answer: dict[str, Any]) -> str:
    """An answer as JSON."""
    return printable.to_json(answer) + "\n"


def refuse_overwrite(path: Path, overwrite: bool) -> None:
    """Refuse to replace a file unless the user said so.

    Raises:
        FileExistsError: the file exists.
    """
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} is there already: choose another name, or --overwrite")


def write_files(files: dict[Path, bytes], overwrite: bool, as_json: bool = False) -> None:
    """Write files, each whole or not at all, once none of them would be replaced; answers with their names."""
    from langit.files import write_bytes

    for path in files:
        refuse_overwrite(path, overwrite)
    for path, data in files.items():
        write_bytes(path, data, durable=False)
        if not as_json:
            say(path)  # at once: a later one may fail
    answer({"files": [str(path) for path in files]}, as_json, ())
