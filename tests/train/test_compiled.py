"""Compiled blocks: same numbers, few graphs for many shapes, and the plain blocks again afterwards."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from bundle.miniature import make_parts
from torch import Tensor

from langit.shapes import TokenGrid
from langit.train.compiled import CACHE, compiled_blocks, use_cache
from langit.train.recompute import recompute_blocks, recomputes
from langit.transformer.batched import batched_velocity
from langit.transformer.model import VideoTransformer


def velocity(model: VideoTransformer, videos: int, grid: TokenGrid) -> Tensor:
    source = torch.Generator().manual_seed(videos)
    shape, config = (videos, grid.count), model.config
    return batched_velocity(
        model,
        torch.randn(*shape, config.in_channels * 4, generator=source),
        torch.rand(videos, generator=source),
        torch.rand(shape, generator=source) < 0.3,
        grid,
        torch.randn(videos, 16, config.text_dim, generator=source),
        torch.ones(videos, 16, dtype=torch.bool),
    )


@pytest.mark.slow
def test_compiled_blocks_have_the_same_numbers_in_few_graphs() -> None:
    model = make_parts(0).transformer
    assert isinstance(model, VideoTransformer)
    torch.nn.init.normal_(model.proj_out.weight, std=0.1)
    shapes = [(4, TokenGrid(2, 2, 3)), (6, TokenGrid(3, 2, 2)), (3, TokenGrid(5, 2, 3)), (5, TokenGrid(4, 3, 3))]
    plain = [velocity(model, *shape) for shape in shapes]
    graphs: list[str] = []

    def backend(graph: torch.fx.GraphModule, _inputs: list[Tensor]) -> torch.fx.GraphModule:
        sizes = [
            node.meta["example_value"].shape
            for node in graph.graph.nodes
            if node.op == "placeholder" and isinstance(node.meta.get("example_value"), Tensor)
        ]
        dynamic = any(isinstance(side, torch.SymInt) for size in sizes for side in size)
        graphs.append("dynamic" if dynamic else "static")
        return graph

    torch._dynamo.reset()
    with compiled_blocks(list(model.blocks), [(4, 12)], backend=backend):
        for _ in range(2):
            for shape, expected in zip(shapes, plain, strict=True):
                torch.testing.assert_close(velocity(model, *shape), expected, rtol=1e-4, atol=1e-5)
        velocity(model, *shapes[1]).square().mean().backward()
    assert len(model.blocks) > 1 and graphs.count("static") == 1, "one for all blocks"
    assert 1 <= graphs.count("dynamic") <= 3, graphs
    assert model.patch_embedding.weight.grad is not None
    assert "forward" not in vars(model.blocks[0])
    assert torch.equal(velocity(model, *shapes[0]), plain[0])


def test_blocks_that_recompute_still_do_when_they_are_compiled() -> None:
    model = make_parts(0).transformer
    assert isinstance(model, VideoTransformer)
    torch.nn.init.normal_(model.proj_out.weight, std=0.1)
    calls, shape = 0, (4, TokenGrid(2, 2, 3))

    def backend(graph: torch.fx.GraphModule, _inputs: list[Tensor]) -> Callable[..., object]:
        def counted(*inputs: Tensor) -> object:
            nonlocal calls
            calls += 1
            return graph(*inputs)

        return counted

    def gradient() -> Tensor:
        model.zero_grad()
        velocity(model, *shape).square().mean().backward()
        assert model.patch_embedding.weight.grad is not None
        return model.patch_embedding.weight.grad.clone()

    plain, count = gradient(), len(model.blocks)
    torch._dynamo.reset()
    with compiled_blocks(list(model.blocks), [(4, 12)], backend=backend):
        torch.testing.assert_close(gradient(), plain)
    assert calls == count
    recompute_blocks(model)
    with compiled_blocks(list(model.blocks), [(4, 12)], backend=backend):
        torch.testing.assert_close(gradient(), plain)
    assert calls == count + 2 * count
    assert all(recomputes(block) for block in model.blocks)


def test_the_cache_is_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(CACHE, raising=False)
    assert use_cache(tmp_path / "own") == tmp_path / "own" and os.environ[CACHE] == str(tmp_path / "own")
    monkeypatch.setenv(CACHE, str(tmp_path / "carried"))
    assert use_cache(tmp_path / "own") == tmp_path / "carried" and (tmp_path / "carried").is_dir()
