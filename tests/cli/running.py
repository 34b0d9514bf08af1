"""Run verbs of the command line, in this process or in one of their own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from langit import cli


class Run:
    """A verb that ran in this process: its exit code and what it wrote."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *arguments: object) -> None:
        with pytest.raises(SystemExit) as left:
            cli.main([str(argument) for argument in arguments])
        self.code = left.value.code
        self.out, self.err = capsys.readouterr()


def process(*arguments: object) -> subprocess.Popen[str]:
    """Start a verb in a process of its own, which believes that it writes to a terminal."""
    # A shell that starts the tests in the background has them ignore interrupts; a person's terminal does not.
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    command = [sys.executable, "-c", f"{heed}; from langit.cli import main; main()", *map(str, arguments)]
    # The bar and the preview are drawn as on a terminal.
    drawn = {"FORCE_COLOR": "1", "COLORTERM": "truecolor", "TERM": "xterm-256color", "COLUMNS": "160", "LINES": "40"}
    environment = os.environ | drawn | {"PYTHONIOENCODING": "utf-8"}
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    )


def read_until(running: subprocess.Popen[str], *words: str) -> str:
    """Read a verb's stderr until all the words have appeared, and return it; the verb is still running then."""
    assert running.stderr is not None
    text = b""
    while not all(word.encode() in text for word in words):
        piece = os.read(running.stderr.fileno(), 2**16)
        assert piece, text.decode()
        text += piece
    return text.decode(errors="replace")
