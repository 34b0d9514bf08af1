"""Places and rotary angles, against diffusers' integer table."""

from __future__ import annotations

import pytest
import torch
from diffusers.models.transformers.transformer_wan import WanRotaryPosEmbed

from langit.patches import positions, rotary
from langit.shapes import TokenGrid


def test_positions_follow_the_order_of_patches() -> None:
    places = positions(TokenGrid(2, 3, 4))
    assert places.shape == (24, 3)
    assert places[0].tolist() == [0, 0, 0]
    assert places[5].tolist() == [0, 1, 1]
    assert places[23].tolist() == [1, 2, 3]


@pytest.mark.parametrize("head_dim", [20, 64, 128])
def test_integers_agree_with_diffusers_table(head_dim: int) -> None:
    grid = TokenGrid(3, 5, 7)
    cos, sin = WanRotaryPosEmbed(head_dim, (1, 2, 2), 64)(torch.zeros(1, 4, 3, 10, 14))
    ours = rotary(positions(grid), head_dim)
    torch.testing.assert_close(ours[0], cos[0, :, 0, ::2], atol=1e-6, rtol=0)
    torch.testing.assert_close(ours[1], sin[0, :, 0, ::2], atol=1e-6, rtol=0)


def test_a_fraction_lies_between_its_neighbours() -> None:
    angles = [torch.atan2(*reversed(rotary(torch.tensor([[t, 0.0, 0.0]]), 64))) for t in (2.0, 2.5, 3.0)]
    turned = torch.remainder(angles[2] - angles[0], 2 * torch.pi)
    torch.testing.assert_close(torch.remainder(angles[1] - angles[0], 2 * torch.pi), turned / 2, atol=1e-5, rtol=0)
    assert turned.max() > 0.9  # the fastest pair turns by one radian a frame


def test_a_shift_of_all_places_leaves_inner_products() -> None:
    """The point of rotary positions: only differences of places are seen."""
    query, key = torch.randn(2, 1, 32).double()

    def product(places: torch.Tensor) -> torch.Tensor:
        cos, sin = (part.double() for part in rotary(places, 64))
        turned = [torch.complex(x, x.flip(-1)) * torch.complex(cos[i], sin[i]) for i, x in enumerate((query, key))]
        return (turned[0] * turned[1].conj()).real.sum()

    places = torch.tensor([[1.0, 2.0, 3.5], [4.25, 0.0, 1.0]])
    torch.testing.assert_close(product(places), product(places + 7.5), atol=1e-4, rtol=1e-5)
