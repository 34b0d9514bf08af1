"""Low-rank adapters: two thin matrices per linear layer, whose product is added to the layer's weight.

LoRA (arXiv 2106.09685) on every linear layer of a denoiser. For sampling, products are added to weights; while they are
trained, to the outputs of layers (:mod:`langit.transformer.low_rank`). Names on disk are those of diffusers' LoRA
files. Knows nothing of training, sampling or folders.
"""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Mapping
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from langit.patches import Pack, TextPack
from langit.transformer.blank import blank
from langit.transformer.low_rank import LowRank, changed_layers
from langit.transformer.protocol import Denoiser

PREFIX = "transformer."
_NAME = re.compile(r"transformer\.(?P<layer>.+)\.(?:lora_(?P<half>[AB])\.weight|(?P<alpha>alpha))")


def adaptable_layers(transformer: Denoiser) -> dict[str, nn.Linear | nn.Conv3d]:
    """All layers that can be adapted, by name. The patch embedding is one of them: it computes as a linear layer."""
    modules = transformer.named_modules()
    return {name: layer for name, layer in modules if isinstance(layer, (nn.Linear, nn.Conv3d))}


class LowRankFactor(nn.Module):
    """One of the two thin matrices."""

    def __init__(self, rows: int, columns: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(rows, columns))


class LowRankPair(nn.Module):
    """``lora_A`` (rank x inputs) and ``lora_B`` (outputs x rank), whose product is zero before training."""

    def __init__(self, outputs: int, inputs: int, rank: int) -> None:
        super().__init__()
        self.add_module("lora_A", LowRankFactor(rank, inputs))
        self.add_module("lora_B", LowRankFactor(outputs, rank))
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))  # as nn.Linear; lora_B stays zero

    @property
    def down(self) -> Float[Tensor, "rank I"]:
        return cast(LowRankFactor, self.get_submodule("lora_A")).weight

    @property
    def up(self) -> Float[Tensor, "O rank"]:
        return cast(LowRankFactor, self.get_submodule("lora_B")).weight


class Adapter(nn.Module):
    """A low-rank pair for some layers of a transformer. The scale is 1: alpha equals the rank."""

    def __init__(self, transformer: Denoiser, ranks: Mapping[str, int]) -> None:
        super().__init__()
        layers = adaptable_layers(transformer)
        for name, rank in ranks.items():
            outputs, inputs = layers[name].weight.flatten(1).shape
            self._add_pair(name, LowRankPair(outputs, inputs, rank))

    def _add_pair(self, name: str, pair: LowRankPair) -> None:
        place: nn.Module = self
        *parents, last = name.split(".")
        for parent in parents:
            if parent not in place._modules:
                place.add_module(parent, nn.Module())
            place = place.get_submodule(parent)
        place.add_module(last, pair)

    @classmethod
    def of_rank(cls, transformer: Denoiser, rank: int) -> Adapter:
        """A new adapter of one rank for every layer; it changes nothing before training.

        Raises:
            ValueError: the rank is below 1, or above the shortest side of a layer.
        """
        layers = adaptable_layers(transformer)
        most = min(min(layer.weight.flatten(1).shape) for layer in layers.values())
        if not 1 <= rank <= most:
            raise ValueError(f"adapter rank {rank} is out of range: use 1 to {most}, the shortest side of a layer")
        return cls(transformer, dict.fromkeys(layers, rank))

    def named_pairs(self) -> dict[str, LowRankPair]:
        """The pairs by layer name."""
        return {name: module for name, module in self.named_modules() if isinstance(module, LowRankPair)}

    def weights(self, transformer: Denoiser) -> dict[str, Tensor]:
        """The weights of the adapted layers with the low-rank products added, by name."""
        layers = adaptable_layers(transformer)
        return {
            f"{name}.weight": layers[name].weight + (pair.up @ pair.down).view_as(layers[name].weight)
            for name, pair in self.named_pairs().items()
        }

    def adapted_forward(self, transformer: Denoiser, pack: Pack, text: TextPack) -> Float[Tensor, "N Q"]:
        """The adapted transformer's velocity. The transformer is not modified; gradients reach the pairs."""
        layers = adaptable_layers(transformer)
        attached = [(layers[name], LowRank(pair.down, pair.up)) for name, pair in self.named_pairs().items()]
        with changed_layers(attached):
            velocity: Tensor = transformer(pack, text)
        return velocity

    @torch.no_grad()
    def fuse(self, transformer: Denoiser) -> Denoiser:
        """A second transformer with the adapted weights. It shares the memory of weights that are not adapted."""
        # deepcopy takes an object that is already in its memo from there instead of copying it.
        memo = {id(parameter): parameter for parameter in transformer.parameters()}
        layers = adaptable_layers(transformer)
        for name, weight in self.weights(transformer).items():
            memo[id(layers[name.removesuffix(".weight")].weight)] = nn.Parameter(weight)
        return copy.deepcopy(transformer, dict(memo))


