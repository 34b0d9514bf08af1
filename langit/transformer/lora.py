"""LoRA files of every format that is in use for Wan, as changes of a transformer's weights.

Formats: diffusers and PEFT (``transformer.…lora_A.weight``, with PEFT's config in the file's metadata), the makers'
layer names (``diffusion_model.blocks.0.self_attn.q…``; ComfyUI, lightx2v), musubi-tuner and kohya
(``lora_unet_blocks_0_self_attn_q…``). Beside pairs of thin matrices there may be ``alpha``, whole differences of a
weight (``diff``) and of a bias (``diff_b``). Every tensor of a file is used, or the file is refused.

Changes are added to weights, never to outputs, so that sampling costs nothing more. Knows nothing of training, and no
file: :mod:`langit.bundle.lora` reads those.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from langit.transformer.protocol import Denoiser

# Names of layers in the makers' checkpoints, where diffusers' differ. Order matters: the longer first.
_MAKERS: Final = (
    ("condition_embedder.time_embedder.linear_1", "time_embedding.0"),
    ("condition_embedder.time_embedder.linear_2", "time_embedding.2"),
    ("condition_embedder.text_embedder.linear_1", "text_embedding.0"),
    ("condition_embedder.text_embedder.linear_2", "text_embedding.2"),
    ("condition_embedder.time_proj", "time_projection.1"),
    ("condition_embedder.image_embedder.norm1", "img_emb.proj.0"),
    ("condition_embedder.image_embedder.ff.net.0.proj", "img_emb.proj.1"),
    ("condition_embedder.image_embedder.ff.net.2", "img_emb.proj.3"),
    ("condition_embedder.image_embedder.norm2", "img_emb.proj.4"),
    (".attn1.", ".self_attn."),
    (".attn2.", ".cross_attn."),
    (".to_q", ".q"),
    (".to_k", ".k"),
    (".to_v", ".v"),
    (".to_out.0", ".o"),
    (".add_k_proj", ".k_img"),
    (".add_v_proj", ".v_img"),
    (".ffn.net.0.proj", ".ffn.0"),
    (".ffn.net.2", ".ffn.2"),
    (".norm2", ".norm3"),  # the norm before cross-attention
    (".proj_in", ".before_proj"),  # of VACE
    (".proj_out", ".after_proj"),
)
_PREFIXES: Final = ("base_model.model.", "transformer.", "transformer_2.", "diffusion_model.", "model.")
_UNDERSCORED: Final = ("lora_unet_", "lora_transformer_", "lycoris_")
# What follows a layer's name, and what it means. PEFT puts an adapter's name into the middle.
_KINDS: Final = {
    "down": re.compile(r"\.(lora_A(\.\w+)?\.weight|lora_down\.weight|lora\.down\.weight)$"),
    "up": re.compile(r"\.(lora_B(\.\w+)?\.weight|lora_up\.weight|lora\.up\.weight)$"),
    "alpha": re.compile(r"\.alpha$"),
    "weight": re.compile(r"\.diff$"),
    "bias": re.compile(r"\.(diff_b|lora_B(\.\w+)?\.bias)$"),
}
_OTHERS: Final = {
    "dora_scale": "DoRA",
    "lora_magnitude_vector": "DoRA",
    "hada_": "LoHa",
    "lokr_": "LoKr",
    "oft_": "OFT",
    "lora_mid": "a Tucker decomposition",
}
LISTED: Final = 3
"""Keys that an error message lists."""


@dataclass(frozen=True, eq=False)
class LayerChange:
    """What is added to one layer: ``scale * up @ down + weight`` to its weight, ``bias`` to its bias."""

    down: Float[Tensor, "rank I"] | None = None
    up: Float[Tensor, "O rank"] | None = None
    scale: float = 1.0
    weight: Tensor | None = None
    bias: Tensor | None = None

    def add_to(self, name: str, value: Tensor, strength: float) -> Tensor:
        """The parameter ``name`` ("weight" or "bias") with the change added in single precision, in its own dtype."""
        total = value.float()
        if name == "bias":
            assert self.bias is not None
            total = total + strength * self.bias.to(value.device, torch.float32)
        else:
            if self.down is not None and self.up is not None:
                up, down = (half.to(value.device, torch.float32) for half in (self.up, self.down))
                total = total + (strength * self.scale) * (up @ down).view_as(value)
            if self.weight is not None:
                total = total + strength * self.weight.to(value.device, torch.float32).view_as(value)
        return total.to(value.dtype)

    @property
    def parameters(self) -> tuple[str, ...]:
        """The parameters that are changed."""
        weight = self.down is not None or self.weight is not None
        return tuple(name for name, changed in (("weight", weight), ("bias", self.bias is not None)) if changed)


@dataclass(frozen=True, eq=False)
class WeightChanges:
    """The changes of one file, by layer, and how strongly they are applied."""

    layers: Mapping[str, LayerChange]
    strength: float = 1.0
    rank: int = 0  # the largest

    def changed_parameter(self, name: str, value: Tensor) -> Tensor:
        """A parameter by its full name, changed if this file changes it."""
        layer, _, leaf = name.rpartition(".")
        change = self.layers.get(layer)
        if change is None or leaf not in change.parameters:
            return value
        return change.add_to(leaf, value, self.strength)

    @property
    def names(self) -> frozenset[str]:
        """Full names of the parameters that are changed."""
        return frozenset(f"{layer}.{leaf}" for layer, change in self.layers.items() for leaf in change.parameters)


@torch.no_grad()
def merge_changes(transformer: Denoiser, changes: Iterable[WeightChanges]) -> None:
    """Add changes to a transformer's weights, in place and one weight at a time."""
    parameters = dict(transformer.named_parameters())
    for each in changes:
        for name in sorted(each.names):
            parameters[name].copy_(each.changed_parameter(name, parameters[name]))


