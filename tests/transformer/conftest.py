"""Tiny transformers: diffusers' own with random weights, and ours with the same weights."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from diffusers import WanTransformer3DModel

from langit.transformer import TransformerConfig, VideoTransformer


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def theirs() -> WanTransformer3DModel:
    torch.manual_seed(5)
    model = WanTransformer3DModel(
        num_attention_heads=3,
        attention_head_dim=20,
        in_channels=5,
        out_channels=7,
        text_dim=24,
        freq_dim=32,
        ffn_dim=96,
        num_layers=3,
    )
    for parameter in model.parameters():  # norm weights of one and biases of zero would hide mistakes
        torch.nn.init.normal_(parameter, std=0.2)
    return model.eval()


@pytest.fixture
def ours(theirs: WanTransformer3DModel) -> VideoTransformer:
    model = VideoTransformer(TransformerConfig.from_diffusers(dict(theirs.config)))
    model.load_state_dict(theirs.state_dict(), strict=True)
    return model.eval()
