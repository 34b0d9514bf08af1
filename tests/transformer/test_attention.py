"""Attention in compiled code, in bf16 on a CPU: plain products in place of torch's kernel, with the same numbers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, fx

from langit.transformer.attention import CrossAttention, TextContext, attend_runs
from langit.transformer.long_attention import FEWEST

FUSED = torch.nn.functional.scaled_dot_product_attention


@pytest.fixture
def called() -> Iterator[list[object]]:
    """All functions that graphs call which are compiled in a test."""
    torch._dynamo.reset()
    yield []
    torch._dynamo.reset()


def _compiled(function, called: list[object]):
    def backend(graph: fx.GraphModule, _inputs: list[Tensor]) -> fx.GraphModule:
        called.extend(node.target for node in graph.graph.nodes if node.op == "call_function")
        return graph

    return torch.compile(function, backend=backend)


def _inputs(tokens: int, dtype: torch.dtype) -> list[Tensor]:
    dice = torch.Generator().manual_seed(0)
    made = [torch.randn(2 * tokens, 3, 16, generator=dice).to(dtype) for _ in range(3)]
    return [each.requires_grad_() for each in made]


def _with_gradients(attend, inputs: list[Tensor], runs) -> list[Tensor]:
    out = attend(*inputs, runs)
    return [out, *torch.autograd.grad(out.float().square().sum(), inputs)]


def test_compiled_self_attention_in_bf16_has_the_numbers_of_torchs_kernel(called: list[object]) -> None:
    inputs, runs = _inputs(40, torch.bfloat16), ((2, 40),)
    exact = _with_gradients(attend_runs, [each.detach().float().requires_grad_() for each in inputs], runs)
    kernel = _with_gradients(attend_runs, inputs, runs)
    ours = _with_gradients(_compiled(attend_runs, called), inputs, runs)
    assert FUSED not in called
    for mine, theirs, true in zip(ours, kernel, exact, strict=True):
        error, usual = (float((each.float() - true).norm() / true.norm()) for each in (mine, theirs))
        assert mine.dtype == torch.bfloat16 and usual < 0.005 and error < 0.01  # scores are rounded as well


@pytest.mark.parametrize("kind", ["hidden", "added"])
def test_compiled_cross_attention_hides_padding(called: list[object], kind: str) -> None:
    torch.manual_seed(0)
    layer = CrossAttention(48, 3, 1e-6).bfloat16()
    tokens, words = torch.randn(20, 48).bfloat16(), torch.randn(2, 6, 48).bfloat16()
    real = torch.arange(6) < torch.tensor([[4], [6]])
    mask = real if kind == "hidden" else real.float().log().bfloat16()
    others = words.masked_fill(~real[..., None], 7.0)  # what padding holds does not matter
    expected = layer(tokens, TextContext(words, mask), ((2, 10),))
    attend = _compiled(layer.forward, called)
    for each in (words, others):
        torch.testing.assert_close(attend(tokens, TextContext(each, mask), ((2, 10),)), expected, rtol=0.02, atol=0.01)
    assert FUSED not in called


def test_single_precision_and_many_tokens_keep_torchs_kernel(called: list[object]) -> None:
    for tokens, dtype in ((40, torch.float32), (FEWEST + 1, torch.bfloat16)):
        called.clear()
        _compiled(attend_runs, called)(*_inputs(tokens, dtype), ((2, tokens),))
        assert FUSED in called
