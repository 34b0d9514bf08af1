"""LoRA files on disk: safetensors with tensors of any known format, and PEFT's settings in their metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

from langit.bundle.tensors import open_tensors
from langit.bundle.weights import pack_weight, read_tensor
from langit.config import parse_json
from langit.files import atomic_write
from langit.transformer.adapter import Adapter, to_diffusers
from langit.transformer.lora import WeightChanges, read_changes, with_strength
from langit.transformer.protocol import Denoiser

METADATA = "lora_adapter_metadata"
"""The key of diffusers' and PEFT's settings in a file's metadata."""
PICKLES = (".pt", ".pth", ".bin", ".ckpt", ".pkl")


def read_lora(path: Path, transformer: Denoiser, strength: float = 1.0) -> WeightChanges:
    """Read a LoRA file.

    Raises:
        ValueError: it is a pickle or not safetensors, or was not made for this transformer.
        OSError: it cannot be read.
    """
    if path.suffix.lower() in PICKLES:
        raise ValueError(
            f"LoRA {path} is a pickle, which can run code when it is opened: convert it to safetensors where it came"
            " from, or ask its makers for a .safetensors file"
        )
    if path.is_dir():
        raise ValueError(f"LoRA {path} is a folder: name the .safetensors file in it")
    try:
        with open_tensors(path) as file:
            tensors = {name: read_tensor(file, name) for name in file.entries}
            settings = _read_settings(file.metadata)
        return with_strength(read_changes(tensors, transformer, settings), strength)
    except ValueError as error:
        raise ValueError(f"LoRA {path}: {error}") from error


def _read_settings(metadata: Mapping[str, str]) -> dict[str, Any]:
    if METADATA not in metadata:
        return {}
    plain = parse_json(metadata[METADATA].encode(), "the settings in its metadata")
    if not isinstance(plain, dict):
        raise ValueError("the settings in its metadata are not a JSON object: use an intact file")
    # diffusers writes "transformer.r"; PEFT alone writes "r".
    return {key.removeprefix("transformer."): value for key, value in plain.items()}


def save_lora(path: Path, adapter: Adapter, transformer: Denoiser, metadata: Mapping[str, str]) -> None:
    """Write a trained adapter as diffusers' LoRA format, which PEFT, diffusers and this package read.

    Raises:
        ValueError: a weight is not finite in half precision.
        OSError: the file cannot be written.
    """
    tensors: dict[str, Tensor] = {}
    for key, tensor in to_diffusers(adapter, transformer).items():
        tensors |= pack_weight(tensor, key, {}, f"LoRA {path.name}")
    with atomic_write(path) as unfinished:
        save_file(tensors, unfinished, metadata={"format": "pt", **metadata})


def describe_settings(settings: Mapping[str, Any]) -> dict[str, str]:
    """PEFT settings as metadata of a file."""
    return {METADATA: json.dumps({f"transformer.{key}": value for key, value in settings.items()}, sort_keys=True)}
