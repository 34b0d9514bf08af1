"""Adapters of a bundle: low-rank matrices beside the transformer's weights, and how a model with them is sampled.

    adapters/NAME/  pytorch_lora_weights.safetensors  sampling.json

The weights are in diffusers' LoRA format, half precision; the settings are plain JSON for rooms below. Knows nothing of
what an adapter is for.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from langit.transformer.adapter import Adapter, from_diffusers, to_diffusers
from langit.transformer.model import VideoTransformer

FOLDER = "adapters"
WEIGHTS, SETTINGS = "pytorch_lora_weights.safetensors", "sampling.json"


@dataclass(frozen=True, eq=False)
class TunedAdapter:
    """An adapter, and how the model is sampled with it: plain JSON."""

    adapter: Adapter
    sampling: Mapping[str, Any]


def save_adapters(folder: Path, adapters: Mapping[str, TunedAdapter], transformer: VideoTransformer) -> None:
    """Write a bundle's adapters, each into a folder of its own.

    Raises:
        ValueError: a weight is not finite in half precision.
    """
    for name, tuned in adapters.items():
        place = folder / FOLDER / name
        place.mkdir(parents=True)
        tensors = {}
        for key, tensor in to_diffusers(tuned.adapter, transformer).items():
            tensors[key] = tensor.to("cpu", torch.float16).contiguous()
            if not tensors[key].isfinite().all():
                raise ValueError(f"weight {key} of adapter {name} is not finite in half precision: it cannot be saved")
        save_file(tensors, place / WEIGHTS, metadata={"format": "pt"})
        text = json.dumps(dict(tuned.sampling), indent=1, ensure_ascii=False) + "\n"
        (place / SETTINGS).write_text(text, encoding="utf-8")


def load_adapters(folder: Path, files: Iterable[str], transformer: VideoTransformer) -> dict[str, TunedAdapter]:
    """The adapters of a bundle by name, in order of name; ``files`` are those whose hashes were checked.

    Raises:
        ValueError: one of an adapter's two files was not checked, or it was made for another transformer.
    """
    there = {parts: name for name in files if (parts := Path(name).parts)[0] == FOLDER}
    found: dict[str, TunedAdapter] = {}
    for parts, file in sorted(there.items()):
        if len(parts) != 3 or parts[2] not in (WEIGHTS, SETTINGS):
            raise ValueError(f"{folder / file} is no part of an adapter: get the bundle again")
        for name in (WEIGHTS, SETTINGS):
            if (FOLDER, parts[1], name) not in there:
                raise ValueError(f"{(folder / file).parent} lacks {name}, or the provenance its hash: get it again")
        if parts[1] in found:
            continue
        place = folder / FOLDER / parts[1]
        try:
            adapter = from_diffusers(load_file(place / WEIGHTS), transformer)
            sampling = json.loads((place / SETTINGS).read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"adapter {place} does not fit this model ({error}): get the bundle again") from error
        if not isinstance(sampling, dict):
            raise ValueError(f"{place / SETTINGS} holds no settings: get the bundle again")
        found[parts[1]] = TunedAdapter(adapter.eval(), sampling)
    return found
