"""Examine a stranger's file in a process of its own, which may use so much time and memory and write nothing.

The file has no name: it is an open descriptor of a file that is in no folder, so it is gone when the last process
that holds it ends, however it ends. Knows how to confine, not what is asked; ``child`` answers.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import IO, Any, Literal

from langit.inquiry.limits import ExaminationError, InquiryLimits, TooMuchError

InquiryTask = Literal["detect", "looks"]
"""What a child can be asked: what a file is, or which footage on record it resembles."""
KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT", "PYTHONPATH")
"""Variables of the environment that a child keeps: it needs no password, and a decoder with a hole in it finds none."""


def nameless_file() -> IO[bytes]:
    """A file in no folder: what is written to it is gone when it is closed, also by the end of the process."""
    return tempfile.TemporaryFile()


async def examine(file: IO[bytes], task: InquiryTask, home: Path, limits: InquiryLimits) -> dict[str, Any]:
    """What a child process says of a file; cancelling kills the child.

    Args:
        file: open, with a descriptor; see :func:`nameless_file`.
        task: what is asked.
        home: whose ledger and keys are asked.
        limits: of the file and of the process.

    Raises:
        TooMuchError: the file is beyond a limit.
        ExaminationError: the child crashed or ran into one of its own limits.
    """
    file.flush()
    limits.check_size(os.fstat(file.fileno()).st_size)
    asked = json.dumps({"task": task, "home": str(home.absolute()), "limits": limits.plain()})
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "langit.inquiry.child", asked),
        stdin=file,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,  # a library's chatter may quote the file
        env={name: os.environ[name] for name in KEPT if name in os.environ} | {"OMP_NUM_THREADS": "1"},
        cwd=tempfile.gettempdir(),
        start_new_session=True,
    )
    try:
        output, _ = await asyncio.wait_for(child.communicate(), limits.wall_seconds)
    except TimeoutError as error:
        raise ExaminationError(
            f"the file was not examined within {limits.wall_seconds:g} seconds: give a shorter or smaller one"
        ) from error
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            await child.wait()
    try:
        answer = json.loads(output)
    except ValueError as error:
        raise ExaminationError(
            f"the file could not be examined (its decoder ended with {_describe_end(child.returncode)}):"
            " it is damaged, or made to damage"
        ) from error
    if "too_much" in answer:
        raise TooMuchError(answer["too_much"])
    if "failed" in answer:
        raise ExaminationError(f"the file could not be examined: {answer['failed']}")
    return dict(answer["answer"])


def _describe_end(code: int | None) -> str:
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-code).name
    return f"code {code}"
