"""Sharding does not change what a model computes or learns."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.tensor import DTensor

from langit.patches import Pack, TextPack, pack, pack_texts
from langit.transformer import VideoTransformer
from langit.transformer.parallel import HALF, shard


@pytest.fixture
def mesh(tmp_path: Path) -> Iterator[DeviceMesh]:
    dist.init_process_group("gloo", init_method=f"file://{tmp_path / 'meet'}", rank=0, world_size=1)
    yield init_device_mesh("cpu", (1,))
    dist.destroy_process_group()


@pytest.fixture
def inputs() -> tuple[Pack, TextPack]:
    latents = [torch.randn(5, 2, 4, 6), torch.randn(5, 1, 4, 4)]
    return pack(latents, [0.3, 0.9]), pack_texts([torch.randn(4, 24), torch.randn(6, 24)])


def test_a_sharded_model_learns_what_a_whole_one_does(
    ours: VideoTransformer, mesh: DeviceMesh, inputs: tuple[Pack, TextPack]
) -> None:
    whole, sharded = ours, shard(copy.deepcopy(ours), mesh)
    for model in (whole, sharded):
        optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)
        for _ in range(2):
            model(*inputs).square().mean().backward()
            optimiser.step()
            optimiser.zero_grad()
    peer = dict(whole.named_parameters())
    for name, parameter in sharded.named_parameters():
        assert isinstance(parameter, DTensor)
        torch.testing.assert_close(parameter.full_tensor(), peer[name], atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_half_precision_is_near(ours: VideoTransformer, mesh: DeviceMesh, inputs: tuple[Pack, TextPack]) -> None:
    expected = ours(*inputs)
    half = shard(copy.deepcopy(ours), mesh, HALF)(*inputs)
    assert half.dtype == torch.bfloat16
    assert (half - expected).norm() < 0.03 * expected.norm()
