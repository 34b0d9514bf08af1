"""Windows of clips: within the clip, drawn by their probabilities, the same for the same draw."""

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langit.feed.windows import WindowConfig, draw_window, window_starts


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(2, 9), min_size=1, max_size=3).map(tuple),
    st.sampled_from([(1.0, 0, 0), (0, 1, 0), (0, 0, 1), (0.3, 0.3, 0.3), (0, 0, 0)]),
    st.integers(0, 10**6),
)
def test_a_window_lies_within_its_view(views: tuple[int, ...], shares: tuple[float, float, float], seed: int) -> None:
    config = WindowConfig(*shares, starts=2)
    window = draw_window(views, config, random.Random(seed))
    assert 1 <= window.frames <= views[window.view]
    assert window == draw_window(views, config, random.Random(seed))
    if window.view > 0 and window.frames > 1:
        assert shares[1] > 0, "only these begin later"


def test_windows_are_drawn_with_their_probabilities() -> None:
    rng, config = random.Random(5), WindowConfig(whole=0.5, later=0.2, image=0.1, starts=1)
    drawn = [draw_window((9, 5), config, rng) for _ in range(4000)]
    kinds = Counter(
        "image" if w.frames == 1 else "whole" if w.frames == 9 else "later" if w.view else "part" for w in drawn
    )
    assert 0.48 < kinds["whole"] / 4000 < 0.57  # and a ninth of the beginnings
    assert 0.17 < kinds["later"] / 4000 < 0.23
    assert 0.09 < kinds["image"] / 4000 < 0.16


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=20), st.integers(5, 65), st.integers(0, 9))
def test_later_starts_leave_two_latent_frames(name: str, frames: int, count: int) -> None:
    starts = window_starts(name, frames, count)
    assert starts == tuple(sorted(set(starts))) == window_starts(name, frames, count)
    assert len(starts) == min(count, max(frames - 5, 0)) and all(0 < start <= frames - 5 for start in starts)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"whole": 1.2}, "whole 1.2"),
        ({"whole": 0.8, "image": 0.4}, "more than all"),
        ({"whole": 0.5, "later": 0.2}, "starts 0"),
    ],
)
def test_wrong_shares_are_named(values: dict[str, float], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        WindowConfig(**values)
