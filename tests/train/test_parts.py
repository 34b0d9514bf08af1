"""Processes that share the one micro-batch of an autoencoder's step: as one process would, to 1e-5, resumed by any."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from train.pixels_together import flat, train
from train.test_ranks import results, rows, together

from langit.feed.exposure import ExposureLog
from langit.train.parts import BatchPart


def test_two_processes_share_a_batch_and_one_takes_it_up(tmp_path: Path) -> None:
    losses, alone = train(tmp_path / "one")
    done = together(2, tmp_path / "two", script="pixels_together.py")
    assert done.returncode == 0, done.stderr
    first, second = results(tmp_path / "two", 2)
    assert first["losses"] == pytest.approx(losses, abs=1e-5) and second["losses"] == []
    assert first["weights"] == second["weights"], "every process has the same weights, to the bit"
    assert first["weights"] == pytest.approx(flat(alone), abs=1e-5)
    assert rows(tmp_path / "two") == rows(tmp_path / "one"), "one log, in the order of one process"
    assert ExposureLog(tmp_path / "two" / "exposure.log").root() == alone.exposure.root()
    shutil.rmtree(tmp_path / "two" / "step-00000006")
    rest, _ = train(tmp_path / "two", resume=True)
    assert rest == pytest.approx(losses[4:], abs=1e-5) and rows(tmp_path / "two") == rows(tmp_path / "one")


@pytest.mark.slow
def test_two_processes_go_on_where_one_stopped(tmp_path: Path) -> None:
    losses, _ = train(tmp_path / "one")
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    shutil.rmtree(tmp_path / "two" / "step-00000006")
    (tmp_path / "two" / "resume").touch()
    done = together(2, tmp_path / "two", script="pixels_together.py")
    assert done.returncode == 0, done.stderr
    assert results(tmp_path / "two", 2)[0]["losses"] == pytest.approx(losses[4:], abs=1e-5)
    assert rows(tmp_path / "two") == rows(tmp_path / "one")


def test_a_part_alone_has_the_usual_deviation() -> None:
    values = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    assert BatchPart(0, 3, 3, 0).std(values) == values.std()
    assert (BatchPart(1, 2, 3, 0).cut(values) == values[1:]).all()
