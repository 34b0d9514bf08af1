"""kill -9 at random moments of a whole run: the ledger stays whole, and the resumed run ends as one never stopped."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from langit import recipes
from langit.feed.exposure import ExposureLog
from langit.ledger.store import Ledger
from langit.recipes.run import RunPaths, run
from langit.train import checkpoint

RUNNER = """
import sys
from pathlib import Path
from langit import recipes
from langit.recipes.run import run
run(recipes.find("tiny"), resume=True, home=Path(sys.argv[1]), workers=1, report=lambda *said: print(*said, flush=True))
"""
STAGES = recipes.find("tiny").stage_names


def kill_once(home: Path, dice: random.Random) -> bool:
    """Start or continue a run and kill it at a random moment. False when it had ended by then."""
    child = subprocess.Popen(
        [sys.executable, "-c", RUNNER, str(home)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert child.stdout is not None
    for _ in range(dice.randrange(1, 45)):
        if not child.stdout.readline():
            break
    time.sleep(dice.random() * 0.05)
    child.send_signal(signal.SIGKILL)
    child.stdout.close()
    return child.wait() == -signal.SIGKILL


def check(home: Path, kills: int) -> None:
    whole, home = home / "whole", home / "killed"
    run(recipes.find("tiny"), home=whole, workers=1, report=lambda *_: None)
    dice, entries = random.Random(kills), 0
    for _ in range(kills):
        if not kill_once(home, dice):  # the run had ended: the next starts over, with the same films and ledger
            for stage in STAGES:
                for path in sorted(RunPaths(home, "tiny").stage(stage).rglob("*"), reverse=True):
                    path.rmdir() if path.is_dir() else path.unlink()
        if (home / "ledger").is_dir():
            ledger = Ledger(home / "ledger")
            ledger.check()
            assert ledger.size >= entries, "no entry may be lost"
            entries = ledger.size
    run(recipes.find("tiny"), resume=True, home=home, workers=1, report=lambda *_: None)
    for stage in STAGES:
        folders = [RunPaths(place, "tiny").stage(stage) for place in (whole, home)]
        first, second = (checkpoint.load(checkpoint.latest(folder)).tensors["model"] for folder in folders)
        assert all(torch.equal(first[name], second[name]) for name in first)
        assert len({ExposureLog(folder / "exposure.log").root() for folder in folders}) == 1


def test_a_run_that_is_killed_ends_as_one_that_was_not(tmp_path: Path) -> None:
    check(tmp_path, 3)


@pytest.mark.slow
def test_a_run_that_is_killed_fifty_times(tmp_path: Path) -> None:
    check(tmp_path, 50)


def test_a_second_run_of_the_same_name_is_told_who_trains_it(tmp_path: Path) -> None:
    """From the moment that the first one starts, before it has rendered a film, until it is killed."""
    command, environment = [sys.executable, "-c", RUNNER, str(tmp_path)], {**os.environ, "OMP_NUM_THREADS": "1"}
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert child.stdout is not None and child.stdout.readline().startswith("films")
        for resume in (True, False):
            with pytest.raises(ValueError, match=f"runs/tiny is being trained by process {child.pid}"):
                run(recipes.find("tiny"), resume=resume, home=tmp_path, workers=1, report=lambda *_: None)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    run(recipes.find("tiny"), resume=True, home=tmp_path, workers=1, report=lambda *_: None)
