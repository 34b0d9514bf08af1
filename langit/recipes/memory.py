"""What training holds of a recipe's networks: states of weights, by the optimiser of each, and activations."""

from __future__ import annotations

from typing import Final

import torch

from langit.plan.hardware import process_memory
from langit.plan.trace import materialize, trace
from langit.recipes.recipe import Recipe, Stage
from langit.text.umt5 import Umt5Encoder
from langit.train.tasks import flow_parameter_kind
from langit.transformer.blank import blank
from langit.transformer.model import VideoTransformer

STATES: Final = 4  # values in single precision of a matrix: weight, gradient, Muon's momentum, average; AdamW has two
KERNELS: Final = 16 << 20  # oneDNN's cache of compiled kernels: peak with and without it, benchmarks.training_plan


def library_memory() -> int:
    """Bytes that a training process holds on a CPU beside its tensors: interpreter, libraries, compiled kernels."""
    torch.optim.AdamW([torch.zeros(1)])  # the first optimiser of a process imports more of torch
    return process_memory() + KERNELS


def state_bytes(recipe: Recipe, stage: Stage, vocabulary: int) -> int:
    """Bytes of weights, gradients, optimisers' states and average, by the optimiser that each parameter has."""
    with blank():
        modules = {
            "transformer": VideoTransformer(recipe.transformer),
            "text": Umt5Encoder(**{**recipe.text.sizes, "vocab_size": vocabulary // recipe.text.d_model}),
        }
    if recipe.text_encoder is not None:
        del modules["text"]  # it stays as it is, and its captions are encoded before
    total = 0
    for part, module in modules.items():
        for name, parameter in module.named_parameters():
            kind = flow_parameter_kind(f"{part}.{name}", parameter)
            muon = kind == "matrix" or (kind == "score" and not stage.training.optim.score_rate)
            total += parameter.numel() * 4 * (STATES if muon else STATES + 1)
    return total


def text_activations(recipe: Recipe, texts: int, words: int) -> int:
    """Bytes of the text encoder's activations, which wait while the transformer computes."""
    if recipe.text_encoder is not None:
        return 0  # it stays as it is
    with blank():
        encoder = Umt5Encoder(**{**recipe.text.sizes, "vocab_size": 1})
    device = torch.device("cpu")

    def build() -> tuple[Umt5Encoder, torch.Tensor, torch.Tensor]:
        shape = (texts, words)
        ids = torch.zeros(shape, dtype=torch.int64, device=device)
        return materialize(encoder, device, torch.float32), ids, torch.ones(shape, dtype=torch.bool, device=device)

    used, _ = trace(build, lambda built: built[0](built[1], built[2]), grad=True)
    return used.peak
