"""Checkpoints: safetensors and one JSON in a folder that appears whole or not at all.

Knows names and tensors, no model. A folder is written under a temporary name, flushed to disk and renamed. A process
that is killed at any moment leaves the last good checkpoint, and at most a stray temporary folder that the next save
removes.
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

from langit.feed.tensors import os_errors
from langit.files import replace_folder

NAME = re.compile(r"step-(\d{8})")


@dataclass(frozen=True)
class Checkpoint:
    """What a run needs to go on: its step, facts (JSON) and groups of named tensors (model, ema, optimiser)."""

    step: int
    facts: dict[str, Any]
    tensors: dict[str, dict[str, Tensor]]


def save(folder: Path, checkpoint: Checkpoint, keep: int = 2) -> Path:
    """Write ``folder/step-XXXXXXXX`` atomically and remove all but the ``keep`` newest.

    Raises:
        OSError: it cannot be written, for example because the disk is full; older checkpoints are still there.
    """
    remove_strays(folder)
    target = folder / f"step-{checkpoint.step:08d}"

    def write(unfinished: Path) -> None:
        for group, tensors in checkpoint.tensors.items():
            file = unfinished / f"{group}.safetensors"
            with os_errors(file):
                save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, file)
        facts = {"step": checkpoint.step, "groups": sorted(checkpoint.tensors), "facts": checkpoint.facts}
        (unfinished / "checkpoint.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")

    replace_folder(target, write)
    remove_old(folder, keep)
    return target


def remove_strays(folder: Path) -> None:
    """Remove what saves that were killed have left; creates the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for stray in folder.glob(".step-*"):
        shutil.rmtree(stray, ignore_errors=True)


def remove_old(folder: Path, keep: int) -> None:
    """Remove all but the ``keep`` newest checkpoints."""
    for old in _checkpoints(folder)[:-keep]:
        _remove(old)


def latest(folder: Path) -> Path | None:
    """The newest checkpoint in a folder, or None."""
    checkpoints = _checkpoints(folder)
    return checkpoints[-1] if checkpoints else None


def load(path: Path) -> Checkpoint:
    """Read a checkpoint back, its tensors whole and onto the CPU, however many processes wrote it.

    Raises:
        ValueError: a file is missing or damaged; the message names it.
    """
    try:
        plain = read_json(path)
        if plain.get("shards"):
            from langit.train import shards  # its libraries take a while to import

            tensors = shards.load(path)
        else:
            tensors = {group: load_file(path / f"{group}.safetensors") for group in plain["groups"]}
    except (OSError, SafetensorError, KeyError) as error:
        raise unreadable(path, error) from error
    return Checkpoint(step=plain["step"], facts=plain["facts"], tensors=tensors)


def facts(path: Path) -> tuple[int, dict[str, Any]]:
    """A checkpoint's step and facts, without reading its tensors.

    Raises:
        ValueError: its JSON is missing or damaged.
    """
    plain = read_json(path)
    return int(plain["step"]), dict(plain["facts"])


def read_json(path: Path) -> dict[str, Any]:
    """What a checkpoint says of itself: its step, facts, and groups of tensors.

    Raises:
        ValueError: its JSON is missing or damaged.
    """
    try:
        plain = dict(json.loads((path / "checkpoint.json").read_text(encoding="utf-8")))
        return plain | {"step": int(plain["step"]), "facts": dict(plain["facts"]), "groups": list(plain["groups"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: BaseException) -> ValueError:
    return ValueError(f"checkpoint {path} cannot be read ({error}): delete it and resume from an older one")


def _checkpoints(folder: Path) -> list[Path]:
    """All whole checkpoints, the oldest first."""
    return sorted(path for path in folder.glob("step-*") if NAME.fullmatch(path.name)) if folder.is_dir() else []


def _remove(path: Path) -> None:
    """Take a checkpoint's name away first: a kill while its files go leaves no half of it to be found."""
    gone = path.with_name(f".{path.name}-old")
    path.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)