def to_diffusers(adapter: Adapter, transformer: Denoiser) -> dict[str, Tensor]:
    """Tensors of diffusers' ``pytorch_lora_weights.safetensors``; a convolution's have the axes of its kernel."""
    layers, tensors = adaptable_layers(transformer), dict[str, Tensor]()
    for name, pair in adapter.named_pairs().items():
        down, up = pair.down.detach(), pair.up.detach()
        if isinstance(layers[name], nn.Conv3d):
            down = down.view(-1, *layers[name].weight.shape[1:])
            up = up[:, :, None, None, None]
        tensors |= {f"{PREFIX}{name}.lora_A.weight": down, f"{PREFIX}{name}.lora_B.weight": up}
    return tensors


def from_diffusers(tensors: Mapping[str, Tensor], transformer: Denoiser) -> Adapter:
    """The inverse of :func:`to_diffusers`. Layers may be missing, and a layer may have an ``alpha``.

    Raises:
        ValueError: a tensor does not fit the transformer, lacks its other half, or is not finite.
    """
    layers, halves, alphas = adaptable_layers(transformer), dict[tuple[str, str], Tensor](), dict[str, float]()
    for name, tensor in tensors.items():
        match = _NAME.fullmatch(name)
        if match is None or match["layer"] not in layers:
            raise ValueError(f"tensor {name!r} belongs to no layer of this transformer: use an adapter made for it")
        if not bool(tensor.isfinite().all()):
            raise ValueError(f"tensor {name!r} has values that are not finite: use an intact adapter")
        if match["alpha"]:
            alphas[match["layer"]] = float(tensor)
        else:
            halves[match["layer"], match["half"]] = tensor.float().flatten(1)
    ranks: dict[str, int] = {}
    for layer, half in halves:
        other = "B" if half == "A" else "A"
        if (layer, other) not in halves:
            raise ValueError(f"{PREFIX}{layer} has lora_{half} but no lora_{other}: use a complete adapter")
        ranks[layer] = halves[layer, "A"].shape[0]
        if ranks[layer] < 1:
            raise ValueError(f"{PREFIX}{layer} has rank 0: use an intact adapter")
    if not ranks:
        raise ValueError("it has no tensors lora_A and lora_B: use an adapter in diffusers' format")
    with blank():
        adapter = Adapter(transformer, ranks)
    for layer, pair in adapter.named_pairs().items():
        for half, wanted in (("A", pair.down), ("B", pair.up)):
            found = halves[layer, half]
            if found.shape != wanted.shape:
                raise ValueError(
                    f"{PREFIX}{layer}.lora_{half}.weight is {tuple(found.shape)}, this transformer needs"
                    f" {tuple(wanted.shape)}: use an adapter made for it"
                )
            # LoRA's scale is alpha / rank. Folded into lora_B, so that adapters in memory have the scale 1.
            scale = alphas.get(layer, ranks[layer]) / ranks[layer] if half == "B" else 1.0
            cast(LowRankFactor, pair.get_submodule(f"lora_{half}")).weight = nn.Parameter(scale * found)
    return adapter
