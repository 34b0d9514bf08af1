"""Known patches: the contents of the masks, and the distribution that training draws them from."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from langit.patches.known import (
    KINDS,
    Known,
    KnownConfig,
    draw_known,
    first_frames_mask,
    frame_mask,
    last_frames_mask,
    outside_mask,
)
from langit.shapes import TokenGrid

GRIDS = st.builds(TokenGrid, st.integers(1, 9), st.integers(1, 5), st.integers(1, 6))


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_masks_of_whole_frames() -> None:
    grid = TokenGrid(4, 2, 3)
    assert first_frames_mask(grid, 1).sum(dim=(1, 2)).tolist() == [6, 0, 0, 0]
    assert last_frames_mask(grid, 2).sum(dim=(1, 2)).tolist() == [0, 0, 6, 6]
    assert frame_mask(grid, (0, -1)).sum(dim=(1, 2)).tolist() == [6, 0, 0, 6]
    assert not frame_mask(grid, ()).any()


def test_everything_outside_a_region_is_known() -> None:
    region = torch.tensor([[False, True, False], [False, False, False]])
    mask = outside_mask(TokenGrid(3, 2, 3), region)
    assert mask.shape == (3, 2, 3) and mask.sum() == 15 and not mask[:, 0, 1].any()


def test_tokens_are_in_the_order_of_a_pack() -> None:
    mask = first_frames_mask(TokenGrid(2, 2, 3), 1)
    known = Known(torch.zeros(4, 2, 4, 6), mask)
    assert known.tokens.tolist() == [True] * 6 + [False] * 6
    with pytest.raises(AssertionError, match="over patches"):
        Known(torch.zeros(4, 2, 4, 8), mask)


@settings(max_examples=60, deadline=None)
@given(GRIDS, st.sampled_from(KINDS), st.integers(0, 2**31), st.booleans())
def test_something_is_always_left_to_generate(grid: TokenGrid, kind: str, seed: int, begun: bool) -> None:
    config = KnownConfig(**({"none": 0.0} | {kind: 1.0}))
    mask = draw_known(grid, config, generator(seed), begun)
    assert mask.shape == (grid.frames, grid.height, grid.width) and not mask.all()
    assert torch.equal(mask, draw_known(grid, config, generator(seed), begun))
    if begun and grid.frames > 1 and kind not in ("last_frames", "region"):
        assert mask[0].all(), "a start is given for a video that begins in the middle"
    frames = mask.flatten(1).all(1)
    if grid.frames > 1 and not begun:
        if kind in ("first_frame", "first_frames"):
            assert frames[0] and not frames[-1]
        if kind == "last_frames":
            assert frames[-1] and not frames[0]
        if kind == "both_ends" and grid.frames > 2:
            assert frames[0] and frames[-1]
        if kind == "region":
            assert torch.equal(mask, mask[:1].expand_as(mask))


def test_kinds_are_drawn_in_proportion_to_their_weights() -> None:
    grid, config, source = TokenGrid(5, 2, 2), KnownConfig(none=3, first_frame=1), generator(0)
    drawn = [int(draw_known(grid, config, source, begun=False).sum()) for _ in range(800)]
    assert set(drawn) == {0, 4} and 0.69 < drawn.count(0) / 800 < 0.81


@pytest.mark.parametrize(("values", "named"), [({"region": -1.0}, "region -1"), ({"none": 0.0}, "every weight is 0")])
def test_errors_name_the_wrong_weight(values: dict[str, float], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        KnownConfig(**values)
