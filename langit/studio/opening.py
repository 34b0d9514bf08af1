"""How a studio opens a model: what fits is checked first, then weights are loaded, changed, narrowed and offloaded."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from langit import config
from langit.bundle import Bundle
from langit.bundle.lora import read_lora
from langit.bundle.tensors import open_tensors
from langit.bundle.weights import read_tensor
from langit.device import Placement
from langit.families.load import OpenBundle, is_open_weights
from langit.files import atomic_write, make_private, sha256
from langit.offload import OffloadedModel, offload
from langit.shapes import PixelShape, whole_frames
from langit.studio.request import StudioRequest
from langit.studio.text_requests import GenerateRequest
from langit.text.encoder import TextEncoder
from langit.transformer import VideoTransformer
from langit.transformer.lora import WeightChanges, merge_changes
from langit.transformer.packed_weights import can_pack, pack_blocks
from langit.transformer.parallel import compile_blocks
from langit.transformer.precision import STORAGES, Storage, narrow
from langit.transformer.protocol import Denoiser

if TYPE_CHECKING:
    from langit.plan.model import PlannedModel

EMBEDDINGS: Final = "embeddings"
"""The folder of LANGIT_HOME that keeps encoded prompts of open weights."""
EXPERTS: Final = ("high", "low")


@dataclass(frozen=True)
class LoraFile:
    """A LoRA that is asked for: its file, how strongly it counts, and for which of two experts."""

    path: Path
    strength: float = 1.0
    expert: str = ""

    @classmethod
    def parse(cls, text: str) -> LoraFile:
        """Read ``[high=|low=]FILE[:WEIGHT]``.

        Raises:
            ValueError: the weight is not a number, or there is no such file.
        """
        if not text.strip():
            raise ValueError("--lora is empty: name a .safetensors file, or leave --lora out")
        expert, equals, rest = text.partition("=")
        if not equals or expert not in EXPERTS or Path(text).exists():
            expert, rest = "", text
        name, colon, number = rest.rpartition(":")
        if colon and name and not Path(rest).exists():
            try:
                strength = float(number)
            except ValueError as error:
                raise ValueError(f"--lora {text}: {number!r} is not a weight, use for example FILE:0.8") from error
        else:
            name, strength = rest, 1.0
        path = Path(name)
        if not path.exists():
            raise ValueError(f"--lora {text}: there is no file {str(path)!r}: check the path, or leave --lora out")
        return cls(path, strength, expert)

    def facts(self) -> dict[str, Any]:
        """What a video's record says of it: not the file's name, which may say more than a person wants to publish."""
        said: dict[str, Any] = {"sha256": sha256(self.path), "weight": self.strength}
        return said | ({"expert": self.expert} if self.expert else {})


def check_weights(storage: str, placement: Placement) -> Storage:
    """Check the option ``--weights``.

    Raises:
        ValueError: it is unknown, or contradicts the placement.
    """
    if storage not in STORAGES:
        raise ValueError(f"weights {storage!r} are unknown: use {' or '.join(STORAGES[1:])}, or leave it out")
    if storage and placement.offload != "none":
        raise ValueError(
            f"--weights {storage} keeps weights on the device, --offload {placement.offload} does not: give one of them"
        )
    return storage  # type: ignore[return-value]  # checked above


def check_compiling(compiled: bool, model: str | Path, placement: Placement, storage: Storage) -> None:
    """Check the option ``--compile``.

    Raises:
        ValueError: the model is small and has adapters that are merged later; or weights that come and go with each
            block, which cannot be compiled with it.
    """
    if compiled and not is_open_weights(model):
        raise ValueError(f"--compile is for open weights: {model} takes less time than compiling, leave it out")
    if compiled and (placement.offload == "blocks" or storage == "fp8"):
        other = "--offload blocks" if placement.offload == "blocks" else "--weights fp8"
        raise ValueError(f"--compile and {other} contradict each other: weights change with every block")


def compile_transformers(bundle: Bundle) -> None:
    """Compile one block of each transformer for all of its blocks, in place, at the first step."""
    for denoiser in (bundle.transformer, bundle.low if isinstance(bundle, OpenBundle) else None):
        if isinstance(denoiser, VideoTransformer):
            compile_blocks(denoiser)


def pack_transformers(bundle: Bundle, placement: Placement, storage: Storage) -> None:
    """Pack the weights of open weights' transformers for a CPU's kernel, in place, where they stay and are exact."""
    if not isinstance(bundle, OpenBundle) or storage or placement.offload != "none":
        return
    if can_pack(placement.device, placement.dtype):
        for denoiser in (bundle.transformer, bundle.low):
            if denoiser is not None:
                pack_blocks(denoiser)


def check_memory(
    model: str | Path,
    placement: Placement,
    storage: Storage,
    requests: Sequence[StudioRequest] = (),
    tiled: bool = False,
) -> None:
    """Refuse open weights that do not fit into the device's memory, before they are loaded.

    Args:
        model: a name, a folder or a hub id.
        placement: where it would compute.
        storage: what linear weights are kept in.
        requests: what is to be generated; the smallest video if left out.
        tiled: whether large frames are decoded in tiles.

    Raises:
        ValueError: it does not fit; the message says what would.
    """
    if not is_open_weights(model):
        return
    from langit.plan.fit import check_fits, default_work
    from langit.plan.model import find_model, planned_pixels

    planned = find_model(model)
    cell = 16 if planned.family is None else planned.family.cell
    sizes = {
        planned_pixels(planned, *(getattr(request, name, None) for name in ("size", "frames", "seconds")))
        for request in requests
    }
    # A long video is generated in windows: its length takes no memory.
    longest = planned.pixels.frames
    for request in requests:
        if isinstance(request, GenerateRequest):
            named = _named_frames(request)
            if named is not None:
                check_frames(named, planned)
    for size in sizes or {PixelShape(5, cell, cell)}:
        for name, side in (("width", size.width), ("height", size.height)):
            if side % cell:
                near = " or ".join(str(side // cell * cell + more) for more in (0, cell) if side // cell or more)
                raise ValueError(f"{name} {side} is not a multiple of {cell} for {planned.name}: use {near}")
        if planned.family is not None and size.width * size.height > planned.family.largest:
            made = ", ".join(f"{each.width}x{each.height}" for each in planned.family.pixels)
            raise ValueError(
                f"size {size.width}x{size.height} is larger than {planned.family.name} was made for: use {made}, or"
                f" other multiples of {cell} up to {planned.family.largest} pixels"
            )
        pixels = replace(size, frames=min(size.frames, longest))
        check_fits(planned, replace(default_work(planned, placement), pixels=pixels, storage=storage, tiled=tiled))


def _named_frames(request: GenerateRequest) -> int | None:
    """The number of frames that a request names, by itself or as a part of its size."""
    if request.size is None or request.size.lower().count("x") != 2:
        return request.frames
    frames = PixelShape.parse(request.size).frames
    if request.frames not in (None, frames):
        raise ValueError(f"size {request.size} has {frames} frames, not {request.frames}: give the frames once")
    return frames


def check_loras(model: str | Path, loras: Sequence[LoraFile]) -> None:
    """Refuse LoRA files that do not fit open weights, before these are loaded.

    Raises:
        ValueError: a file is damaged or of another base, or does not say which expert it is for.
    """
    if not loras or not is_open_weights(model):
        return  # a bundle of this project is small, and its files are checked when they are added to it
    from langit.plan.model import find_model

    planned = find_model(model)
    two = planned.family is not None and planned.family.boundary is not None
    for name, build in planned.sizes.transformers.items():
        if name == "transformer" or two:
            _changes(name, build(), loras, two)


def check_frames(frames: int, planned: PlannedModel) -> None:
    """Refuse a number of frames that a model cannot compress, or not sample at once.

    Raises:
        ValueError: names the nearest that it can.
    """
    compression = planned.sizes.autoencoder().compression
    most = planned.pixels.frames
    if frames > most:
        raise ValueError(
            f"{frames} frames are more than {planned.name} samples at once: use at most {most}"
            f" ({most / planned.fps:g} s), or langit minute"
        )
    low = whole_frames(frames, compression)
    if low != frames:
        raise ValueError(
            f"{frames} frames are not one more than a multiple of {compression.time} for {planned.name}: use {low} or"
            f" {low + compression.time}"
        )


def loading_placement(placement: Placement, storage: Storage) -> Placement:
    """Where weights are loaded to: those that are narrowed first come to the CPU, so that a GPU never holds all."""
    return replace(placement, device=torch.device("cpu")) if storage else placement


def settle_weights(
    bundle: Bundle, placement: Placement, storage: Storage, loras: Sequence[LoraFile]
) -> OffloadedModel | None:
    """Change, narrow and offload the weights of an opened bundle, in place.

    Returns:
        What brings offloaded parts; None if nothing is offloaded.

    Raises:
        ValueError: a LoRA is damaged or of another base, or does not say which expert it is for.
    """
    experts: dict[str, Denoiser] = {"transformer": bundle.transformer}
    low = bundle.low if isinstance(bundle, OpenBundle) else None
    if low is not None:
        experts["transformer_2"] = low
    changes = {name: _changes(name, denoiser, loras, low is not None) for name, denoiser in experts.items()}
    if placement.offload == "none":
        for name, denoiser in experts.items():
            merge_changes(denoiser, changes[name])
    if storage:
        for denoiser in experts.values():
            narrow(denoiser, storage)
        for part in (*experts.values(), bundle.text, bundle.autoencoder, getattr(bundle, "pictures", None)):
            if part is not None:
                part.to(placement.device)
    if placement.offload == "none":
        return None
    parts: dict[str, nn.Module] = {**experts, "text_encoder": bundle.text, "vae": bundle.autoencoder}
    pictures = getattr(bundle, "pictures", None)
    if pictures is not None:
        parts["image_encoder"] = pictures
    visiting = {name: _each_visit(found) for name, found in changes.items()}
    return offload(parts, placement, placement.offload, visiting)


def _changes(name: str, denoiser: Denoiser, loras: Sequence[LoraFile], two: bool) -> list[WeightChanges]:
    wanted = {"transformer": "high", "transformer_2": "low"}[name] if two else ""
    for lora in loras:
        if two and not lora.expert:
            raise ValueError(
                f"this model has two experts: say which --lora {lora.path} is for, high={lora.path} or low={lora.path}"
            )
        if not two and lora.expert:
            raise ValueError(f"--lora {lora.expert}={lora.path}: this model has one expert, leave {lora.expert}= out")
    return [read_lora(lora.path, denoiser, lora.strength) for lora in loras if lora.expert == wanted]


def _each_visit(changes: Sequence[WeightChanges]) -> dict[str, Callable[[Tensor], Tensor]]:
    names = sorted({name for each in changes for name in each.names})
    return {name: functools.partial(_add_all, [each for each in changes if name in each.names], name) for name in names}


def _add_all(changes: Sequence[WeightChanges], name: str, value: Tensor) -> Tensor:
    for each in changes:
        value = each.changed_parameter(name, value)
    return value


def remember_embeddings(text: TextEncoder, digest: str, placement: Placement) -> None:
    """Keep encoded prompts on disk, so that a large text encoder need not come for a prompt that was encoded before.

    A file is named for the model's digest, the dtype and the text; one that is damaged is written again.
    """
    encode = text.encode
    folder = config.home() / EMBEDDINGS

    @functools.wraps(encode)
    def look_up(texts: list[str]) -> tuple[Tensor, tuple[int, ...]]:
        found = [_recall(_place(folder, digest, placement, each), each, encode, placement) for each in texts]
        return torch.cat(found), tuple(len(each) for each in found)

    text.__dict__["encode"] = look_up


def _place(folder: Path, digest: str, placement: Placement, text: str) -> Path:
    # Single precision and bf16 differ, and so may devices: an embedding is reused where it would come out the same.
    key = config.canonical([digest, str(placement.dtype), placement.device.type, text])
    return folder / f"{hashlib.sha256(key).hexdigest()}.safetensors"


def _recall(path: Path, text: str, encode: Callable[[list[str]], tuple[Tensor, Any]], placement: Placement) -> Tensor:
    if path.is_file():
        try:
            with open_tensors(path) as file:
                return read_tensor(file, "tokens").to(placement.device)
        except (ValueError, KeyError):
            path.unlink(missing_ok=True)
    tokens = encode([text])[0]
    make_private(path.parent)  # prompts can be tried against names of files and against embeddings
    with atomic_write(path) as unfinished:
        save_file({"tokens": tokens.detach().cpu().contiguous()}, unfinished)
    return tokens


def describe_loras(loras: Sequence[LoraFile]) -> Mapping[str, Any]:
    """LoRA files as a part of a video's sampling facts; nothing without any."""
    return {"loras": [lora.facts() for lora in loras]} if loras else {}
