"""Low-rank adapters: two thin matrices beside each linear layer, whose product is added to its weight.

LoRA (arXiv 2106.09685), on every linear layer of a video transformer. The sum is taken of weights, never of outputs:
the model that learns computes what the merged one will. Names on disk are those of diffusers' LoRA files. Knows nothing
of training, sampling or folders.
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
from torch.func import functional_call

from langit.patches import Pack, TextPack
from langit.transformer.blank import blank
from langit.transformer.model import VideoTransformer

PREFIX = "transformer."
_NAME = re.compile(r"transformer\.(?P<layer>.+)\.(?:lora_(?P<half>[AB])\.weight|(?P<alpha>alpha))")


def layers_of(transformer: VideoTransformer) -> dict[str, nn.Linear | nn.Conv3d]:
    """Every layer that an adapter may lie beside, by name; the patch embedding is one, as it is used as a linear."""
    modules = transformer.named_modules()
    return {name: layer for name, layer in modules if isinstance(layer, (nn.Linear, nn.Conv3d))}


class Half(nn.Module):
    """One of the two matrices."""

    def __init__(self, rows: int, columns: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(rows, columns))


class Pair(nn.Module):
    """``lora_B lora_A``: rank x inputs, then outputs x rank. The product is zero until something was learnt."""

    def __init__(self, outputs: int, inputs: int, rank: int) -> None:
        super().__init__()
        self.add_module("lora_A", Half(rank, inputs))
        self.add_module("lora_B", Half(outputs, rank))
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))

    @property
    def down(self) -> Float[Tensor, "rank I"]:
        return cast(Half, self.get_submodule("lora_A")).weight

    @property
    def up(self) -> Float[Tensor, "O rank"]:
        return cast(Half, self.get_submodule("lora_B")).weight


class Adapter(nn.Module):
    """A pair for each of some layers of a transformer. Its scale is 1: alpha is the rank."""

    def __init__(self, transformer: VideoTransformer, ranks: Mapping[str, int]) -> None:
        super().__init__()
        layers = layers_of(transformer)
        for name, rank in ranks.items():
            outputs, inputs = layers[name].weight.flatten(1).shape
            self._plant(name, Pair(outputs, inputs, rank))

    def _plant(self, name: str, pair: Pair) -> None:
        place: nn.Module = self
        *parents, last = name.split(".")
        for parent in parents:
            if parent not in place._modules:
                place.add_module(parent, nn.Module())
            place = place.get_submodule(parent)
        place.add_module(last, pair)

    @classmethod
    def beside(cls, transformer: VideoTransformer, rank: int) -> Adapter:
        """An adapter of one rank beside every layer, which changes nothing yet.

        Raises:
            ValueError: the rank is none, or more than the thinnest layer has.
        """
        layers = layers_of(transformer)
        most = min(min(layer.weight.flatten(1).shape) for layer in layers.values())
        if not 1 <= rank <= most:
            raise ValueError(f"rank {rank} of an adapter: give 1 to {most}, the thinnest layer's side")
        return cls(transformer, dict.fromkeys(layers, rank))

    def named_pairs(self) -> dict[str, Pair]:
        """The pairs by the names of their layers."""
        return {name: module for name, module in self.named_modules() if isinstance(module, Pair)}

    def weights(self, transformer: VideoTransformer) -> dict[str, Tensor]:
        """The weights of the adapted layers with the products added, by name."""
        layers = layers_of(transformer)
        return {
            f"{name}.weight": layers[name].weight + (pair.up @ pair.down).view_as(layers[name].weight)
            for name, pair in self.named_pairs().items()
        }

    def ask(self, transformer: VideoTransformer, pack: Pack, text: TextPack) -> Float[Tensor, "N Q"]:
        """What the adapted transformer answers. The transformer itself stays as it is; gradients reach the pairs."""
        answer: Tensor = functional_call(transformer, self.weights(transformer), (pack, text))
        return answer

    @torch.no_grad()
    def merged(self, transformer: VideoTransformer) -> VideoTransformer:
        """A transformer of its own with the adapted weights; those that are not adapted lie in the same memory."""
        there = {id(parameter): parameter for parameter in transformer.parameters()}
        layers = layers_of(transformer)
        for name, weight in self.weights(transformer).items():
            there[id(layers[name.removesuffix(".weight")].weight)] = nn.Parameter(weight)
        return copy.deepcopy(transformer, dict(there))


def to_diffusers(adapter: Adapter, transformer: VideoTransformer) -> dict[str, Tensor]:
    """The tensors of diffusers' ``pytorch_lora_weights.safetensors``; those of a convolution have its kernel's axes."""
    layers, tensors = layers_of(transformer), dict[str, Tensor]()
    for name, pair in adapter.named_pairs().items():
        down, up = pair.down.detach(), pair.up.detach()
        if isinstance(layers[name], nn.Conv3d):
            down = down.view(-1, *layers[name].weight.shape[1:])
            up = up[:, :, None, None, None]
        tensors |= {f"{PREFIX}{name}.lora_A.weight": down, f"{PREFIX}{name}.lora_B.weight": up}
    return tensors


def from_diffusers(tensors: Mapping[str, Tensor], transformer: VideoTransformer) -> Adapter:
    """The inverse of :func:`to_diffusers`; it may leave layers out, and a layer may have an ``alpha``.

    Raises:
        ValueError: a tensor that the transformer has no place for, or that lacks its other half.
    """
    layers, halves, alphas = layers_of(transformer), dict[tuple[str, str], Tensor](), dict[str, float]()
    for name, tensor in tensors.items():
        match = _NAME.fullmatch(name)
        if match is None or match["layer"] not in layers:
            raise ValueError(f"tensor {name!r} belongs to no layer of this transformer: use an adapter made for it")
        if match["alpha"]:
            alphas[match["layer"]] = float(tensor)
        else:
            halves[match["layer"], match["half"]] = tensor.float().flatten(1)
    ranks: dict[str, int] = {}
    for layer, half in halves:
        other = "B" if half == "A" else "A"
        if (layer, other) not in halves:
            raise ValueError(f"{PREFIX}{layer} has lora_{half} and no lora_{other}: use a whole adapter")
        ranks[layer] = halves[layer, "A"].shape[0]
    if not ranks:
        raise ValueError("it holds no lora_A and lora_B: use an adapter by diffusers' names")
    with blank():
        adapter = Adapter(transformer, ranks)
    for layer, pair in adapter.named_pairs().items():
        for half, wanted in (("A", pair.down), ("B", pair.up)):
            found = halves[layer, half]
            if found.shape != wanted.shape:
                raise ValueError(
                    f"{PREFIX}{layer}.lora_{half}.weight is {tuple(found.shape)}, this transformer asks for"
                    f" {tuple(wanted.shape)}: use an adapter made for it"
                )
            scale = alphas.get(layer, ranks[layer]) / ranks[layer] if half == "B" else 1.0
            cast(Half, pair.get_submodule(f"lora_{half}")).weight = nn.Parameter(scale * found)
    return adapter
