"""Several processes train one run: the same losses, weights and exposure log as one, also when one is killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from train.line import CONFIG, IDENTITY, Line, Numbers

from langit.feed.exposure import ExposureLog
from langit.train.ranks import Ranks
from langit.train.trainer import Trainer

TESTS = Path(__file__).parents[1]


def together(
    count: int, folder: Path, *arguments: object, script: str = "together.py"
) -> subprocess.CompletedProcess[str]:
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}"]
    command += ["--max-restarts=1", str(TESTS / "train" / script), str(folder), *map(str, arguments)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join([str(TESTS.parent), str(TESTS)])}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)


def alone(folder: Path, lanes: int) -> tuple[list[tuple[int, float]], Trainer[Any]]:
    losses: list[tuple[int, float]] = []
    trainer = Trainer(Line(), Numbers(), replace(CONFIG, lanes=lanes), folder, IDENTITY)
    trainer.train(lambda stats: losses.append((stats.step, stats.loss)))
    return losses, trainer


def results(folder: Path, count: int) -> list[dict[str, Any]]:
    return [json.loads((folder / f"rank-{rank}.json").read_text()) for rank in range(count)]


def rows(folder: Path) -> Sequence[tuple[int, str]]:
    return list(ExposureLog(folder / "exposure.log").read())


def test_two_processes_are_as_one(tmp_path: Path) -> None:
    losses, trainer = alone(tmp_path / "one", 2)
    done = together(2, tmp_path / "two", 2)
    assert done.returncode == 0, done.stderr
    first, second = results(tmp_path / "two", 2)
    assert [step for step, _ in first["losses"]] == [step for step, _ in losses] and second["losses"] == []
    assert [loss for _, loss in first["losses"]] == pytest.approx([loss for _, loss in losses], abs=1e-5)
    assert first["weights"] == second["weights"], "every process has the same weights, to the bit"
    flat = [value for parameter in trainer.named.values() for value in parameter.detach().flatten().tolist()]
    assert first["weights"] == pytest.approx(flat, abs=1e-5)
    assert rows(tmp_path / "two") == rows(tmp_path / "one"), "one log, in the order of one process"
    assert ExposureLog(tmp_path / "two" / "exposure.log").root() == trainer.exposure.root()


@pytest.mark.slow
@pytest.mark.parametrize(("count", "lanes"), [(4, 4), (2, 6), (2, 3)])
def test_more_processes_and_more_micro_batches(tmp_path: Path, count: int, lanes: int) -> None:
    """Three micro-batches cannot be shared out over two processes: the first does them all."""
    losses, _ = alone(tmp_path / "one", lanes)
    done = together(count, tmp_path / "many", lanes)
    assert done.returncode == 0, done.stderr
    found = results(tmp_path / "many", count)
    assert [loss for _, loss in found[0]["losses"]] == pytest.approx([loss for _, loss in losses], abs=1e-5)
    for other in found[1:]:
        assert other["weights"] == pytest.approx(found[0]["weights"], abs=1e-6)
        assert other["averaged"] == found[0]["averaged"]
    assert rows(tmp_path / "many") == rows(tmp_path / "one")


@pytest.mark.slow
@pytest.mark.parametrize("killed_at", [1, 4, 9, 11])
def test_a_killed_process_loses_nothing_and_nothing_is_seen_twice(tmp_path: Path, killed_at: int) -> None:
    losses, _ = alone(tmp_path / "one", 2)
    done = together(2, tmp_path / "two", 2, killed_at)
    assert done.returncode == 0, done.stderr
    assert "SIGKILL" in done.stderr or "-9" in done.stderr, "one was killed"
    first, _ = results(tmp_path / "two", 2)
    assert first["losses"][0][0] == killed_at // 4 * 4 + 1, "it went on from the last checkpoint"
    expected = dict(losses)
    assert [loss for _, loss in first["losses"]] == pytest.approx([expected[s] for s, _ in first["losses"]], abs=1e-5)
    assert rows(tmp_path / "two") == rows(tmp_path / "one")


@pytest.mark.slow
def test_a_run_of_four_is_taken_up_by_two_and_by_one(tmp_path: Path) -> None:
    losses, _ = alone(tmp_path / "one", 4)
    done = together(4, tmp_path / "run", 4)
    assert done.returncode == 0, done.stderr
    for step in (12, 8):
        newest = tmp_path / "run" / f"step-{step:08d}"
        assert newest.is_dir()
    (tmp_path / "run" / "step-00000012").rename(tmp_path / "gone")
    (tmp_path / "run" / "resume").touch()
    done = together(2, tmp_path / "run", 4)
    assert done.returncode == 0, done.stderr
    (first, _) = results(tmp_path / "run", 2)
    assert [loss for _, loss in first["losses"]] == pytest.approx([loss for _, loss in losses[8:]], abs=1e-5)
    assert rows(tmp_path / "run") == rows(tmp_path / "one")


@pytest.mark.slow
def test_processes_with_different_recipes_are_told_apart(tmp_path: Path) -> None:
    done = together(2, tmp_path / "two", 2, -1, "different")
    assert done.returncode != 0
    assert "the recipe or the code of processes 1 is not that of process 0" in done.stderr


def test_micro_batches_are_shared_out_in_turn() -> None:
    assert [list(Ranks(rank, 2).own(6)) for rank in range(2)] == [[0, 2, 4], [1, 3, 5]]
    assert Ranks().own(3) == range(3)
    with pytest.raises(ValueError, match="4 micro-batches of a step .* over 3 processes: start a divisor"):
        Ranks(0, 3).check_lanes(4)
