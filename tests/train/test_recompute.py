"""Blocks that compute their activations again: the same losses and gradients, in every micro-batch's own replica."""

from __future__ import annotations

import copy

import torch
from bundle.miniature import make_parts

from langit.patches import TextPack, pack
from langit.train.microbatch import sharing_weights
from langit.train.recompute import recompute_blocks
from langit.transformer.adapter import Adapter


def test_gradients_are_the_same_and_belong_to_the_copy() -> None:
    plain = make_parts().transformer.train()
    again = copy.deepcopy(plain)
    recompute_blocks(again)
    replica = sharing_weights(again)
    torch.manual_seed(1)
    channels, _ = plain.channels
    video = pack([torch.randn(channels, 2, 4, 4)], torch.tensor([0.5]))
    width = plain.config_dict()["text_dim"]
    text = TextPack(torch.randn(3, width), (3,))

    def gradients(model: torch.nn.Module) -> list[torch.Tensor]:
        model(video, text).square().mean().backward()
        return [parameter.grad for parameter in model.parameters() if parameter.grad is not None]

    expected, found = gradients(plain), gradients(replica)
    assert len(expected) == len(found) > 10
    for one, other in zip(expected, found, strict=True):
        torch.testing.assert_close(one, other)
    assert all(parameter.grad is None for parameter in again.parameters()), "the replica computed with its own blocks"


def test_an_adapter_s_gradients_are_the_same_when_blocks_compute_again() -> None:
    transformer = make_parts().transformer.train().requires_grad_(False)
    adapter = Adapter.of_rank(transformer, 2)
    torch.manual_seed(1)
    for pair in adapter.named_pairs().values():
        torch.nn.init.normal_(pair.up, std=0.3)
    channels, _ = transformer.channels
    video = pack([torch.randn(channels, 2, 4, 4)], torch.tensor([0.5]))
    text = TextPack(torch.randn(3, transformer.config_dict()["text_dim"]), (3,))

    def gradients() -> list[torch.Tensor]:
        adapter.zero_grad()
        adapter.adapted_forward(transformer, video, text).square().mean().backward()
        return [parameter.grad.clone() for parameter in adapter.parameters() if parameter.grad is not None]

    expected = gradients()
    recompute_blocks(transformer)
    found = gradients()
    assert len(expected) == len(list(adapter.parameters()))
    for one, other in zip(expected, found, strict=True):
        torch.testing.assert_close(one, other)
