"""Attention over many tokens on a CPU: the numbers of torch's kernel, and where it is used."""

import pytest
import torch
from torch.nn import functional

from langit.transformer.long_attention import (
    FEWEST,
    long_attention,
    multiplies_half_faster,
    uses_long_attention,
)


def _inputs(tokens: int, others: int | None = None) -> tuple[torch.Tensor, ...]:
    dice = torch.Generator().manual_seed(0)
    sizes = (tokens, others or tokens, others or tokens)
    return tuple(torch.randn(2, size, 3, 16, generator=dice) for size in sizes)


def _fused(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    return functional.scaled_dot_product_attention(*(t.transpose(1, 2) for t in (query, key, value))).transpose(1, 2)


@pytest.mark.parametrize(("tokens", "others"), [(700, None), (513, 900), (FEWEST, 512)])
@torch.no_grad()
def test_it_is_torchs_attention(tokens, others):
    inputs = _inputs(tokens, others)
    expected = _fused(*inputs)
    assert (long_attention(*inputs) - expected).abs().max() < 2e-6
    mask = torch.rand(inputs[1].shape[:2], generator=torch.Generator().manual_seed(1)) < 0.8
    for hidden in (mask, mask.float().log()):  # both kinds of masks that prompts have
        wanted = functional.scaled_dot_product_attention(
            *(t.transpose(1, 2) for t in inputs), attn_mask=hidden[:, None, None]
        ).transpose(1, 2)
        assert (long_attention(*inputs, hidden) - wanted).abs().max() < 2e-6
    rough = long_attention(*inputs, half=True)
    assert rough.dtype == torch.float32 and 0 < (rough - expected).norm() / expected.norm() < 0.01


def test_it_is_used_for_many_tokens_without_gradients_alone():
    query, key, _ = _inputs(1100)
    assert not uses_long_attention(query, key)  # gradients are on
    with torch.no_grad():
        assert uses_long_attention(query, key)
        assert not uses_long_attention(query[:, :100], key)
        assert not uses_long_attention(query, key[:, :100])
        assert not uses_long_attention(query.double(), key.double())
        assert not uses_long_attention(query.bfloat16(), key)
        assert uses_long_attention(query.bfloat16(), key.bfloat16()) == multiplies_half_faster()
        with torch.autocast("cpu"):
            assert not uses_long_attention(query, key)


@torch.no_grad()
def test_large_scores_do_not_overflow():
    query, key, value = _inputs(1100)
    assert long_attention(100 * query, 100 * key, value).isfinite().all()


@torch.no_grad()
def test_bf16_stays_bf16_within_its_error():
    inputs = _inputs(FEWEST, 300)
    rough = long_attention(*(each.bfloat16() for each in inputs))
    expected = _fused(*inputs)
    assert rough.dtype == torch.bfloat16 and (rough.float() - expected).norm() / expected.norm() < 0.01
