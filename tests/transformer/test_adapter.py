"""Adapters agree with diffusers on the same file, and fused with unfused ones."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from diffusers import WanPipeline, WanTransformer3DModel
from safetensors.torch import load_file, save_file
from torch.func import functional_call

from langit.patches import TextPack, pack
from langit.transformer import VideoTransformer
from langit.transformer.adapter import Adapter, adaptable_layers, from_diffusers, to_diffusers

Load = Callable[[WanTransformer3DModel, Path], None]


@pytest.fixture
def adapter(ours: VideoTransformer) -> Adapter:
    made = Adapter.of_rank(ours, 3)
    for pair in made.named_pairs().values():
        torch.nn.init.normal_(pair.up, std=0.1)
    return made


def inputs() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    return torch.randn(2, 5, 3, 4, 6), torch.tensor([310.0, 920.0]), torch.randn(2, 9, 24)


def test_a_new_adapter_changes_nothing_and_covers_every_layer(ours: VideoTransformer) -> None:
    adapter = Adapter.of_rank(ours, 3)
    assert all(torch.equal(weight, ours.get_parameter(name)) for name, weight in adapter.weights(ours).items())
    matrices = {name for name, parameter in ours.named_parameters() if name.endswith("weight") and parameter.ndim > 1}
    assert set(adapter.weights(ours)) == matrices and "patch_embedding.weight" in matrices


@torch.no_grad()
def test_fusing_computes_the_adapted_forward_and_leaves_the_base_unchanged(
    ours: VideoTransformer, adapter: Adapter
) -> None:
    before = {name: weight.clone() for name, weight in ours.state_dict().items()}
    packed = pack([torch.randn(5, 3, 4, 6), torch.randn(5, 1, 2, 2)], [0.3, 1.0])
    text = TextPack(torch.randn(11, 24), (4, 7))
    fused = adapter.fuse(ours)
    torch.testing.assert_close(fused(packed, text), adapter.adapted_forward(ours, packed, text))
    assert (fused(packed, text) - ours(packed, text)).abs().max() > 0.01
    assert all(torch.equal(weight, before[name]) for name, weight in ours.state_dict().items())
    assert fused.proj_out.bias.data_ptr() == ours.proj_out.bias.data_ptr()
    assert fused.proj_out.weight.data_ptr() != ours.proj_out.weight.data_ptr()


def test_gradients_reach_the_adapter_alone(ours: VideoTransformer, adapter: Adapter) -> None:
    ours.requires_grad_(False)
    packed, text = pack([torch.randn(5, 3, 4, 6)], [0.3]), TextPack(torch.randn(4, 24), (4,))
    adapter.adapted_forward(ours, packed, text).square().mean().backward()
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in adapter.parameters())
    assert all(parameter.grad is None for parameter in ours.parameters())


def test_gradients_are_those_of_the_sum_of_weights(ours: VideoTransformer, adapter: Adapter) -> None:
    ours.requires_grad_(False)
    packed = pack([torch.randn(5, 3, 4, 6), torch.randn(5, 1, 2, 2)], [0.3, 1.0])
    text = TextPack(torch.randn(11, 24), (4, 7))

    def gradients(velocity: torch.Tensor) -> list[torch.Tensor]:
        return list(torch.autograd.grad(velocity.square().mean(), list(adapter.parameters())))

    whole = gradients(functional_call(ours, adapter.weights(ours), (packed, text)))
    for one, other in zip(gradients(adapter.adapted_forward(ours, packed, text)), whole, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-4)
    part = from_diffusers({k: v for k, v in to_diffusers(adapter, ours).items() if "attn1.to_k" in k}, ours)
    torch.testing.assert_close(part.fuse(ours)(packed, text), part.adapted_forward(ours, packed, text))


def by_model(theirs: WanTransformer3DModel, folder: Path) -> None:
    theirs.load_lora_adapter(folder, weight_name="pytorch_lora_weights.safetensors", prefix="transformer")


def by_pipeline(theirs: WanTransformer3DModel, folder: Path) -> None:
    """Load as ``WanPipeline.load_lora_weights`` does for its transformer."""
    state = WanPipeline.lora_state_dict(folder)
    WanPipeline.load_lora_into_transformer(state, transformer=theirs)


@pytest.mark.parametrize("load", [by_model, by_pipeline])
@torch.no_grad()
def test_diffusers_reads_it_and_computes_the_same(
    theirs: WanTransformer3DModel, ours: VideoTransformer, adapter: Adapter, tmp_path: Path, load: Load
) -> None:
    save_file(to_diffusers(adapter, ours), tmp_path / "pytorch_lora_weights.safetensors", metadata={"format": "pt"})
    adapted = copy.deepcopy(theirs)
    load(adapted, tmp_path)
    latents, timestep, text = inputs()
    expected = adapted(latents, timestep, text).sample
    torch.testing.assert_close(adapter.fuse(ours).forward_grid(latents, timestep, text), expected, atol=1e-4, rtol=0)
    assert (expected - theirs(latents, timestep, text).sample).abs().max() > 0.01


def test_saving_round_trips(ours: VideoTransformer, adapter: Adapter, tmp_path: Path) -> None:
    save_file(to_diffusers(adapter, ours), tmp_path / "a.safetensors")
    back = from_diffusers(load_file(tmp_path / "a.safetensors"), ours)
    assert all(torch.equal(tensor, back.state_dict()[name]) for name, tensor in adapter.state_dict().items())


def test_an_alpha_is_a_scale_and_layers_may_be_missing(ours: VideoTransformer, adapter: Adapter) -> None:
    layer = "transformer.blocks.1.attn2.to_k"
    part = {name: tensor for name, tensor in to_diffusers(adapter, ours).items() if name.startswith(layer)}
    half = from_diffusers({**part, f"{layer}.alpha": torch.tensor(1.5)}, ours)
    added = half.weights(ours)["blocks.1.attn2.to_k.weight"] - adaptable_layers(ours)["blocks.1.attn2.to_k"].weight
    whole = from_diffusers(part, ours).weights(ours)["blocks.1.attn2.to_k.weight"]
    torch.testing.assert_close(2 * added, whole - adaptable_layers(ours)["blocks.1.attn2.to_k"].weight)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"transformer.blocks.9.ffn.net.2.lora_A.weight": torch.zeros(3, 96)}, "belongs to no layer"),
        ({"diffusion_model.proj_out.lora_A.weight": torch.zeros(3, 60)}, "belongs to no layer"),
        ({"transformer.proj_out.lora_A.weight": torch.zeros(3, 61)}, r"\(3, 61\).*needs \(3, 60\)"),
        ({"transformer.proj_out.lora_A.weight": torch.full((3, 60), torch.nan)}, "proj_out.lora_A.* not finite"),
        ({"transformer.proj_out.lora_B.weight": torch.full((28, 3), torch.inf)}, "proj_out.lora_B.* not finite"),
        ({"transformer.proj_out.lora_A.weight": torch.zeros(0, 60)}, "proj_out has rank 0"),
        ({"transformer.proj_out.lora_A.weight": None}, "lora_B but no lora_A"),
    ],
)
def test_errors_name_a_tensor_that_does_not_fit(
    ours: VideoTransformer, adapter: Adapter, change: dict[str, torch.Tensor | None], said: str
) -> None:
    tensors = {**to_diffusers(adapter, ours), **change}
    with pytest.raises(ValueError, match=said):
        from_diffusers({name: tensor for name, tensor in tensors.items() if tensor is not None}, ours)


@pytest.mark.parametrize("rank", [0, -1, 21])
def test_errors_name_an_impossible_rank(ours: VideoTransformer, rank: int) -> None:
    with pytest.raises(ValueError, match=f"rank {rank} .*1 to 20"):
        Adapter.of_rank(ours, rank)


def test_an_empty_file_is_no_adapter(ours: VideoTransformer) -> None:
    with pytest.raises(ValueError, match="has no tensors lora_A"):
        from_diffusers({}, ours)