def read_changes(
    tensors: Mapping[str, Tensor], transformer: Denoiser, settings: Mapping[str, Any] | None = None
) -> WeightChanges:
    """Read the tensors of a LoRA file.

    Args:
        tensors: by name.
        transformer: whose weights they change.
        settings: PEFT's config, if the file has one in its metadata.

    Raises:
        ValueError: a tensor belongs to no layer, has another shape, is not finite or lacks its other half, or the file
            is of another method.
    """
    layers = _named_layers(transformer)
    aliases = {alias: name for name in layers for alias in layer_aliases(name)}
    parts: dict[str, dict[str, Tensor]] = {}
    unknown = []
    for key, tensor in tensors.items():
        for mark, method in _OTHERS.items():
            if mark in key:
                raise ValueError(f"tensor {key!r} is of {method}, not of LoRA: use a LoRA file")
        kind, layer = _split_key(key, aliases)
        if kind is None or layer is None:
            unknown.append(key)
            continue
        if not bool(tensor.isfinite().all()):
            raise ValueError(f"tensor {key!r} has values that are not finite: use an intact file")
        parts.setdefault(layer, {})[kind] = tensor
    if unknown:
        raise ValueError(_describe_unknown(unknown, len(tensors)))
    if not parts:
        raise ValueError("it has no tensors of a LoRA: use a file with lora_A and lora_B, or lora_down and lora_up")
    changes = {layer: _read_layer(layer, found, layers[layer], settings or {}) for layer, found in parts.items()}
    ranks = [change.down.shape[0] for change in changes.values() if change.down is not None]
    return WeightChanges(changes, rank=max(ranks, default=0))


def with_strength(changes: WeightChanges, strength: float) -> WeightChanges:
    """The same changes, applied more or less.

    Raises:
        ValueError: the strength is not a finite number.
    """
    if not math.isfinite(strength):
        raise ValueError(f"LoRA weight {strength} is not a finite number: use for example 0.8")
    return replace(changes, strength=strength)


def layer_aliases(name: str) -> tuple[str, ...]:
    """The names that files use for a layer: diffusers', the makers', and both with underscores."""
    makers = f".{name}" if name.startswith(("proj_out", "patch_embedding")) else name
    for ours, theirs in _MAKERS:
        makers = makers.replace(ours, theirs)
    if name == "proj_out":
        makers = "head.head"
    makers = makers.lstrip(".")
    plain = tuple(dict.fromkeys((name, makers)))
    return (*plain, *(f"_{each.replace('.', '_')}" for each in plain))


def _named_layers(transformer: Denoiser) -> dict[str, nn.Module]:
    """All modules that have a weight of their own."""
    return {name: module for name, module in transformer.named_modules() if "weight" in module._parameters}


