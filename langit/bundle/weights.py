"""Tensors and modules: named weights into safetensors files of a bounded size, and back, quickly.

Half precision on disk, single in memory. Knows no model: a module is its names, shapes and tensors.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

MAX_FILE_BYTES = 15_000_000


def named_weights(module: nn.Module) -> dict[str, tuple[str, ...]]:
    """The module's weights, each once: its first name, and all names that share it."""
    names: dict[int, tuple[str, ...]] = {}
    for name, tensor in module.state_dict(keep_vars=True).items():
        names[id(tensor)] = (*names.get(id(tensor), ()), name)
    return {shared[0]: shared for shared in names.values()}


def save_weights(module: nn.Module, folder: Path, stem: str, max_file_bytes: int = MAX_FILE_BYTES) -> None:
    """Write a module's weights as ``stem.safetensors``, or as parts with the usual index where they are larger.

    Raises:
        ValueError: a weight is not finite in half precision.
    """
    # Imported here: only saving needs it, and opening a bundle has to be quick.
    from huggingface_hub import split_torch_state_dict_into_shards

    state = module.state_dict()
    tensors: dict[str, Tensor] = {}
    for name in named_weights(module):
        half = state[name].detach().to("cpu", torch.float16, copy=True).contiguous()
        if not half.isfinite().all():
            raise ValueError(f"weight {name} of {folder.name} is not finite in half precision: it cannot be saved")
        tensors[name] = half
    plan = split_torch_state_dict_into_shards(
        tensors, filename_pattern=stem + "{suffix}.safetensors", max_shard_size=max_file_bytes
    )
    for file, names in plan.filename_to_tensors.items():
        save_file({name: tensors[name] for name in names}, folder / file, metadata={"format": "pt"})
    if plan.is_sharded:
        index = {"metadata": plan.metadata, "weight_map": plan.tensor_to_filename}
        text = json.dumps(index, indent=1, sort_keys=True)
        (folder / f"{stem}.safetensors.index.json").write_text(text, encoding="utf-8")


def weight_files(folder: Path, stem: str, checked: Collection[str]) -> list[Path]:
    """The files that hold a module's weights: one, or those that its index names.

    Raises:
        ValueError: they are not all among the ``checked`` names of files in this folder, or the index is no index.
    """
    index, names = folder / f"{stem}.safetensors.index.json", [f"{stem}.safetensors"]
    if index.name in checked:
        try:
            names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{index} is no index of weights: get the bundle again") from error
    for name in names:
        if name not in checked:
            raise ValueError(f"{folder / str(name)} holds weights, but provenance.json has no hash of it: get it again")
    return [folder / name for name in names]


def load_weights(module: nn.Module, folder: Path, stem: str, checked: Collection[str]) -> None:
    """Give a module (made on the meta device, so that nothing is drawn only to be overwritten) its weights.

    Raises:
        ValueError: the files hold other weights than the module has, or are not ``checked``.
    """
    tensors: dict[str, Tensor] = {}
    for file in weight_files(folder, stem, checked):
        tensors.update(load_file(file))
    expected, shapes = named_weights(module), {name: tensor.shape for name, tensor in module.state_dict().items()}
    missing, strange = expected.keys() - tensors.keys(), tensors.keys() - expected.keys()
    if missing or strange:
        what = f"lacks weight {min(missing)!r}" if missing else f"has a strange weight {min(strange)!r}"
        raise ValueError(f"{folder} {what}: its config.json tells of another model, get the bundle again")
    for name, shared in expected.items():
        if tensors[name].shape != shapes[name]:
            found, asked = tuple(tensors[name].shape), tuple(shapes[name])
            raise ValueError(
                f"weight {name!r} in {folder} is {found}, its config asks for {asked}: get the bundle again"
            )
        weight = tensors[name].float()
        given: Tensor = weight
        for place, full in enumerate(shared):
            owner = module.get_submodule(full.rpartition(".")[0])
            leaf = full.rpartition(".")[2]
            if leaf in owner._parameters:
                if place == 0:
                    given = nn.Parameter(weight)
                owner._parameters[leaf] = given  # type: ignore[assignment]  # the same Parameter under each shared name
            else:
                owner._buffers[leaf] = given
    left = [name for name, tensor in (*module.named_parameters(), *module.named_buffers()) if tensor.is_meta]
    assert not left, f"not in the state_dict, so not set: {left}"
