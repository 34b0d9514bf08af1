"""Checkpoints: safetensors and one JSON in a folder that appears whole or not at all.

Knows names and tensors, no model. A folder is written under a temporary name, flushed to disk and renamed; a process
killed at any moment leaves the last good checkpoint and at most a stray temporary folder, which the next save clears.
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from langit.files import flush

NAME = re.compile(r"step-(\d{8})")


@dataclass(frozen=True)
class Checkpoint:
    """What a run needs to go on: its step, facts (JSON) and groups of named tensors (model, ema, optimiser)."""

    step: int
    facts: dict[str, Any]
    tensors: dict[str, dict[str, Tensor]]


def save(folder: Path, checkpoint: Checkpoint, keep: int = 2) -> Path:
    """Write ``folder/step-XXXXXXXX`` atomically and drop all but the ``keep`` newest."""
    folder.mkdir(parents=True, exist_ok=True)
    for stray in folder.glob(".step-*"):
        shutil.rmtree(stray, ignore_errors=True)
    target = folder / f"step-{checkpoint.step:08d}"
    draft = folder / f".{target.name}"
    draft.mkdir()
    for group, tensors in checkpoint.tensors.items():
        save_file(
            {name: tensor.detach().contiguous() for name, tensor in tensors.items()}, draft / f"{group}.safetensors"
        )
    facts = {"step": checkpoint.step, "groups": sorted(checkpoint.tensors), "facts": checkpoint.facts}
    (draft / "checkpoint.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")
    for file in draft.iterdir():
        flush(file)
    flush(draft)
    _drop(target)
    draft.rename(target)
    flush(folder)
    for old in _steps(folder)[:-keep]:
        _drop(old)
    return target


def latest(folder: Path) -> Path | None:
    """The newest checkpoint in a folder, or None."""
    found = _steps(folder)
    return found[-1] if found else None


def load(path: Path) -> Checkpoint:
    """Read a checkpoint back.

    Raises:
        ValueError: a file is missing or damaged; the message names it.
    """
    try:
        written = json.loads((path / "checkpoint.json").read_text(encoding="utf-8"))
        tensors = {group: load_file(path / f"{group}.safetensors") for group in written["groups"]}
    except (OSError, SafetensorError, json.JSONDecodeError, KeyError) as error:
        raise ValueError(
            f"checkpoint {path} cannot be read ({error}): delete it and resume from an older one"
        ) from error
    return Checkpoint(step=written["step"], facts=written["facts"], tensors=tensors)


def facts(path: Path) -> tuple[int, dict[str, Any]]:
    """A checkpoint's step and facts, without its tensors.

    Raises:
        ValueError: its JSON is missing or damaged.
    """
    try:
        written = json.loads((path / "checkpoint.json").read_text(encoding="utf-8"))
        return int(written["step"]), dict(written["facts"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"checkpoint {path} cannot be read ({error}): delete it and resume from an older one"
        ) from error


def _steps(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("step-*") if NAME.fullmatch(path.name)) if folder.is_dir() else []


def _drop(path: Path) -> None:
    """Take a checkpoint's name away first: a kill while its files go leaves no half of it to be found."""
    if path.exists():
        gone = path.with_name(f".{path.name}-old")
        path.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)
