"""Windows cover what is to be made, see what they should, and never more than a walk can hold."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langit.generate.windows import Reach, Stretch, Window, plan

REACH = Reach(1, 33)


def planned(there: str, *stretches: tuple[int, int], reach: Reach = REACH) -> list[tuple[int, int, int, int]]:
    """Windows as plain numbers, of a line in which x is given."""
    windows = plan([mark == "x" for mark in there], [Stretch(*each, "") for each in stretches], reach)
    return [(window.begin, window.end, window.first, window.last) for window in windows]


def test_nothing_given_is_one_walk_of_its_own_length() -> None:
    assert planned("." * 32, (0, 32)) == [(0, 33, 0, 32)]


def test_onwards_each_window_sees_the_end_of_what_is_there() -> None:
    assert planned("x" * 17 + "." * 40, (17, 57)) == [(4, 37, 17, 37), (24, 57, 37, 57)]
    assert planned("x" * 17 + "." * 24, (17, 41)) == [(4, 29, 17, 29), (16, 41, 29, 41)]  # not 20 and 4
    assert planned("xx" + "...", (2, 5)) == [(1, 6, 2, 5)]


def test_backwards_a_window_ends_with_what_is_there() -> None:
    assert planned("." * 21 + "x" * 17, (0, 21)) == [(0, 33, 0, 21)]
    assert planned("." * 20 + "x" * 17, (0, 20)) == [(-1, 32, 0, 20)]  # one frame too many is made and cut off
    assert planned("." * 40 + "x" * 9, (0, 40)) == [(19, 48, 19, 40), (-2, 31, 0, 19)]


def test_fewer_frames_than_a_group_are_held_at_the_end() -> None:
    assert planned("....." + "x", (0, 5)) == [(0, 9, 0, 5)]


def test_between_what_comes_after_begins_a_group() -> None:
    assert planned("x" * 13 + "." * 8 + "x" * 12, (13, 21)) == [(0, 33, 13, 21)]
    assert planned("x" * 13 + "." * 7 + "x" * 12, (13, 20)) == [(3, 32, 13, 20)]
    assert planned("x" + "." * 6 + "x" * 4, (1, 7)) == [(-2, 11, 1, 7)]  # the first frame is held


def test_a_long_bridge_sees_its_end_in_the_last_window() -> None:
    windows = planned("x" * 13 + "." * 48 + "x" * 12, (13, 61))
    assert windows[-1][1] > 61 and all(window[1] == window[3] for window in windows[:-1])


def test_stretches_are_made_in_order_and_then_known() -> None:
    there = "." * 40
    assert planned(there, (0, 20), (20, 40)) == [(0, 21, 0, 20), (7, 40, 20, 40)]
    assert planned(there, (0, 12), (20, 32), (12, 20)) == [(0, 13, 0, 12), (20, 33, 20, 32), (3, 32, 12, 20)]


def test_a_walk_is_never_shorter_than_the_model_can() -> None:
    assert planned("x" * 9 + "....", (9, 13), reach=Reach(17, 17)) == [(4, 21, 9, 13)]
    assert planned("...." + "x" * 9, (0, 4), reach=Reach(17, 17)) == [(-5, 12, 0, 4)]


def test_a_model_of_few_frames_cannot_join() -> None:
    with pytest.raises(ValueError, match="at most 5 frames cannot join.*9 or more"):
        planned("xxxxx....xxxx", (5, 9), reach=Reach(1, 5))
    assert planned("xxxxx....", (5, 9), reach=Reach(1, 5)) == [(4, 9, 5, 9)]


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
    stretches = [Stretch(a, z, str(a)) for a, z in pairs if not there[a]]
    reach, known = Reach(1, most), list(there)
    for window in plan(there, stretches[::-1] if backwards else stretches, reach):
        length = window.end - window.begin
        assert length <= most and length % 4 == 1, "it is a walk of the model"
        assert window.begin <= window.first < window.last <= window.end
        assert not any(known[window.first : window.last]), "nothing is made twice"
        known[window.first : window.last] = [True] * (window.last - window.first)
        assert neighbours_are_seen(window, known, reach)
    assert all(known), "everything is made"


def neighbours_are_seen(window: Window, known: list[bool], reach: Reach) -> bool:
    """What is known directly before is in the window, unless it goes backwards and ends with what is known after."""
    before = window.first > 0 and known[window.first - 1]
    return not before or window.begin < window.first