def _split_key(key: str, aliases: Mapping[str, str]) -> tuple[str | None, str | None]:
    """The kind of a tensor and its layer, None where they are unknown."""
    found = next(((kind, match) for kind, pattern in _KINDS.items() if (match := pattern.search(key))), None)
    if found is None:
        return None, None
    kind, match = found
    stem = key[: match.start()]
    for prefix in _UNDERSCORED:
        if stem.startswith(prefix):
            return kind, aliases.get("_" + stem.removeprefix(prefix))
    for prefix in _PREFIXES:
        stem = stem.removeprefix(prefix)
    return kind, aliases.get(stem)


def _describe_unknown(unknown: list[str], total: int) -> str:
    shown = ", ".join(repr(key) for key in sorted(unknown)[:LISTED])
    others = f" and {len(unknown) - LISTED} more" if len(unknown) > LISTED else ""
    return (
        f"{len(unknown)} of its {total} tensors belong to no layer of this transformer ({shown}{others}):"
        " use a LoRA that was made for this model"
    )


def _read_layer(name: str, parts: Mapping[str, Tensor], layer: nn.Module, settings: Mapping[str, Any]) -> LayerChange:
    weight = layer._parameters["weight"]
    bias = layer._parameters.get("bias")
    assert weight is not None
    down, up = parts.get("down"), parts.get("up")
    if (down is None) != (up is None):
        present, missing = ("up", "down") if down is None else ("down", "up")
        raise ValueError(f"layer {name} has its {present} matrix but not its {missing} matrix: use a complete file")
    if down is None and "alpha" in parts and "weight" not in parts and "bias" not in parts:
        raise ValueError(f"layer {name} has an alpha but no matrices: use a complete file")
    scale = 1.0
    if down is not None and up is not None:
        if min(down.ndim, up.ndim) < 2:
            raise ValueError(
                f"layer {name}: its halves are {tuple(down.shape)} and {tuple(up.shape)}, not matrices: use an intact"
                " file"
            )
        down, up = down.flatten(1), up.flatten(1)
        inputs, outputs = math.prod(weight.shape[1:]), weight.shape[0]
        wanted = (outputs, inputs)
        if up.shape[1] != down.shape[0]:
            raise ValueError(
                f"layer {name}: its matrices have ranks {up.shape[1]} and {down.shape[0]}, which have to be equal: use"
                " an intact file"
            )
        if weight.ndim < 2 or (up.shape[0], down.shape[1]) != wanted:
            raise ValueError(
                f"layer {name}: {tuple(up.shape)} x {tuple(down.shape)} does not change a weight of"
                f" {tuple(weight.shape)}: the LoRA was made for a model of another size"
            )
        if down.shape[0] < 1:
            raise ValueError(f"layer {name} has rank 0: use an intact file")
        scale = _scale(name, down.shape[0], parts.get("alpha"), settings)
    for kind, target in (("weight", weight), ("bias", bias)):
        given = parts.get(kind)
        if given is not None and (
            target is None or given.numel() != target.numel() or given.shape[:1] != target.shape[:1]
        ):
            here = "none" if target is None else str(tuple(target.shape))
            raise ValueError(
                f"layer {name}: a difference of {tuple(given.shape)} for a {kind} of {here}: the LoRA was made for"
                " another model"
            )
    return LayerChange(down, up, scale, parts.get("weight"), parts.get("bias"))


def _scale(name: str, rank: int, alpha: Tensor | None, settings: Mapping[str, Any]) -> float:
    """LoRA's scale, alpha / rank: from the layer's own tensor, else PEFT's settings, else 1."""
    if alpha is not None:
        if alpha.numel() != 1:
            raise ValueError(f"layer {name} has an alpha of {tuple(alpha.shape)}, not one number: use an intact file")
        return float(alpha) / rank
    if "lora_alpha" not in settings:
        return 1.0
    if settings.get("use_dora"):
        raise ValueError("it is a DoRA adapter, not a LoRA: use a LoRA file")
    try:
        value = float(settings["lora_alpha"])
        for pattern, other in dict(settings.get("alpha_pattern") or {}).items():
            if re.search(rf"(^|\.){pattern}$", name):  # as PEFT matches its patterns
                value = float(other)
    except (TypeError, ValueError, re.error) as error:
        raise ValueError(
            f"lora_alpha or alpha_pattern in its metadata is wrong ({error}): use an intact file"
        ) from error
    return value / (math.sqrt(rank) if settings.get("use_rslora") else rank)
