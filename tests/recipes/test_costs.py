"""What a plan counts is what training holds: states by optimiser, a process's own memory, weights that are cut."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from langit import config, recipes
from langit.plan.hardware import GIB, Hardware, find_hardware
from langit.recipes.costs import plan_recipe, without_manifest
from langit.recipes.memory import state_bytes, text_activations
from langit.text.umt5 import Umt5Encoder
from langit.train.optim import Optimisers
from langit.train.tasks import flow_parameter_kind
from langit.transformer.model import VideoTransformer

FEW = ["autoencoder_stages=[]", "transformer.num_layers=3", "transformer.ffn_dim=384"]
CPU = Hardware("a CPU", 64 * GIB, {"fp32": 1e11}, 1e10, 1e9, "measured here")


@pytest.mark.parametrize("score_rate", [0.0, 1e-4])
def test_states_are_those_that_training_holds(score_rate: float) -> None:
    recipe = config.override(recipes.find("tiny"), [f"stages.scenes.training.optim.score_rate={score_rate}"])
    stage, words = recipe.stages[0], 50
    parts = {
        "transformer": VideoTransformer(recipe.transformer),
        "text": Umt5Encoder(**{**recipe.text.sizes, "vocab_size": words}),
    }
    named = {f"{part}.{name}": p for part, module in parts.items() for name, p in module.named_parameters()}
    optimisers = Optimisers(named, flow_parameter_kind, stage.training.optim)
    for parameter in named.values():
        parameter.grad = torch.ones_like(parameter)
    optimisers.step(0, 10)  # which clears the gradients
    states = sum(value.numel() for key, value in optimisers.state().items() if not key.endswith(":step"))
    weights = sum(parameter.numel() for parameter in named.values())
    assert state_bytes(recipe, stage, words * recipe.text.d_model) == 4 * (3 * weights + states)


def test_a_pretrained_text_encoder_has_no_states(tmp_path: Path) -> None:
    recipe = recipes.find("tiny")
    frozen = replace(recipe, text_encoder=str(tmp_path))
    stage = recipe.stages[0]
    text = Umt5Encoder(**{**recipe.text.sizes, "vocab_size": 50})
    less = state_bytes(recipe, stage, 50 * recipe.text.d_model) - state_bytes(frozen, stage, 50 * recipe.text.d_model)
    assert less >= 16 * sum(parameter.numel() for parameter in text.parameters())
    assert text_activations(frozen, 4, 10) == 0 < text_activations(recipe, 4, 10) < text_activations(recipe, 8, 10)


def test_a_cpus_memory_is_the_processs() -> None:
    """Interpreter and libraries count on a CPU, whose memory they take, and not on a GPU."""
    recipe = config.override(recipes.TRIALS["small"](), ["stages.footage.flow.token_budget=280", *FEW])
    on_cpu, on_gpu = plan_recipe(recipe, CPU), plan_recipe(recipe, find_hardware("h100"))
    assert min(stage.memory for stage in on_cpu.stages) > 0.1 * GIB
    (flow,) = (stage for stage in on_gpu.stages if stage.name == "footage")
    states = state_bytes(recipe, recipe.stages[0], 5_000 * recipe.text.d_model)
    assert states < flow.memory < 3 * states


@pytest.mark.slow
def test_more_devices_cut_weights_that_do_not_fit_and_share_out_muon() -> None:
    recipe = config.override(recipes.find("small"), ["stages.footage.flow.token_budget=1500", *FEW])
    narrow = replace(find_hardware("h100"), memory=50_000_000)

    def flow(hardware: Hardware, devices: int) -> tuple[int, float]:
        found = plan_recipe(recipe, hardware, devices)
        stage = next(stage for stage in found.stages if stage.name == "footage")
        return stage.memory, stage.seconds

    wide = find_hardware("h100")
    one, eight = flow(wide, 1), flow(wide, 8)
    assert eight[0] == one[0], "where they fit, every device has all weights"
    states = state_bytes(recipe, recipe.stages[0], 5_000 * recipe.text.d_model)
    assert one[0] - flow(narrow, 8)[0] == pytest.approx(states * 7 / 8, rel=1e-3)
    assert eight[1] == pytest.approx(one[1] / 8)


def test_sizes_without_a_manifest_are_the_largest_of_the_buckets() -> None:
    recipe = without_manifest(recipes.find("small"))
    assert recipe.stages[0].sizes and recipe.stages[0].sizes[0].endswith("x33")
