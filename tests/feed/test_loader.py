"""The order of training: every clip once per epoch, within the token budget, the same on every call."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langit.feed.loader import BatchOrder, constant_lengths


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=120), st.integers(30, 90), st.integers(0, 9))
def test_every_epoch_holds_every_clip_once_and_no_batch_is_too_large(
    lengths: list[int], budget: int, seed: int
) -> None:
    order = BatchOrder(constant_lengths(lengths), budget, seed)
    step, seen = 0, Counter[int]()
    for _ in range(2):  # two epochs
        start = sum(seen.values())
        while sum(seen.values()) - start < len(lengths):
            batch = order.batch(step)
            assert 0 < sum(lengths[index] for index in batch) <= budget
            seen.update(batch)
            step += 1
    assert set(seen.values()) == {2} and len(seen) == len(lengths)


@settings(max_examples=10, deadline=None)
@given(steps=st.lists(st.integers(0, 60), min_size=1, max_size=12))
def test_a_batch_follows_from_its_step_alone(steps: list[int]) -> None:
    lengths = tuple(8 + index % 3 for index in range(100))
    asked = BatchOrder(constant_lengths(lengths), 64, 7)
    for step in steps:
        fresh = BatchOrder(constant_lengths(lengths), 64, 7)
        assert asked.batch(step) == fresh.batch(step)


def test_epochs_and_seeds_differ_and_packs_are_full() -> None:
    lengths = tuple(80 if index % 5 else 75 for index in range(1000))
    order = BatchOrder(constant_lengths(lengths), 5120, 1)
    first = [order.batch(step) for step in range(15)]
    assert first != [order.batch(step) for step in range(16, 31)]
    assert first != [BatchOrder(constant_lengths(lengths), 5120, 2).batch(step) for step in range(15)]
    fill = sorted(sum(lengths[index] for index in batch) / 5120 for batch in first)
    assert fill[1] > 0.98  # all but the epoch's last


def test_an_empty_set_of_clips_is_refused() -> None:
    with pytest.raises(ValueError, match="no clip may be trained on"):
        BatchOrder(constant_lengths(()), 100, 0)
