"""Modules and safetensors: save a module's weights in files of bounded size, and load them without a second copy.

Each weight keeps its own dtype on disk, whatever the dtype is in memory; int8 is for storage alone and is restored to
floating point on loading (see `quantize`). Knows no particular model: a module is its names, shapes and tensors.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from langit.bundle.mapped import MappedFile, remember_mapped
from langit.bundle.quantize import SCALE_SUFFIX, dequantize_rows, is_quantizable, quantize_rows
from langit.bundle.tensors import TensorFile, open_tensors
from langit.config import parse_json
from langit.device import Placement

MAX_FILE_BYTES = 15_000_000
SCRATCH_BYTES = 1 << 24  # what converted weights are read to; a multiple of every dtype's size
TORCH_DTYPES: Final = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}

FLOATS: Final = {name for name, dtype in TORCH_DTYPES.items() if dtype.is_floating_point}

Dtypes = Mapping[str, torch.dtype]
"""The dtype on disk of each weight, by name; int8 stands for quantized numbers with scales beside them."""


def named_weights(module: nn.Module) -> dict[str, tuple[str, ...]]:
    """The module's weights by their first name, with all names that share the same tensor."""
    names: dict[int, tuple[str, ...]] = {}
    for name, tensor in module.state_dict(keep_vars=True).items():
        names[id(tensor)] = (*names.get(id(tensor), ()), name)
    return {shared[0]: shared for shared in names.values()}


def choose_dtypes(tensors: Mapping[str, Tensor], dtype: torch.dtype) -> dict[str, torch.dtype]:
    """The dtype of each floating-point weight when a model is stored in ``dtype``.

    In int8 only large matrices and convolutions are quantized; the others are stored in half precision.
    """
    floating = {name: tensor for name, tensor in tensors.items() if tensor.is_floating_point()}
    if dtype != torch.int8:
        return dict.fromkeys(floating, dtype)
    return {name: torch.int8 if is_quantizable(tensor) else torch.float16 for name, tensor in floating.items()}


def pack_weight(tensor: Tensor, name: str, dtypes: Dtypes, what: str) -> dict[str, Tensor]:
    """Copy a weight as it goes on disk: in the dtype it was read in, new weights in half precision.

    Returns:
        One tensor under the weight's name; for int8 a second one, its scales.

    Raises:
        ValueError: the weight is not finite in that dtype.
    """
    default = torch.bfloat16 if tensor.dtype == torch.bfloat16 else torch.float16
    if not tensor.is_floating_point():
        return {name: tensor.detach().to("cpu", copy=True).contiguous()}
    dtype = dtypes.get(name, default)
    if dtype == torch.int8:
        try:
            quantized, scale = quantize_rows(tensor)
        except ValueError as error:
            raise ValueError(f"weight {name} of {what}: {error}") from error
        return {name: quantized, name + SCALE_SUFFIX: scale}
    copy = tensor.detach().to("cpu", dtype, copy=True).contiguous()
    if not copy.isfinite().all():
        precision = "half precision" if dtype == torch.float16 else str(dtype).removeprefix("torch.")
        raise ValueError(f"weight {name} of {what} is not finite in {precision}: it cannot be saved")
    return {name: copy}


