"""Narrow weights: errors of a block and of a model, memory, and that what must stay exact does."""

import copy
from dataclasses import replace

import pytest
import torch
from torch import nn

from langit.patches import TextPack, pack
from langit.transformer import SIZES, VideoTransformer
from langit.transformer.precision import FP8, Int8Linear, narrow, to_fp8

SMALL = replace(SIZES["pocket"], num_layers=2)


@pytest.fixture(scope="module")
def model() -> VideoTransformer:
    torch.manual_seed(0)
    made = VideoTransformer(SMALL).eval()
    nn.init.normal_(made.proj_out.weight, std=0.02)
    return made


def _inputs():
    torch.manual_seed(1)
    return pack([torch.randn(16, 3, 8, 8)], [0.7]), TextPack(torch.randn(9, SMALL.text_dim), (9,))


def _block_error(model: VideoTransformer, narrowed: VideoTransformer) -> float:
    """The largest relative error of a block on the inputs that the exact model gives it."""
    seen = []
    hooks = [block.register_forward_hook(lambda _, args, out: seen.append((args, out))) for block in model.blocks]
    with torch.no_grad():
        model(*_inputs())
        for hook in hooks:
            hook.remove()
        return max(
            float((block(*args) - out).norm() / out.norm())
            for block, (args, out) in zip(narrowed.blocks, seen, strict=True)
        )


@pytest.mark.parametrize(("storage", "bound"), [("int8", 0.01), ("fp8", 0.03)])
def test_error_of_a_block(model, storage, bound):
    narrowed = copy.deepcopy(model)
    narrow(narrowed, storage)
    error = _block_error(model, narrowed)
    assert 1e-5 < error < bound


def test_int8_error_of_a_linear_layer():
    torch.manual_seed(2)
    exact = nn.Linear(512, 256)
    x = torch.randn(40, 512)
    with torch.no_grad():
        error = (Int8Linear(exact.weight, exact.bias)(x) - exact(x)).norm() / exact(x).norm()
    assert error < 0.015


def test_int8_of_a_row_of_zeros_is_the_bias():
    exact = nn.Linear(32, 8)
    assert torch.equal(Int8Linear(exact.weight, exact.bias)(torch.zeros(3, 32)), exact.bias.expand(3, 8).detach())


def test_fp8_keeps_linear_weights_of_blocks_in_a_byte_and_the_others_exact(model):
    narrowed = copy.deepcopy(model)
    narrow(narrowed, "fp8")
    exact = dict(model.named_parameters())
    for name, parameter in narrowed.named_parameters():
        inside = name.startswith("blocks.") and parameter.ndim == 2
        assert (parameter.dtype == FP8) == inside, name
        if not inside:
            assert torch.equal(parameter, exact[name])
    with torch.no_grad():
        narrowed(*_inputs())
    assert all(p.dtype == FP8 for n, p in narrowed.named_parameters() if n.startswith("blocks.") and p.ndim == 2)


def test_fp8_is_released_when_a_block_fails(model):
    narrowed = copy.deepcopy(model)
    narrow(narrowed, "fp8")
    with pytest.raises(TypeError):
        narrowed.blocks[0]()
    assert narrowed.blocks[0].attn1.to_q.weight.dtype == FP8


def test_fp8_scales_do_not_overflow():
    narrowed, scale = to_fp8(torch.tensor([[1e4, -1e-3], [0.0, 5.0]]))
    assert torch.isfinite(narrowed.float() * scale).all()
    narrowed, scale = to_fp8(torch.zeros(2, 2))
    assert (narrowed.float() * scale == 0).all()


def test_int8_takes_a_byte_for_each_weight_of_a_block(model):
    narrowed = copy.deepcopy(model)
    narrow(narrowed, "int8")
    wide = sum(p.numel() for p in model.blocks.parameters())
    held = sum(t.numel() * t.element_size() for t in (*narrowed.blocks.parameters(), *narrowed.blocks.buffers()))
    assert held < 1.2 * wide
