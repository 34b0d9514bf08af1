"""Modules on the meta device, without weights."""

import torch
from torch import nn

from langit.transformer.blank import blank
from langit.transformer.model import TransformerConfig, VideoTransformer

SIZES = TransformerConfig(
    num_attention_heads=2, attention_head_dim=16, text_dim=32, freq_dim=32, ffn_dim=48, num_layers=2
)


def test_a_blank_module_has_the_names_and_shapes_of_a_real_one():
    with blank():
        empty = VideoTransformer(SIZES)
    real = VideoTransformer(SIZES)
    assert all(value.is_meta for value in empty.state_dict().values())
    assert {k: v.shape for k, v in empty.state_dict().items()} == {k: v.shape for k, v in real.state_dict().items()}
    assert all(isinstance(value, nn.Parameter) and value.requires_grad for value in empty.parameters())


def test_blank_draws_no_random_numbers_and_restores_torch_on_exit():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    with blank():
        nn.init.xavier_uniform_(tensor=nn.Linear(4, 5).weight)
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.randn(2).is_meta and nn.Linear(4, 5).weight.std() > 0
