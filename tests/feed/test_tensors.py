"""Tensor files appear whole or not at all, and a full disk is an operating system's error that names the file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from langit.feed.tensors import os_errors, write_tensors

FULL = """
import resource, sys
from pathlib import Path
import torch
from langit.feed.tensors import write_tensors
resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600))
try:
    write_tensors(Path(sys.argv[1]), {"a": torch.zeros(10_000)})
except OSError as error:
    print(error.errno, error.filename)
"""


def test_tensors_are_read_back_and_folders_are_created(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "down" / "some.safetensors"
    write_tensors(file, {"a": torch.arange(3)}, {"clips": "[]"})
    assert torch.equal(load_file(file)["a"], torch.arange(3)) and [*file.parent.iterdir()] == [file]


def test_a_file_that_does_not_fit_is_an_os_error_and_leaves_nothing(tmp_path: Path) -> None:
    file = tmp_path / "some.safetensors"
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", FULL, str(file)], capture_output=True, text=True, env=environment)
    assert done.stdout.split() == ["27", str(file)], done.stderr  # EFBIG, "File too large"
    assert list(tmp_path.iterdir()) == []


def test_errors_that_are_not_the_systems_pass_through(tmp_path: Path) -> None:
    with pytest.raises(SafetensorError, match="header"), os_errors(tmp_path):
        raise SafetensorError("bad header")
    with pytest.raises(OSError, match="No space left on device.*some") as caught, os_errors(tmp_path / "some"):
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")
    assert caught.value.filename == str(tmp_path / "some")
