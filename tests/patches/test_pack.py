"""Packs: nothing is lost, padded or over budget."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from langit.patches import Pack, pack, pack_by_tokens, pack_texts, patchify, unpack
from langit.shapes import TokenGrid


@given(lengths=st.lists(st.integers(1, 50), max_size=60), spare=st.integers(0, 80))
@settings(max_examples=100, deadline=None)
def test_first_fit_loses_nothing_and_keeps_the_budget(lengths: list[int], spare: int) -> None:
    budget = max(lengths, default=1) + spare
    bins = pack_by_tokens(lengths, budget)
    assert sorted(index for members in bins for index in members) == list(range(len(lengths)))
    filled = [sum(lengths[index] for index in members) for members in bins]
    assert all(0 < tokens <= budget for tokens in filled)
    assert sum(tokens <= budget / 2 for tokens in filled) <= 1  # two half-empty bins would have been one
    for members in bins:
        assert [lengths[index] for index in members] == sorted((lengths[index] for index in members), reverse=True)


@pytest.mark.parametrize(("lengths", "named"), [([3, 9], "sequence 1 has 9 tokens"), ([0], "sequence 0 has 0 tokens")])
def test_a_sequence_that_cannot_be_packed_is_named(lengths: list[int], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        pack_by_tokens(lengths, 8)


def test_videos_of_different_sizes_lie_end_to_end() -> None:
    latents = [torch.randn(3, 2, 4, 6), torch.randn(3, 1, 2, 2), torch.randn(3, 1, 6, 2)]
    scattered = torch.tensor([0.0, 0.5, 1.0])
    packed = pack(latents, [0.25, torch.tensor(0.75), scattered])
    assert packed.lengths == (12, 1, 3)
    assert packed.grids == (TokenGrid(2, 2, 3), TokenGrid(1, 1, 1), TokenGrid(1, 3, 1))
    assert packed.tokens.shape == (16, 12)
    assert torch.equal(packed.noise, torch.cat([torch.full((12,), 0.25), torch.tensor([0.75]), scattered]))
    assert packed.positions[12].tolist() == [0, 0, 0]
    assert packed.positions[15].tolist() == [0, 2, 0]
    out = torch.cat([patchify(video, layout="channels_last") for video in latents])
    for video, back in zip(latents, unpack(packed, out), strict=True):
        assert torch.equal(video, back)


def test_prompts_lie_end_to_end() -> None:
    texts = [torch.randn(3, 8), torch.randn(5, 8)]
    packed = pack_texts(texts)
    assert packed.lengths == (3, 5)
    assert torch.equal(packed.tokens, torch.cat(texts))


def test_a_pack_that_does_not_add_up_is_refused() -> None:
    with pytest.raises(AssertionError):
        Pack(torch.zeros(4, 12), torch.zeros(4, 3), torch.zeros(4), (3,), (TokenGrid(1, 1, 3),))
