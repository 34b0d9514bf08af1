"""Operations and parameters by formula: against published figures, and against a counter over the real model."""

from dataclasses import replace

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from langit.patches import TextPack, pack
from langit.plan.flops import forward_work, parameter_count
from langit.shapes import Compression, PixelShape, latent_shape, token_grid
from langit.transformer import SIZES, TransformerConfig, VideoTransformer
from langit.transformer.blank import blank

FIVE = TransformerConfig(
    num_attention_heads=24,
    attention_head_dim=128,
    in_channels=48,
    out_channels=48,
    text_dim=4096,
    ffn_dim=14336,
    num_layers=30,
)


@pytest.mark.parametrize(
    ("sizes", "pixels", "compression", "tera"),
    [
        (SIZES["wan-1.3b"], "832x480x81", Compression(), 283),
        (SIZES["wan-14b"], "832x480x81", Compression(), 1678),
        (SIZES["wan-14b"], "1280x720x81", Compression(), 6523),
        (FIVE, "1280x704x121", Compression(4, 16, 48), 517),
    ],
)
def test_forward_passes_of_wan_take_the_published_operations(sizes, pixels, compression, tera):
    tokens = token_grid(latent_shape(PixelShape.parse(pixels), compression), sizes.patch_size).count
    assert forward_work(sizes, tokens).total / 1e12 == pytest.approx(tera, abs=0.6)


def test_attention_is_most_of_a_480p_video():
    work = forward_work(SIZES["wan-1.3b"], 32_760)
    assert work.attention / work.total == pytest.approx(0.70, abs=0.01)


def test_the_formula_counts_what_the_model_computes():
    torch.manual_seed(0)
    sizes = replace(SIZES["pocket"], num_layers=3)
    model = VideoTransformer(sizes)
    packed = pack([torch.randn(16, 3, 8, 10)], [0.5])
    text = TextPack(torch.randn(7, sizes.text_dim), (7,))
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(packed, text)
    tokens, layers, width = packed.lengths[0], sizes.num_layers, sizes.width
    work = forward_work(sizes, tokens, 7)
    # torch's counter does not know the CPU's fused attention.
    uncounted = work.attention + layers * 4 * tokens * 7 * width
    assert work.total - uncounted == counter.get_total_flops()


@pytest.mark.parametrize("sizes", [SIZES["pocket"], SIZES["wan-1.3b"], FIVE, replace(FIVE, cross_attn_norm=False)])
def test_the_formula_counts_the_models_parameters(sizes):
    with blank():
        model = VideoTransformer(sizes)
    assert parameter_count(sizes) == sum(parameter.numel() for parameter in model.parameters())
