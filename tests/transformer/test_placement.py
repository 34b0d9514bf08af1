"""The transformer on other devices and in other dtypes."""

from __future__ import annotations

import copy

import pytest
import torch
from placement import pretend_device

from langit.device import Placement
from langit.patches import Pack, TextPack, pack, pack_texts
from langit.transformer import VideoTransformer
from langit.transformer.adapter import Adapter


@pytest.fixture
def inputs() -> tuple[Pack, TextPack]:
    latents = [torch.randn(5, 2, 4, 6), torch.randn(5, 1, 4, 4)]
    return pack(latents, [torch.rand(12), torch.tensor(0.9)]), pack_texts([torch.randn(4, 24), torch.randn(6, 24)])


def test_it_computes_on_the_device_of_its_inputs(ours: VideoTransformer, inputs: tuple[Pack, TextPack]) -> None:
    expected = ours(*inputs)
    with pretend_device() as placement:
        model = placement.put(copy.deepcopy(ours))
        packed, text = (part.to(placement.device) for part in inputs)
        found = model(packed, text)
        assert found.device == placement.device
        torch.testing.assert_close(found.cpu(), expected, atol=1e-5, rtol=1e-5)
        adapter = placement.put(Adapter.of_rank(ours, 2))
        torch.testing.assert_close(adapter.fuse(model)(packed, text).cpu(), expected, atol=1e-5, rtol=1e-5)
        adapter.adapted_forward(model, packed, text).square().mean().backward()


@torch.no_grad()
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_it_runs_in_half_precision_on_a_cpu(
    ours: VideoTransformer, inputs: tuple[Pack, TextPack], dtype: torch.dtype
) -> None:
    expected = ours(*inputs)
    half = Placement(dtype=dtype).put(copy.deepcopy(ours))
    found = half(*inputs)
    assert found.dtype == dtype and (found - expected).norm() < 0.03 * expected.norm()


def test_it_learns_in_bf16_on_a_cpu(ours: VideoTransformer, inputs: tuple[Pack, TextPack]) -> None:
    half = Placement(dtype=torch.bfloat16).put(copy.deepcopy(ours))
    half(*inputs).float().square().mean().backward()
    ours(*inputs).square().mean().backward()
    peers = dict(ours.named_parameters())
    for name, weight in half.named_parameters():
        assert weight.grad is not None and weight.grad.dtype == torch.bfloat16
        assert (weight.grad - peers[name].grad).norm() < 0.2 * peers[name].grad.norm() + 1e-3, name
