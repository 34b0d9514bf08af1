"""Int8 storage of weights: its error is bounded, and saving what was loaded changes nothing."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from langit.bundle.quantize import LEVELS, dequantize_rows, is_quantizable, quantize_rows


@given(st.integers(0, 2**31), st.sampled_from([(3, 8), (5, 2, 3, 3), (2, 3, 1, 2, 2)]), st.floats(1e-3, 100))
def test_the_error_is_at_most_half_a_scale(seed: int, shape: tuple[int, ...], spread: float) -> None:
    weight = torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * spread
    quantized, scale = quantize_rows(weight)
    error = (dequantize_rows(quantized, scale) - weight).abs().flatten(1)
    # A scale that is rounded down to 16 bits clips the largest weight, by up to 127 * 2**-16 scales.
    assert (error <= scale[:, None] * (0.5 + LEVELS * 2**-16)).all()


@given(st.integers(0, 2**31))
def test_what_was_restored_quantizes_to_the_same_numbers(seed: int) -> None:
    weight = torch.randn(6, 32, generator=torch.Generator().manual_seed(seed))
    quantized, scale = quantize_rows(weight)
    again, scale_again = quantize_rows(dequantize_rows(quantized, scale))
    assert torch.equal(quantized, again) and torch.equal(scale, scale_again)


def test_a_channel_of_zeros_stays_zero() -> None:
    weight = torch.stack([torch.zeros(16), torch.ones(16), torch.full((16,), 1e-12)])
    restored = dequantize_rows(*quantize_rows(weight))
    assert (
        restored.isfinite().all() and restored[0].eq(0).all() and torch.allclose(restored[1], torch.ones(16), rtol=1e-3)
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_values_that_are_not_finite_are_refused(value: float) -> None:
    weight = torch.ones(2, 8)
    weight[1, 3] = value
    with pytest.raises(ValueError, match="not finite"):
        quantize_rows(weight)


def test_only_large_matrices_and_convolutions_are_quantized() -> None:
    assert is_quantizable(torch.zeros(64, 64)) and is_quantizable(torch.zeros(32, 16, 3, 3))
    assert not is_quantizable(torch.zeros(8192)) and not is_quantizable(torch.zeros(8, 8))
    assert not is_quantizable(torch.zeros(1, 6, 1024)) and not is_quantizable(torch.zeros(64, 64, dtype=torch.int64))
