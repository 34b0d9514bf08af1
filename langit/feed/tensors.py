"""Writing tensors to disk: safetensors files that appear whole or not at all, with errors that say what to do.

Knows nothing of what the tensors mean.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from langit.files import atomic_write, system_error


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> None:
    """Write a safetensors file atomically and durably; its folder is created if it is missing.

    Raises:
        OSError: the file cannot be written, for example because the disk is full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with os_errors(path), atomic_write(path, durable=True) as unfinished:
        save_file(dict(tensors), unfinished, metadata=None if metadata is None else dict(metadata))


@contextmanager
def os_errors(path: Path) -> Iterator[None]:
    """Turn the errors of safetensors' writer, which hide the operating system's, into the ``OSError`` that they are."""
    try:
        yield
    except SafetensorError as error:
        hidden = system_error(error, path)
        if hidden is None:
            raise
        raise hidden from error
    except OSError as error:
        if error.filename is not None:
            raise
        raise OSError(error.errno, os_message(error.errno), str(path)) from error


def os_message(code: int | None) -> str:
    """The operating system's words for an error number."""
    return os.strerror(code) if code is not None else "unknown error"
