"""Packed weights and packed int8: the numbers of those that are not, for few tokens and many."""

import copy
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from torch import nn

from langit.patches import TextPack, pack
from langit.transformer import SIZES, ControlConfig, ControlTransformer, VideoTransformer
from langit.transformer.packed_int8 import (
    SUPPORTED,
    gelu_scale,
    packed_feed_forward,
    quantize_unsigned,
    symmetric_scale,
)
from langit.transformer.packed_weights import pack_blocks
from langit.transformer.precision import Int8FeedForward, Int8Linear, int8_product, narrow, quantize_tokens

SMALL = replace(SIZES["pocket"], num_layers=2, num_attention_heads=2, ffn_dim=384)


def _model(made: VideoTransformer) -> VideoTransformer:
    for parameter in made.parameters():  # also norms and tables, which begin as ones and zeros
        nn.init.normal_(parameter, std=0.05)
    return made.eval()


def _inputs(frames: int, words: int, side: int = 16):
    torch.manual_seed(1)
    prompts = TextPack(torch.randn(words, SMALL.text_dim), (words,), (9,))
    return pack([torch.randn(16, frames, side, side)], [0.7]), prompts


@pytest.mark.parametrize(("frames", "words"), [(2, 9), (17, 9), (17, 200)])
@torch.no_grad()
def test_packed_weights_give_the_same_velocities(frames, words):
    torch.manual_seed(0)
    plain = _model(VideoTransformer(SMALL))
    packed = copy.deepcopy(plain)
    pack_blocks(packed)
    linears = [name for name, part in packed.blocks.named_modules() if isinstance(part, nn.Linear)]
    assert not linears, "all weights of blocks are packed"
    expected = plain(*_inputs(frames, words))
    for model in (packed, copy.deepcopy(packed)):
        assert (model(*_inputs(frames, words)) - expected).abs().max() < 1e-5 * expected.abs().max()


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's tables")
def test_packing_takes_one_weight_for_a_moment():
    code = """
from dataclasses import replace
from pathlib import Path
import torch
from langit.offload.host import return_freed_memory
from langit.transformer import SIZES, VideoTransformer
from langit.transformer.packed_weights import pack_blocks
def resident(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name + ":"))
return_freed_memory()
sizes = replace(SIZES["pocket"], num_attention_heads=12, ffn_dim=4608, num_layers=4)
pack_blocks(VideoTransformer(replace(sizes, num_layers=1)))  # kernels are read in
model = VideoTransformer(sizes)
largest = max(p.nbytes for p in model.blocks.parameters())
torch.set_num_threads(1)
Path("/proc/self/clear_refs").write_text("5")  # sets the peak of resident memory to what it is now
before = resident("VmRSS")
pack_blocks(model)
print((resident("VmHWM") - before) / largest, (resident("VmRSS") - before) / largest)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    peak, after = map(float, run.stdout.split())
    assert peak < 1.5 and after < 0.5  # a list of a block's modules would keep four such weights


@torch.no_grad()
def test_many_tokens_are_the_numbers_of_few():
    torch.manual_seed(0)
    model = _model(VideoTransformer(SMALL))
    video, text = _inputs(17, 200)
    alone = model(video, text)
    exact = copy.deepcopy(model).double()
    wanted = exact(replace(video, tokens=video.tokens.double()), replace(text, tokens=text.tokens.double()))
    assert (alone - wanted).abs().max() < 1e-5 * wanted.abs().max()


@torch.no_grad()
def test_a_control_branch_is_packed():
    torch.manual_seed(0)
    sizes = ControlConfig(**{**vars(SMALL), "vace_layers": (0, 1), "vace_in_channels": 96})
    plain = _model(ControlTransformer(sizes))
    packed = copy.deepcopy(plain)
    pack_blocks(packed)
    video, text = _inputs(2, 9, 8)
    video = replace(video, control=torch.randn(video.tokens.shape[0], 96 * 4))
    expected = plain(video, text)
    assert (packed(video, text) - expected).abs().max() < 1e-5 * expected.abs().max()


@pytest.mark.skipif(not SUPPORTED, reason="the CPU has no VNNI")
@torch.no_grad()
def test_packed_int8_sums_exactly():
    torch.manual_seed(0)
    inner, outer = nn.Linear(96, 320), nn.Linear(320, 96)
    x = torch.randn(300, 96) * torch.logspace(-6, 4, 300)[:, None]
    x[7] = 0
    scale = symmetric_scale(x)
    unsigned = quantize_unsigned(x, scale)
    signed, same = quantize_tokens(x)
    assert (
        torch.equal(scale, same.clamp(min=1e-12)) and (unsigned.int() - 128 - signed.int()).abs().max() <= 1
    )  # of halves
    assert ((unsigned.int() - 128) * scale - x).abs().max(1).values.le(0.51 * scale[:, 0] + 1e-12).all()
    one, two = (Int8Linear(layer.weight, layer.bias) for layer in (inner, outer))
    assert isinstance(one.quantized, torch.Tensor) and isinstance(one.scale, torch.Tensor)
    expected = int8_product(x, one.quantized, one.scale, inner.bias)
    torch.testing.assert_close(one(x), expected, rtol=1e-2, atol=1e-3)
    assert torch.equal(one(x)[7], inner.bias)
    assert torch.equal(Int8FeedForward(one, two)(x), packed_feed_forward(x, one.pack(), two.pack()))


@pytest.mark.skipif(not SUPPORTED, reason="the CPU has no VNNI")
@pytest.mark.parametrize("size", [0.01, 1.0, 100.0])
@torch.no_grad()
def test_int8_hidden_values_are_rounded_as_finely_as_by_both_signs_or_more(size):
    torch.manual_seed(0)
    inner, outer = nn.Linear(96, 320), nn.Linear(320, 96)
    x = torch.randn(300, 96) * size
    x[-10:] *= 0.01  # in a stretch of their own
    hidden = nn.functional.gelu(inner(x), approximate="tanh")
    scale, zero = gelu_scale(hidden)
    unsigned = quantize_unsigned(hidden, scale, zero)
    assert ((unsigned.int() - zero) * scale - hidden).abs().le(0.51 * scale).all()
    assert scale.le(1.01 * symmetric_scale(hidden)).all()
    one, two = (Int8Linear(layer.weight, layer.bias) for layer in (inner, outer))
    exact, alone = outer(hidden), two(nn.functional.gelu(one(x), approximate="tanh"))
    both = packed_feed_forward(x, one.pack(), two.pack())
    assert (both - exact).norm() < 1.05 * (alone - exact).norm()


@torch.no_grad()
def test_int8_of_many_tokens_stays_within_its_error():
    torch.manual_seed(0)
    plain = _model(VideoTransformer(SMALL))
    narrowed = copy.deepcopy(plain)
    narrow(narrowed, "int8")
    inputs = _inputs(17, 200)
    expected = plain(*inputs)
    error = (narrowed(*inputs) - expected).norm() / expected.norm()
    assert 1e-5 < error < 0.02
    assert all(part.half_products for part in narrowed.modules() if hasattr(part, "half_products")) or not SUPPORTED
