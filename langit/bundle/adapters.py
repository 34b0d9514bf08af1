"""Adapters of a bundle: low-rank matrices for the transformer's weights, and how to sample with them.

    adapters/NAME/  pytorch_lora_weights.safetensors  sampling.json

The weights are in diffusers' LoRA format; the settings are plain JSON for rooms below. Knows nothing of the purpose of
an adapter.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from langit.bundle.quantize import SCALE_SUFFIX
from langit.bundle.tensors import open_tensors
from langit.bundle.weights import pack_weight, read_scales, read_tensor, restore_weight
from langit.config import parse_json
from langit.device import CPU, Placement
from langit.transformer.adapter import Adapter, from_diffusers, to_diffusers
from langit.transformer.protocol import Denoiser

FOLDER = "adapters"
WEIGHTS, SETTINGS = "pytorch_lora_weights.safetensors", "sampling.json"


@dataclass(frozen=True, eq=False)
class TunedAdapter:
    """An adapter, the sampling settings that it was trained for, and its weights' dtypes on disk."""

    adapter: Adapter
    sampling: Mapping[str, Any]
    dtypes: Mapping[str, torch.dtype] = field(default_factory=dict)


def save_adapters(folder: Path, adapters: Mapping[str, TunedAdapter], transformer: Denoiser) -> None:
    """Write a bundle's adapters, each into a folder of its own.

    Raises:
        ValueError: a weight is not finite in its dtype on disk.
    """
    for name, tuned in adapters.items():
        place = folder / FOLDER / name
        place.mkdir(parents=True)
        tensors: dict[str, Tensor] = {}
        for key, tensor in to_diffusers(tuned.adapter, transformer).items():
            tensors |= pack_weight(tensor, key, tuned.dtypes, f"adapter {name}")
        save_file(tensors, place / WEIGHTS, metadata={"format": "pt"})
        text = json.dumps(dict(tuned.sampling), indent=1, ensure_ascii=False) + "\n"
        (place / SETTINGS).write_text(text, encoding="utf-8")


def load_adapters(
    folder: Path, files: Iterable[str], transformer: Denoiser, placement: Placement = CPU
) -> dict[str, TunedAdapter]:
    """Load the adapters of a bundle by name, in order of name.

    Args:
        folder: the bundle.
        files: names of all files of the bundle whose digests were checked.
        transformer: the network that they adapt.
        placement: the device and dtype to load them to.

    Raises:
        ValueError: one of an adapter's two files was not checked or is damaged, or it is for another transformer.
    """
    listed = {parts: name for name in files if (parts := Path(name).parts)[0] == FOLDER}
    adapters: dict[str, TunedAdapter] = {}
    for parts, file in sorted(listed.items()):
        # The adapters are those that the provenance names; what else lies in the folder was refused before.
        if len(parts) != 3 or parts[2] not in (WEIGHTS, SETTINGS):
            raise ValueError(f"{folder / file} is not part of an adapter: get the bundle again")
        for name in (WEIGHTS, SETTINGS):
            if (FOLDER, parts[1], name) not in listed:
                raise ValueError(f"{(folder / file).parent} lacks {name}, or the provenance its hash: get it again")
        if parts[1] not in adapters:
            adapters[parts[1]] = _load_adapter(folder / FOLDER / parts[1], transformer, placement)
    return adapters


def _load_adapter(place: Path, transformer: Denoiser, placement: Placement) -> TunedAdapter:
    try:
        tensors, dtypes = dict[str, Tensor](), dict[str, torch.dtype]()
        with open_tensors(place / WEIGHTS) as file:
            scales = read_scales(file)
            for name in file.entries:
                if name.removesuffix(SCALE_SUFFIX) in scales and name not in scales:
                    continue  # scales, not a weight
                packed = read_tensor(file, name)
                dtypes[name] = packed.dtype
                tensors[name] = restore_weight(packed, name, scales, place / WEIGHTS)
        adapter = placement.put(from_diffusers(tensors, transformer))
        sampling = parse_json((place / SETTINGS).read_bytes(), str(place / SETTINGS))
    except ValueError as error:
        raise ValueError(f"adapter {place} does not fit this model ({error}): get the bundle again") from error
    if not isinstance(sampling, dict):
        raise ValueError(f"{place / SETTINGS} holds no settings: get the bundle again")
    return TunedAdapter(adapter.eval(), sampling, dtypes)
