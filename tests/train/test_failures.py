"""What ends a training early: one clear line, and the last good checkpoint as it was."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from train.line import CONFIG, IDENTITY, Line, Numbers

from langit.feed import exposure
from langit.train import checkpoint
from langit.train.microbatch import MicroBatches
from langit.train.trainer import Trainer


def trainer(folder: Path, nan_at: int | None = None) -> Trainer:
    return Trainer(Line(nan_at), Numbers(), CONFIG, folder, IDENTITY)


def ends_as_if_nothing_had_been(folder: Path, other: Path) -> bool:
    """Whether a resumed run comes to the weights and the log of one that was never disturbed."""
    resumed, whole = trainer(folder), trainer(other)
    resumed.train(lambda _: None, resume=True)
    whole.train(lambda _: None)
    same = all(torch.equal(value, resumed.named[name]) for name, value in whole.named.items())
    return same and resumed.exposure.root() == whole.exposure.root()


def test_a_loss_that_is_not_a_number_names_step_clips_and_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"the loss is not a number at step 9, on clips 0{16}, 0{16}\. .*") as caught:
        trainer(tmp_path / "run", nan_at=9).train(lambda _: None)
    assert "The last good checkpoint is" in str(caught.value) and "step-00000008" in str(caught.value)
    assert "--resume" in str(caught.value) and "\n" not in str(caught.value)
    assert ends_as_if_nothing_had_been(tmp_path / "run", tmp_path / "whole")


def test_before_the_first_checkpoint_there_is_none_to_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at step 2, .*There is no checkpoint yet"):
        trainer(tmp_path, nan_at=2).train(lambda _: None)


def test_a_gradient_that_is_not_a_number_does_not_reach_the_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = trainer(tmp_path)
    real = MicroBatches.gradients

    def spoilt(self, batches, step, generators):
        losses = real(self, batches, step, generators)
        if step == 5:
            next(iter(running.named.values())).grad[0, 0] = float("inf")
        return losses

    monkeypatch.setattr(MicroBatches, "gradients", spoilt)
    before: dict[str, torch.Tensor] = {}

    def report(stats) -> None:
        before.update({name: value.detach().clone() for name, value in running.named.items()})

    with pytest.raises(ValueError, match="the gradient is not a number at step 5, on clips"):
        running.train(report)
    assert all(torch.equal(value, before[name]) for name, value in running.named.items())


def test_only_the_clips_of_the_micro_batch_are_named(tmp_path: Path) -> None:
    class Odd(Line):
        def loss(self, batch, step, generator):
            loss = super().loss(batch, step, generator)
            return loss * float("nan") if batch.clips[0] == f"{3:064x}" else loss

    from dataclasses import replace

    class Named(Numbers):
        def batch(self, step):
            return replace(super().batch(step), clips=(f"{step:064x}",))

    running = Trainer(Odd(), Named(), replace(CONFIG, lanes=2), tmp_path, IDENTITY)
    running.micro_batches.tasks[1].__class__ = Odd
    with pytest.raises(ValueError, match=r"the loss is not a number at step 1, on clips 0{16}\. "):
        running.train(lambda _: None)


FULL = """
import resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from train.line import CONFIG, IDENTITY, Line, Numbers
from langit.train.trainer import Trainer
running = Trainer(Line(), Numbers(), CONFIG, Path(sys.argv[1]), IDENTITY)
def report(stats):
    if stats.step == 6:  # no file may grow beyond this any more: the next checkpoint does not fit
        resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600))
try:
    running.train(report)
except OSError as error:
    print(error)
"""


def test_a_checkpoint_that_does_not_fit_leaves_the_one_before(tmp_path: Path) -> None:
    """With the operating system's own error, from within the writer of safetensors."""
    tests = str(Path(__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "run"), tests],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    message = done.stdout.strip()
    assert "cannot be written at step 8 (File too large)" in message and "\n" not in message
    assert "The last good checkpoint is" in message and "step-00000004" in message and "Make room" in message
    assert [path.name for path in (tmp_path / "run").glob("*step-*")] == ["step-00000004"]
    assert ends_as_if_nothing_had_been(tmp_path / "run", tmp_path / "whole")


def test_an_exposure_log_that_cannot_be_written_stops_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = exposure.ExposureLog.append

    def append(self, step, clips):
        if step == 6:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
        real(self, step, clips)

    monkeypatch.setattr(exposure.ExposureLog, "append", append)
    with pytest.raises(
        OSError, match=r"exposure.log cannot be written at step 6 \(No space left on device\).*00000004"
    ):
        trainer(tmp_path / "run").train(lambda _: None)
    monkeypatch.undo()
    assert checkpoint.latest(tmp_path / "run") is not None
    assert ends_as_if_nothing_had_been(tmp_path / "run", tmp_path / "whole")
