"""Verbs as a person runs them: in this process, or in one of their own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from langit import cli


class Run:
    """A verb in this process: its exit code and what it wrote."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *arguments: object) -> None:
        with pytest.raises(SystemExit) as left:
            cli.main([str(argument) for argument in arguments])
        self.code = left.value.code
        self.out, self.err = capsys.readouterr()


def process(*arguments: object) -> subprocess.Popen[str]:
    # A shell that starts the tests in the background has them ignore interrupts; a person's terminal does not.
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    command = [sys.executable, "-c", f"{heed}; from langit.cli import main; main()", *map(str, arguments)]
    bars = os.environ | {"FORCE_COLOR": "1"}  # the bar is drawn as on a terminal
    return subprocess.Popen(command, env=bars, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
