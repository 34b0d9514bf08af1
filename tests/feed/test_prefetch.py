"""Batches that are made ahead are those of their steps, and none is old when it is handed out."""

from __future__ import annotations

import threading

import torch
from torch import Tensor

from langit.feed.batch import Batch
from langit.feed.prefetch import Prefetch


class _Clips:
    """Batches of one clip, without those that are barred."""

    def __init__(self) -> None:
        self.barred, self.asked, self.threads = frozenset[str](), list[int](), set[str]()

    def batch(self, step: int) -> Batch[Tensor]:
        self.asked.append(step)
        self.threads.add(threading.current_thread().name)
        return Batch(tuple(clip for clip in ("a", "b") if clip not in self.barred), 1, torch.tensor([step]))


def test_batches_are_made_ahead_and_are_those_of_their_steps() -> None:
    clips = _Clips()
    feed = Prefetch(clips, ahead=2)
    assert [int(feed.batch(step).items) for step in (0, 1, 2, 7, 8)] == [0, 1, 2, 7, 8]
    feed.close()
    assert clips.threads and all(name.startswith("batches") for name in clips.threads)
    assert {0, 1, 2, 7, 8} <= set(clips.asked)


def test_a_clip_that_is_taken_down_is_not_in_the_next_batch_though_that_was_ready() -> None:
    clips = _Clips()
    feed = Prefetch(clips, ahead=3, version=lambda: clips.barred)
    assert feed.batch(0).clips == ("a", "b")
    for waiting in list(feed._waiting.values()):
        waiting.result()  # steps 1 to 3 are ready
    clips.barred = frozenset({"a"})
    assert feed.batch(1).clips == ("b",)
    feed.close()