def save_weights(
    module: nn.Module, folder: Path, stem: str, dtypes: Dtypes, max_file_bytes: int = MAX_FILE_BYTES
) -> None:
    """Write a module's weights as ``stem.safetensors``, or if they are larger as several files with an index.

    Raises:
        ValueError: a weight is not finite in its dtype on disk.
    """
    # Imported here because only saving needs it, and a bundle should open quickly.
    from huggingface_hub import split_torch_state_dict_into_shards

    state = module.state_dict()
    tensors: dict[str, Tensor] = {}
    for name in named_weights(module):
        tensors |= pack_weight(state[name], name, dtypes, folder.name)
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

    Args:
        folder: where they are.
        stem: the name of the single file, without its ending.
        checked: names of the files in this folder whose digests were checked.

    Raises:
        ValueError: a file is not among the ``checked`` ones, or the index is damaged.
    """
    index, names = folder / f"{stem}.safetensors.index.json", [f"{stem}.safetensors"]
    if index.name in checked:
        try:
            names = sorted(set(parse_json(index.read_bytes(), str(index))["weight_map"].values()))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{index} is not an index of weights: get the bundle again") from error
    for name in names:
        if name not in checked:
            raise ValueError(f"{folder / str(name)} holds weights, but provenance.json has no hash of it: get it again")
    return [folder / name for name in names]


def read_tensor(file: TensorFile, name: str) -> Tensor:
    """Read one tensor on the CPU, in its dtype on disk.

    Raises:
        ValueError: the dtype is not supported, or the file was cut off.
    """
    entry = file.entries[name]
    if entry.dtype not in TORCH_DTYPES:
        raise ValueError(f"tensor {name!r} in {file.path} is of dtype {entry.dtype}, which is not supported")
    tensor = torch.empty(entry.shape, dtype=TORCH_DTYPES[entry.dtype], device="cpu")
    if entry.end > entry.begin:
        file.read_into(name, tensor.view(-1).view(torch.uint8).numpy())  # as bytes: numpy has no bfloat16
    return tensor


def read_scales(file: TensorFile) -> dict[str, Tensor]:
    """The scales of a file's int8 weights, by the name of the weight.

    Raises:
        ValueError: see :func:`read_tensor`.
    """
    names = [name for name in file.entries if name.endswith(SCALE_SUFFIX)]
    return {name.removesuffix(SCALE_SUFFIX): read_tensor(file, name) for name in names}


def restore_weight(tensor: Tensor, name: str, scales: Mapping[str, Tensor], path: Path) -> Tensor:
    """Undo :func:`pack_weight`: an int8 tensor that has scales becomes single precision, others stay as they are.

    Raises:
        ValueError: an int8 tensor has no scales, or they do not fit.
    """
    scale = scales.get(name)
    if scale is None and tensor.dtype == torch.int8:
        raise ValueError(f"int8 weight {name!r} in {path} has no scales: get the bundle again")
    if scale is None:
        return tensor
    if tensor.dtype != torch.int8 or scale.dtype != torch.float32 or scale.shape != tensor.shape[:1]:
        raise ValueError(f"weight {name!r} in {path} does not fit its scales: get the bundle again")
    return dequantize_rows(tensor, scale)


def load_weights(
    module: nn.Module,
    folder: Path,
    stem: str,
    checked: Collection[str],
    placement: Placement,
    *,
    single: Sequence[str] = (),
    ignored: Sequence[str] = (),
) -> dict[str, torch.dtype]:
    """Load the weights of a module that was built on the meta device, one tensor at a time, straight into place.

    Memory peaks at the module's size plus ``SCRATCH_BYTES``; int8 weights need one tensor more.

    Args:
        module: its names and shapes are those of the files.
        folder: where the files are.
        stem: see :func:`weight_files`, as for ``checked``.
        checked: see there.
        placement: where the weights go; the dtype of floating-point weights. With offloading they stay in their files
            and in their dtype there, mapped into the CPU's memory; see :mod:`langit.offload`.
        single: parts of names of weights that stay in single precision whatever the placement's dtype is.
        ignored: parts of names of weights in the files that the module does without.

    Returns:
        The dtype of each weight on disk that is floating point in memory.

    Raises:
        ValueError: the files hold other weights than the module has, or are not ``checked``.
    """
    expected, shapes = named_weights(module), {name: tensor.shape for name, tensor in module.state_dict().items()}
    first_names = {other: first for first, names in expected.items() for other in names}
    missing, dtypes, scales = dict(expected), dict[str, torch.dtype](), dict[str, Tensor]()
    paths = weight_files(folder, stem, checked)
    for path in paths:  # before any weight: a weight and its scales may lie in different files
        with open_tensors(path) as file:
            scales |= read_scales(file)
    scratch = torch.empty(SCRATCH_BYTES, dtype=torch.uint8, device="cpu")
    for path in paths:
        with open_tensors(path) as file:
            mapped = MappedFile.open(file) if placement.offload != "none" else None
            if mapped is not None:
                remember_mapped(module, mapped, single)
            for stored, entry in file.entries.items():
                if stored.removesuffix(SCALE_SUFFIX) in scales and stored not in scales:
                    continue  # scales, which were read above
                if any(part in stored for part in ignored):
                    continue
                name = first_names.get(stored, stored)
                if name in expected and name not in missing and stored != name:
                    continue  # a weight with two names, stored under both
                if name not in missing:
                    raise ValueError(
                        f"{folder} has an unknown weight {stored!r}: its config.json describes another model,"
                        " get the bundle again"
                    )
                if entry.shape != tuple(shapes[name]):
                    raise ValueError(
                        f"weight {stored!r} in {folder} is {entry.shape}, its config needs {tuple(shapes[name])}:"
                        " get the bundle again"
                    )
                keep = any(part in stored for part in single)
                home = placement.device if mapped is None else torch.device("cpu")
                place = Placement(home, torch.float32 if keep else placement.dtype)
                if stored in scales:
                    packed = read_tensor(file, stored)
                    tensor = place.put(restore_weight(packed, stored, scales, path))
                    dtypes[name] = packed.dtype
                else:
                    found = map_tensor(file, stored, mapped)
                    tensor = _read_to(file, stored, scales, place, scratch) if found is None else found
                    if tensor.is_floating_point():
                        dtypes[name] = TORCH_DTYPES[entry.dtype]
                if mapped is None:
                    _check_finite(tensor, stored, path)
                _assign(module, missing.pop(name), tensor)
    if missing:
        raise ValueError(
            f"{folder} lacks weight {min(missing)!r}: its config.json describes another model, get the bundle again"
        )
    return dtypes


def _check_finite(tensor: Tensor, name: str, path: Path) -> None:
    """Refuse weights of which one number would make every pixel black; a sum takes no memory of its own."""
    if tensor.is_floating_point() and not tensor.sum(dtype=torch.float32).isfinite() and not tensor.isfinite().all():
        kind = str(tensor.dtype).removeprefix("torch.")
        raise ValueError(f"weight {name!r} in {path} has values that are not finite in {kind}: get the file again")


def map_tensor(file: TensorFile, name: str, mapped: MappedFile | None) -> Tensor | None:
    """A floating-point weight of a mapped file as it is there; None where it has to be read."""
    dtype = TORCH_DTYPES.get(file.entries[name].dtype)
    if mapped is None or dtype is None or not dtype.is_floating_point:
        return None
    return mapped.tensor(file, name, dtype)


def _read_to(
    file: TensorFile, name: str, scales: Mapping[str, Tensor], placement: Placement, scratch: Tensor
) -> Tensor:
    """Read one tensor to where it belongs and in the dtype it has there, piece by piece if that is not as on disk."""
    entry = file.entries[name]
    stored = TORCH_DTYPES.get(entry.dtype)
    converted = stored is not None and stored.is_floating_point and stored != placement.dtype
    if stored is None or not (converted or placement.device.type != "cpu"):
        return placement.put(restore_weight(read_tensor(file, name), name, scales, file.path))
    if stored == torch.int8:
        restore_weight(torch.empty(0, dtype=stored), name, scales, file.path)  # raises: it has no scales
    dtype = placement.dtype if stored.is_floating_point else stored
    tensor = torch.empty(entry.shape, dtype=dtype, device=placement.device)
    flat, count, size = tensor.view(-1), math.prod(entry.shape), stored.itemsize
    # New memory for each tensor would leave gaps that the allocator does not use again, up to the size of the model.
    step = len(scratch) // size
    for begin in range(0, count, step):
        part = scratch[: min(step, count - begin) * size]
        file.read_part(name, begin * size, part.numpy())
        flat[begin : begin + step].copy_(part.view(stored))
    return tensor


def _assign(module: nn.Module, names: tuple[str, ...], weight: Tensor) -> None:
    """Put a weight in the place of a meta tensor, under all names that share it."""
    parameter = nn.Parameter(weight) if weight.is_floating_point() else None
    for full in names:
        owner, leaf = module.get_submodule(full.rpartition(".")[0]), full.rpartition(".")[2]
        if leaf in owner._parameters:
            owner._parameters[leaf] = parameter  # the same object under each name, so that it stays shared
        else:
            owner._buffers[leaf] = weight
