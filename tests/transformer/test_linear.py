"""Linear layers on oneDNN agree with torch's own, forward and backward."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

from langit.transformer.linear import ONEDNN, linear, uses_onednn


@pytest.mark.parametrize("shape", [(7, 12, 5), (7, 5, 12), (1, 3, 3)])
def test_values_and_gradients(shape: tuple[int, int, int]) -> None:
    count, inputs, outputs = shape
    factors = [torch.randn(2, count, inputs), torch.randn(outputs, inputs), torch.randn(outputs)]
    ours, theirs = ([part.clone().requires_grad_() for part in factors] for _ in range(2))
    weight = torch.randn(2, count, outputs)
    (linear(*ours) * weight).sum().backward()
    (F.linear(*theirs) * weight).sum().backward()
    torch.testing.assert_close(linear(*ours), F.linear(*theirs), atol=1e-5, rtol=1e-5)
    for mine, peer in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine.grad, peer.grad, atol=1e-5, rtol=1e-5)


def test_frozen_weights_get_no_gradient() -> None:
    x, weight, bias = torch.randn(4, 3, requires_grad=True), torch.randn(2, 3), torch.randn(2)
    linear(x, weight, bias).sum().backward()
    torch.testing.assert_close(x.grad, weight.sum(0).expand(4, 3))


def test_other_precisions_stay_with_torch() -> None:
    single, half = torch.zeros(2), torch.zeros(2, dtype=torch.bfloat16)
    assert uses_onednn(single, single) == ONEDNN
    assert not any(uses_onednn(*factors) for factors in ((half, half), (single, half), (half, single)))
    with torch.autocast("cpu", torch.bfloat16):
        assert not uses_onednn(single, single)
    x, weight, bias = torch.randn(4, 3).double(), torch.randn(2, 3).double(), torch.randn(2).double()
    assert torch.equal(linear(x, weight, bias), F.linear(x, weight, bias))


def test_the_flop_counter_counts_it() -> None:
    with FlopCounterMode(display=False) as counter:
        linear(torch.randn(4, 3), torch.randn(5, 3, requires_grad=True), torch.randn(5)).sum().backward()
    assert counter.get_total_flops() == 2 * 2 * 4 * 3 * 5  # forward, and the gradient of the weight
