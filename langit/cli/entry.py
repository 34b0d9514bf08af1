"""The front door of the command line: the app that verbs register with, and what becomes of a mistake.

A person's mistake is one line on stderr and exit code 2, an interrupt exit code 130; a mistake of ours keeps its
traceback (``LANGIT_TRACEBACK=1`` shows it for every error). It knows no verb.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

import langit
from langit.printable import one_line

EXTRAS = {
    "mujoco": "worlds",
    "OpenGL": "worlds",
    "cv2": "curate",
    "daft": "curate",
    "ray": "ray",
    "diffusers": "open-weights",
}
INTERRUPTED = 130  # 128 and the number of SIGINT, as shells have it

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Langit: a sentence becomes a video, and every video says what made it.",
)


def main(arguments: list[str] | None = None) -> None:
    """Run a verb and leave with its exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        code = app(given or ["--help"], prog_name="langit", standalone_mode=False)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except (ValueError, OSError, ModuleNotFoundError, typer.TyperException) as error:
        if os.environ.get("LANGIT_TRACEBACK"):
            raise
        typer.echo(f"langit: {one_line(_one_line(error))}", err=True)
        code = 2
    if code == INTERRUPTED:
        typer.echo("langit: interrupted", err=True)
    sys.exit(code if isinstance(code, int) else 0)


def _one_line(error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError):
        if error.name not in EXTRAS:
            raise error
        extra = EXTRAS[error.name]
        mend = f"pip install -c constraints.txt -e '.[{extra}]'"
        return f"this needs {error.name}, which is not installed: {mend} in Langit's folder"
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename} cannot be used ({error.strerror}): choose another place, or mend it"
    said = error.format_message() if isinstance(error, typer.TyperException) else str(error)
    return " ".join(said.split()) or type(error).__name__


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"langit {langit.__version__}")
        raise typer.Exit


@app.callback()
def _langit(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which.")] = False,
) -> None:
    del version  # answered by its callback
