"""Batches of one shape: which windows are drawn, how often, and how batches are filled."""

from __future__ import annotations

from collections import Counter

import pytest
import torch

from langit.feed.latents import LatentClip, LatentView
from langit.feed.prefetch import Prefetch
from langit.feed.shaped import ShapedFeed, batch_size, world_repeats
from langit.feed.windows import WindowConfig

VARIED = WindowConfig(whole=0.5, later=0.2, image=0.1, starts=1)


def clip(number: int, frames: int, height: int = 4, width: int = 4) -> LatentClip:
    def view(length: int) -> LatentView:
        latents = torch.full((2, length, height, width), float(number), dtype=torch.float16)
        return LatentView(latents, torch.zeros(length, height // 2, width // 2))

    return LatentClip(f"{number:064x}", ("one", "two"), (view(frames), view(frames - 1)))


CLIPS = [
    *(clip(n, 3) for n in range(20)),
    *(clip(n, 5) for n in range(20, 30)),
    *(clip(n, 3, 4, 8) for n in range(30, 35)),
]


def shapes(feed: ShapedFeed, steps: int) -> list[tuple[tuple[int, ...], ...]]:
    return [tuple(tuple(video.shape) for video in feed.batch(step).items.latents) for step in range(steps)]


def test_a_batch_holds_windows_of_one_shape_and_as_many_as_the_budget_takes() -> None:
    feed = ShapedFeed(CLIPS, 96, 0, VARIED)
    assert all(len(set(batch)) == 1 for batch in shapes(feed, 60))
    assert batch_size(96, 12, 1000) == 8 and batch_size(96, 1, 1000) == 96 and batch_size(96, 1, 7) == 4
    assert batch_size(96, 5, 1000) == 16, "19 would not be a multiple of 8"
    assert batch_size(96, 200, 9) == 1
    assert batch_size(10**6, 1) == 384


def test_every_clip_is_seen_once_an_epoch_and_more_only_to_fill_a_batch() -> None:
    feed = ShapedFeed(CLIPS, 48, 3, WindowConfig())
    epoch = feed._epoch(0)
    seen = Counter(number for batch in epoch for number, _ in batch)
    assert set(seen) == set(range(35)) and sum(seen.values()) == 20 + 10 + 6  # batches of 4, 2 and 2 windows
    assert max(seen.values()) <= 2
    assert {len(batch) for batch in epoch} == {4, 2}
    assert epoch != feed._epoch(1)


def test_a_batch_follows_from_its_step_alone() -> None:
    one, other = ShapedFeed(CLIPS, 48, 3, VARIED), ShapedFeed(CLIPS, 48, 3, VARIED)
    late = [other.batch(step).clips for step in (40, 3, 17)]
    assert late == [[one.batch(step).clips for step in range(41)][step] for step in (40, 3, 17)]
    assert one.batch(0).tokens == sum(one.batch(0).items.lengths)
    assert one.batch(0).clips != ShapedFeed(CLIPS, 48, 4, VARIED).batch(0).clips


def test_clips_that_were_taken_down_are_left_out() -> None:
    barred = frozenset(each.digest for each in CLIPS[:34])
    feed = ShapedFeed(CLIPS, 48, 0, VARIED, lambda: barred)
    assert {clip for step in range(5) for clip in feed.batch(step).clips} == {CLIPS[34].digest}
    gone = ShapedFeed(CLIPS, 48, 0, VARIED, lambda: frozenset(each.digest for each in CLIPS))
    with pytest.raises(ValueError, match="all 35 clips that this stage learns were taken down"):
        gone.batch(0)
    with pytest.raises(ValueError, match="no clip may be trained on"):
        ShapedFeed([], 48, 0, VARIED)


def test_worlds_are_drawn_by_their_shares() -> None:
    worlds = ["worlds-1"] * 20 + ["story-1"] * 10 + ["behind-1"] * 5
    repeats = world_repeats(worlds, {"story-1": 0.5})
    assert repeats[20] == pytest.approx(1.75) and repeats[0] == pytest.approx(0.7) == repeats[34]
    feed = ShapedFeed(CLIPS, 12, 0, WindowConfig(), repeats=repeats)
    drawn = Counter(worlds[number] for epoch in range(40) for batch in feed._epoch(epoch) for number, _ in batch)
    assert drawn["story-1"] / sum(drawn.values()) == pytest.approx(0.5, abs=0.04)
    assert world_repeats(worlds, {"worlds-1": 0.2, "story-1": 0.3, "behind-1": 0.5})[0] == pytest.approx(0.35)


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        ({"story-1": 1.2}, "story-1=1.2: use shares from 0"),
        ({"story-1": -0.1}, "story-1=-0.1"),
        ({"story-2": 0.5}, "of worlds that are learnt: worlds-1, story-1"),
        ({"worlds-1": 0.3, "story-1": 0.3}, "sum to 0.6, and no other world is learnt"),
        ({"worlds-1": 0.8, "story-1": 0.3}, "sum to at most 1"),
    ],
)
def test_impossible_shares_are_refused(shares: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        world_repeats(["worlds-1", "story-1"], shares)


def test_batches_made_ahead_are_the_same_and_errors_come_out() -> None:
    feed = ShapedFeed(CLIPS, 48, 3, VARIED)
    ahead = Prefetch(feed)
    assert [ahead.batch(step).clips for step in (0, 1, 2, 7, 8)] == [feed.batch(step).clips for step in (0, 1, 2, 7, 8)]
    ahead.close()
    broken = Prefetch(ShapedFeed(CLIPS[:1], 48, 0, VARIED, lambda: frozenset({CLIPS[0].digest})))
    with pytest.raises(ValueError, match="taken down"):
        broken.batch(0)
    broken.close()
