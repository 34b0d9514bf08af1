"""Patches: nothing is lost, and both layouts are Wan's."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from langit.patches import patchify, unpatchify
from langit.patches.patchify import Layout
from langit.shapes import LatentShape, token_grid

sides = st.tuples(*[st.integers(1, 3)] * 3)


@given(channels=st.integers(1, 4), patch=sides, grid=sides, layout=st.sampled_from(["channels_first", "channels_last"]))
@settings(max_examples=40, deadline=None)
def test_round_trip(channels: int, patch: tuple[int, int, int], grid: tuple[int, int, int], layout: Layout) -> None:
    shape = (channels, *(side * step for side, step in zip(grid, patch, strict=True)))
    latents = torch.arange(torch.Size(shape).numel(), dtype=torch.float32).reshape(shape)
    tokens = patchify(latents, patch, layout)
    assert torch.equal(unpatchify(tokens, token_grid(LatentShape(*shape), patch), patch, layout), latents)


def test_channels_first_is_a_convolution() -> None:
    convolution = torch.nn.Conv3d(3, 11, (1, 2, 2), stride=(1, 2, 2))
    latents = torch.randn(3, 2, 4, 6)
    expected = convolution(latents[None])[0].flatten(1).T
    tokens = torch.nn.functional.linear(patchify(latents), convolution.weight.flatten(1), convolution.bias)
    torch.testing.assert_close(tokens, expected, atol=1e-5, rtol=0)


def test_a_side_that_does_not_divide_is_named() -> None:
    with pytest.raises(ValueError, match="height 3"):
        patchify(torch.zeros(4, 1, 3, 4))
