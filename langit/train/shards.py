"""Checkpoints of weights that are cut over processes, by torch's distributed checkpoints (DCP) in safetensors.

Every process writes the rows that it has and reads the rows that it needs, whatever number of processes wrote them.
DCP's usual format keeps its index as a pickle, which is never read here: its Hugging Face format keeps the place of
every part in the safetensors' own JSON headers. All processes must reach one file system.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch
import torch.distributed as dist
from safetensors import SafetensorError
from torch import Tensor
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageReader, HuggingFaceStorageWriter
from torch.distributed.checkpoint.metadata import TensorStorageMetadata
from torch.distributed.checkpoint.state_dict_loader import load as read_parts
from torch.distributed.checkpoint.state_dict_saver import save as write_parts
from torch.distributed.tensor import DTensor
from torch.distributed.tensor._utils import compute_local_shape_and_global_offset

from langit.files import replace_folder
from langit.train import checkpoint
from langit.train.checkpoint import Checkpoint

FOLDER: Final = "shards"
"""In a checkpoint; with ``checkpoint.json`` beside it, whose groups are those of the shards."""


def save(folder: Path, saved: Checkpoint, keep: int = 2) -> Path:
    """Write ``folder/step-XXXXXXXX`` atomically, all processes together; the first one removes older ones.

    Raises:
        OSError: some process cannot write its part, for example because the disk is full.
    """
    target = folder / f"step-{saved.step:08d}"
    flat = {f"{group}/{name}": tensor for group, named in saved.tensors.items() for name, tensor in named.items()}
    if dist.get_rank() == 0:
        checkpoint.remove_strays(folder)

        def write(unfinished: Path) -> None:
            dist.broadcast_object_list([str(unfinished)], 0)
            _write(unfinished / FOLDER, flat)
            facts = {"step": saved.step, "groups": sorted(saved.tensors), "facts": saved.facts, "shards": True}
            (unfinished / "checkpoint.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")

        replace_folder(target, write)
        checkpoint.remove_old(folder, keep)
    else:
        told: list[str] = [""]
        dist.broadcast_object_list(told, 0)
        _write(Path(told[0]) / FOLDER, flat)
    dist.barrier()  # nobody goes on before the checkpoint is there
    return target


def _write(folder: Path, flat: dict[str, Tensor]) -> None:
    try:
        write_parts(flat, storage_writer=HuggingFaceStorageWriter(str(folder), save_distributed=True))
    except CheckpointException as error:
        raise _os_error(error, folder) from error


def _os_error(error: CheckpointException, folder: Path) -> OSError:
    """The operating system's error that hides in DCP's, which has one for each process that failed."""
    rank, (inner, _) = next(iter(error.failures.items()))
    code = getattr(inner, "errno", None)
    return OSError(
        code, f"process {rank}: {inner}" if code is None else str(getattr(inner, "strerror", inner)), str(folder)
    )


def load(path: Path) -> dict[str, dict[str, Tensor]]:
    """Read whole tensors of every group, in one process."""
    reader = HuggingFaceStorageReader(str(path / FOLDER))
    flat = {key: torch.empty(value.size, dtype=value.properties.dtype) for key, value in _tensors(reader).items()}
    with warnings.catch_warnings():  # that one process reads alone is what is meant
        warnings.filterwarnings("ignore", message="torch.distributed is disabled")
        read_parts(flat, storage_reader=reader, no_dist=True)
    return _grouped(flat)


def load_like(path: Path, named: Mapping[str, Tensor]) -> Checkpoint:
    """Read a checkpoint, each tensor cut as the parameter of its name is; all processes together where they are cut.

    Args:
        path: of the checkpoint, written by any number of processes, also by one alone.
        named: parameters, cut or whole.

    Raises:
        ValueError: a file is missing or damaged, or a parameter has another shape.
    """
    if not any(isinstance(tensor, DTensor) for tensor in named.values()):
        return checkpoint.load(path)
    plain = checkpoint.read_json(path)
    if not plain.get("shards"):
        whole = checkpoint.load(path)
        cut = {
            group: {name: _cut(value, named[name.partition(":")[0]]) for name, value in tensors.items()}
            for group, tensors in whole.tensors.items()
        }
        return Checkpoint(whole.step, whole.facts, cut)
    try:
        reader = HuggingFaceStorageReader(str(path / FOLDER))
        flat = {key: _blank(key, value, named) for key, value in _tensors(reader).items()}
        read_parts(flat, storage_reader=reader)
    except (OSError, SafetensorError, CheckpointException, KeyError) as error:
        raise checkpoint.unreadable(path, error) from error
    return Checkpoint(plain["step"], plain["facts"], _grouped(flat))


def _tensors(reader: HuggingFaceStorageReader) -> dict[str, TensorStorageMetadata]:
    found = reader.read_metadata().state_dict_metadata
    return {key: value for key, value in found.items() if isinstance(value, TensorStorageMetadata)}


def _blank(key: str, kept: TensorStorageMetadata, named: Mapping[str, Tensor]) -> Tensor:
    """A tensor to read into: cut as the parameter whose it is, or whole where it is a count of steps."""
    parameter = named[key.partition("/")[2].partition(":")[0]]
    if kept.size == parameter.shape:
        return torch.empty_like(parameter, dtype=kept.properties.dtype).detach()
    return torch.empty(kept.size, dtype=kept.properties.dtype)


def _cut(value: Tensor, like: Tensor) -> Tensor:
    """This process's part of a whole tensor, as a parameter is cut."""
    if not isinstance(like, DTensor) or value.shape != like.shape:
        return value
    shape, offset = compute_local_shape_and_global_offset(like.shape, like.device_mesh, like.placements)
    part = value[tuple(slice(begin, begin + size) for begin, size in zip(offset, shape, strict=True))]
    local = part.to(like.device).clone()
    return DTensor.from_local(local, like.device_mesh, like.placements, shape=like.shape, stride=like.stride())


def _grouped(flat: Mapping[str, Tensor]) -> dict[str, dict[str, Any]]:
    groups: dict[str, dict[str, Any]] = {}
    for key, tensor in flat.items():
        group, _, name = key.partition("/")
        groups.setdefault(group, {})[name] = tensor
    return groups
