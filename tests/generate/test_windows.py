"""Windows cover what is missing, see their neighbours, and never exceed what is sampled at once."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langit.generate.windows import SamplingWindow, Span, WindowLimits, plan_windows

LIMITS = WindowLimits(1, 33)


def plan(there: str, *spans: tuple[int, int], limits: WindowLimits = LIMITS) -> list[tuple[int, int, int, int]]:
    """Windows as plain numbers, of a line in which x is given."""
    windows = plan_windows([mark == "x" for mark in there], [Span(*each, "") for each in spans], limits)
    return [(window.begin, window.end, window.first, window.last) for window in windows]


def test_without_given_frames_one_window_is_enough() -> None:
    assert plan("." * 32, (0, 32)) == [(0, 33, 0, 32)]


def test_forwards_each_window_sees_the_end_of_what_is_known() -> None:
    assert plan("x" * 17 + "." * 40, (17, 57)) == [(4, 37, 17, 37), (24, 57, 37, 57)]
    assert plan("x" * 17 + "." * 24, (17, 41)) == [(4, 29, 17, 29), (16, 41, 29, 41)]  # not 20 and 4
    assert plan("xx" + "...", (2, 5)) == [(1, 6, 2, 5)]


def test_backwards_a_window_ends_with_what_is_known() -> None:
    assert plan("." * 21 + "x" * 17, (0, 21)) == [(0, 33, 0, 21)]
    assert plan("." * 20 + "x" * 17, (0, 20)) == [(-1, 32, 0, 20)]  # one frame too many is made and cut off
    assert plan("." * 40 + "x" * 9, (0, 40)) == [(19, 48, 19, 40), (-2, 31, 0, 19)]


def test_fewer_frames_than_a_group_are_repeated_at_the_end() -> None:
    assert plan("....." + "x", (0, 5)) == [(0, 9, 0, 5)]


def test_between_what_comes_after_begins_a_group() -> None:
    assert plan("x" * 13 + "." * 8 + "x" * 12, (13, 21)) == [(0, 33, 13, 21)]
    assert plan("x" * 13 + "." * 7 + "x" * 12, (13, 20)) == [(3, 32, 13, 20)]
    assert plan("x" + "." * 6 + "x" * 4, (1, 7)) == [(-2, 11, 1, 7)]  # the first frame is held


def test_a_long_bridge_sees_its_end_in_the_last_window() -> None:
    windows = plan("x" * 13 + "." * 48 + "x" * 12, (13, 61))
    assert windows[-1][1] > 61 and all(window[1] == window[3] for window in windows[:-1])


def test_spans_are_made_in_order_and_then_known() -> None:
    there = "." * 40
    assert plan(there, (0, 20), (20, 40)) == [(0, 21, 0, 20), (7, 40, 20, 40)]
    assert plan(there, (0, 12), (20, 32), (12, 20)) == [(0, 13, 0, 12), (20, 33, 20, 32), (3, 32, 12, 20)]


def test_no_window_is_shorter_than_the_model_supports() -> None:
    assert plan("x" * 9 + "....", (9, 13), limits=WindowLimits(17, 17)) == [(4, 21, 9, 13)]
    assert plan("...." + "x" * 9, (0, 4), limits=WindowLimits(17, 17)) == [(-5, 12, 0, 4)]


def test_a_model_of_few_frames_cannot_join() -> None:
    with pytest.raises(ValueError, match="at most 5 frames cannot join.*9 or more"):
        plan("xxxxx....xxxx", (5, 9), limits=WindowLimits(1, 5))
    assert plan("xxxxx....", (5, 9), limits=WindowLimits(1, 5)) == [(4, 9, 5, 9)]


@settings(deadline=None, max_examples=60)
@given(
    runs=st.lists(st.integers(1, 90), min_size=1, max_size=6),
    begins_given=st.booleans(),
    most=st.sampled_from([9, 17, 33, 81]),
    backwards=st.booleans(),
)
def test_any_plan_is_sound(runs: list[int], begins_given: bool, most: int, backwards: bool) -> None:
    runs = [run + 3 if (index % 2 == 0) == begins_given else run for index, run in enumerate(runs)]
    there = [mark for index, run in enumerate(runs) for mark in [(index % 2 == 0) == begins_given] * run]
    edges = [0, *(at for at in range(1, len(there)) if there[at] != there[at - 1]), len(there)]
    pairs = list(zip(edges[:-1], edges[1:], strict=True))
    spans = [Span(a, z, str(a)) for a, z in pairs if not there[a]]
    limits, known = WindowLimits(1, most), list(there)
    for window in plan_windows(there, spans[::-1] if backwards else spans, limits):
        length = window.end - window.begin
        assert length <= most and length % 4 == 1, "the model supports it"
        assert window.begin <= window.first < window.last <= window.end
        assert not any(known[window.first : window.last]), "nothing is generated twice"
        known[window.first : window.last] = [True] * (window.last - window.first)
        assert neighbours_are_seen(window, known, limits)
    assert all(known), "everything is generated"


def neighbours_are_seen(window: SamplingWindow, known: list[bool], limits: WindowLimits) -> bool:
    """What is known directly before is in the window, unless it goes backwards and ends with what is known after."""
    before = window.first > 0 and known[window.first - 1]
    return not before or window.begin < window.first
