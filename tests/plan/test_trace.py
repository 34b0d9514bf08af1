"""Tracing: lifetimes of fake tensors, the operations of real code, and devices that are not here."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from langit.plan.trace import materialize, trace
from langit.transformer import SIZES, VideoTransformer
from langit.transformer.blank import blank

MB = 1_000_000


def test_the_peak_is_of_tensors_alive_at_once():
    def run(x: torch.Tensor) -> torch.Tensor:
        first = x + 1  # 4 MB
        second = first + 1  # 8 MB in all
        del first
        return second + 1  # 8 MB again

    usage, held = trace(lambda: torch.empty(MB), run)
    assert (usage.peak, held) == (8 * MB, 4 * MB)


def test_views_take_nothing():
    usage, _ = trace(lambda: torch.empty(MB), lambda x: x.view(1000, 1000).T[:10].unsqueeze(0))
    assert usage.peak == 0


def test_attention_never_holds_its_scores():
    def attend(x: torch.Tensor) -> torch.Tensor:
        return nn.functional.scaled_dot_product_attention(x, x, x)

    usage, _ = trace(lambda: torch.empty(1, 1, 100_000, 8), attend)
    assert usage.peak == 100_000 * 8 * 4
    assert usage.flops == 4 * 100_000**2 * 8


def test_kinds_of_work_are_told_apart():
    """Without them, the time of convolutions, attention and norms would be that of plain products."""

    def run(x: torch.Tensor) -> None:
        heads = x.view(1, 1, 1000, 8)
        nn.functional.scaled_dot_product_attention(heads, heads, heads)
        (x + 1).mul_(2)  # two read and one written twice
        nn.functional.conv3d(x.view(1, 1, 1, 100, 80), torch.empty(1, 1, 1, 3, 3))

    usage, _ = trace(lambda: torch.empty(8000), run)
    (convolution,) = usage.convolutions.values()
    assert convolution == 2 * 9 * 98 * 78
    assert usage.attention == 4 * 1000**2 * 8
    assert usage.flops == convolution + usage.attention
    assert usage.moved == 4 * 8000 * 4


def test_gradients_of_recomputed_blocks_are_traced_without_scores():
    from torch.utils.checkpoint import checkpoint

    def attend(x: torch.Tensor) -> torch.Tensor:
        return nn.functional.scaled_dot_product_attention(x, x, x)

    def run(x: torch.Tensor) -> None:
        checkpoint(attend, x, use_reentrant=False).sum().backward()

    usage, _ = trace(lambda: torch.empty(1, 1, 50_000, 8, requires_grad=True), run, grad=True)
    assert usage.peak < 10 * 50_000 * 8 * 4
    x = torch.randn(1, 1, 5, 8)
    assert nn.functional.scaled_dot_product_attention(x, x, x).isfinite().all()  # put back afterwards


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_a_large_model_is_traced_without_its_memory(device):
    with blank():
        model = VideoTransformer(replace(SIZES["wan-14b"], num_layers=2))
    weights = sum(parameter.numel() for parameter in model.parameters())
    _, held = trace(lambda: materialize(model, torch.device(device), torch.bfloat16), lambda _: None)
    assert held == 2 * weights


def test_scratch_memory_of_convolutions_is_that_of_the_kernel_that_torch_chooses():
    def peak(channels: int, side: int) -> int:
        weight = torch.empty(channels, channels, 3, 3, 3)
        return trace(lambda: torch.empty(1, channels, 6, side, side), lambda x: nn.functional.conv3d(x, weight))[0].peak

    taken = 16 * 4 * 62**2 * 4  # the output
    assert peak(16, 64) == taken + 27 * taken  # every window, one beside the other
    few = 64 * 4 * 62**2 * 4
    assert peak(64, 64) == few + few + 64 * 6 * 64**2 * 4  # in blocks of channels: input and output
