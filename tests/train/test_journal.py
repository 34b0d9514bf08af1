"""The file of progress: what a row says, losses by noise level, and no step told twice after a resumption."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
import torch
from torch import Tensor

from langit.feed.batch import Batch
from langit.train import journal
from langit.train.journal import EVERY, Journal, LevelLosses, ProgressRow, read_progress
from langit.train.trainer import StepStats, Trainer
from tests.train.line import CONFIG, IDENTITY, Line, Numbers


def _stats(step: int, steps: int = 40, **changes: float) -> StepStats:
    figures = {"loss": 2.0, "smooth_loss": 2.5, "gradient_norm": 0.5, "clips_per_second": 8.0, "tokens_per_second": 100}
    figures |= {"share_of_peak": 0.5, "seconds": step * 0.5, "step_seconds": 0.5, "data_seconds": 0.1}
    figures |= {"flops_per_second": 1e12, "peak": 4e12} | changes
    return StepStats(step=step, steps=steps, **figures)


def test_a_row_holds_means_since_the_row_before(tmp_path: Path) -> None:
    watch = Journal(tmp_path)
    for step in range(1, 21):
        watch.add(_stats(step, loss=float(step), data_seconds=0.5 if step > 10 else 0.0))
    first, second = read_progress(tmp_path)
    assert (first.step, first.steps, first.loss, second.loss) == (10, 40, 5.5, 15.5)
    assert (first.mfu, first.tflops, first.peak_tflops) == (0.25, 1.0, 4.0)
    assert (first.data_wait_share, second.data_wait_share) == (0.0, 1.0)
    assert (first.left, second.left) == (15.0, 10.0)  # 30 and 20 steps of half a second
    assert first.clips_per_second == 8.0 and first.loss_by_level == ()


def test_the_last_step_ends_a_row_and_so_does_a_long_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = Journal(tmp_path)
    assert [step for step in range(1, 14) if watch.add(_stats(step, steps=13))] == [EVERY, 13]
    monkeypatch.setattr(journal, "AT_LEAST_EVERY", 0.0)
    assert Journal(tmp_path / "slow").add(_stats(1))


def test_losses_fall_into_ten_ranges_of_noise_and_known_tokens_into_none() -> None:
    levels = LevelLosses()
    assert set(levels.take()) == {None}
    levels.add(torch.tensor([1.0, 3.0, 9.0, 5.0]), torch.tensor([0.05, 0.01, 0.0, 1.0]))
    levels.add(torch.tensor([8.0]), torch.tensor([0.09]))
    first, *middle, last = levels.take()
    assert (first, last, set(middle)) == (4.0, 5.0, {None})
    assert set(levels.take()) == {None}


def test_a_resumed_run_tells_no_step_twice(tmp_path: Path) -> None:
    watch = Journal(tmp_path)
    for step in range(1, 31):
        watch.add(_stats(step))
    with (tmp_path / journal.FILE).open("a") as file:
        file.write('{"step": 31, "st')  # killed while it wrote
    again = Journal(tmp_path)  # from a checkpoint at step 15
    for step in range(16, 41):
        again.add(_stats(step))
    assert [row.step for row in read_progress(tmp_path)] == [10, 20, 30, 40]
    (tmp_path / journal.FILE).write_text('{"step": 1}\n')
    with pytest.raises(ValueError, match="line 1, is no row of progress"):
        list(read_progress(tmp_path))


def test_the_trainer_says_how_long_it_waited_and_what_the_peak_is(tmp_path: Path) -> None:
    class Slow(Numbers):
        def batch(self, step: int) -> Batch[Tensor]:

            time.sleep(0.02)
            return super().batch(step)

    watch = Journal(tmp_path)
    Trainer(Line(), Slow(), CONFIG, tmp_path, IDENTITY).train(lambda stats: watch.add(stats) and None)
    rows = list(read_progress(tmp_path))
    assert [row.step for row in rows] == [10, 12]
    for row in rows:
        assert 0.3 < row.data_wait_share <= 1 and row.peak_tflops > 0 and 0 <= row.mfu < 1
    assert set(json.loads((tmp_path / journal.FILE).read_text().splitlines()[0])) == set(ProgressRow.__annotations__)
