"""One trainer to a run, and an exposure log that nobody else wrote to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from train.line import CONFIG, IDENTITY, Line, Numbers

from langit.feed.exposure import ROW, ExposureLog
from langit.train import checkpoint
from langit.train.lock import locked_run
from langit.train.trainer import Trainer

TRAINER = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from train.line import CONFIG, IDENTITY, Line, Numbers
from langit.train.trainer import Trainer
def report(stats):
    print(stats.step, flush=True)
    time.sleep(0.05 if stats.step < 6 else 60)
Trainer(Line(), Numbers(), CONFIG, Path(sys.argv[1]), IDENTITY).train(report, resume=True)
"""


def trainer(folder: Path) -> Trainer:
    return Trainer(Line(), Numbers(), CONFIG, folder, IDENTITY)


def start(folder: Path) -> subprocess.Popen[str]:
    tests = str(Path(__file__).parents[1])
    return subprocess.Popen(
        [sys.executable, "-c", TRAINER, str(folder), tests],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def wait_for(child: subprocess.Popen[str], step: int) -> None:
    assert child.stdout is not None
    while line := child.stdout.readline():
        if int(line) >= step:
            return
    raise AssertionError("the trainer ended early")


def test_a_second_trainer_is_told_which_process_trains_the_run(tmp_path: Path) -> None:
    """And when that one is killed, the run goes on from its checkpoint as if nothing had been."""
    child = start(tmp_path / "run")
    try:
        wait_for(child, 6)
        before = (tmp_path / "run" / "exposure.log").read_bytes()
        message = f"run is being trained by process {child.pid}: wait for it or stop it, or train beside it"
        for resume in (True, False):
            with pytest.raises(ValueError, match=message):
                trainer(tmp_path / "run").train(lambda _: None, resume=resume)
        assert (tmp_path / "run" / "exposure.log").read_bytes() == before
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    resumed = trainer(tmp_path / "run")
    resumed.train(lambda _: None, resume=True)
    whole = trainer(tmp_path / "whole")
    whole.train(lambda _: None)
    assert resumed.exposure.root() == whole.exposure.root() and resumed.exposure.rows == 24


@pytest.mark.slow
def test_trainers_that_start_at_once_and_are_killed_lose_and_double_nothing(tmp_path: Path) -> None:
    """Four processes race for one run, again and again; whoever has it is killed at a random moment."""
    whole = trainer(tmp_path / "whole")
    whole.train(lambda _: None)
    folder = tmp_path / "run"
    for attempt in range(8):
        children = [start(folder) for _ in range(4)]
        time.sleep(1.5 + 0.17 * attempt)
        running = [child for child in children if child.poll() is None]
        for child in children:
            child.send_signal(signal.SIGKILL)
            child.wait()
        assert len(running) <= 4
        newest = checkpoint.latest(folder)
        if newest is not None:
            step, facts = checkpoint.facts(newest)
            rows = list(ExposureLog(folder / "exposure.log").read())
            assert [at for at, _ in rows] == sorted(at for at, _ in rows)
            assert len([row for row in rows if row[0] < step]) == facts["exposures"]
    resumed = trainer(folder)
    resumed.train(lambda _: None, resume=True)
    assert resumed.exposure.root() == whole.exposure.root()


def test_the_lock_is_released_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), locked_run(tmp_path):
        raise RuntimeError
    with locked_run(tmp_path), pytest.raises(ValueError, match=f"by process {os.getpid()}"), locked_run(tmp_path):
        pass


def test_checkpoints_are_not_trained_over(tmp_path: Path) -> None:
    trainer(tmp_path).train(lambda _: None)
    with pytest.raises(ValueError, match="step-00000012 is there already"):
        trainer(tmp_path).train(lambda _: None)


def doubled(rows: list[bytes]) -> list[bytes]:
    """As two trainers wrote it before there was a lock: steps 4 to 7 twice, one after the other."""
    return [*rows[:16], *rows[8:16], *rows[16:]]


def swapped(rows: list[bytes]) -> list[bytes]:
    return [*rows[:6], ROW.pack(3, b"\x07" * 32), *rows[7:]]


def ahead(rows: list[bytes]) -> list[bytes]:
    return [*rows[:23], ROW.pack(12, b"\x07" * 32)]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (doubled, "the step of row 16 is 4, which falls from 7. Two processes may have trained this run at once"),
        (swapped, "is not the log of the checkpoint"),
        (ahead, "the step of row 23 is 12, which is past the checkpoint's 12"),
    ],
)
def test_a_log_that_others_wrote_to_is_refused_and_left_alone(tmp_path: Path, spoil, message: str) -> None:
    trainer(tmp_path).train(lambda _: None)
    log = tmp_path / "exposure.log"
    data = log.read_bytes()
    rows = [data[at : at + ROW.size] for at in range(0, len(data), ROW.size)]
    log.write_bytes(b"".join(spoil(rows)))
    before = log.read_bytes()
    with pytest.raises(ValueError, match=message):
        trainer(tmp_path).resume()
    assert log.read_bytes() == before


def test_rows_after_the_checkpoint_are_cut_off(tmp_path: Path) -> None:
    trainer(tmp_path).train(lambda _: None)
    log = tmp_path / "exposure.log"
    before = log.read_bytes()
    log.write_bytes(before + ROW.pack(12, b"\x07" * 32) + b"half a row")
    assert trainer(tmp_path).resume()
    assert log.read_bytes() == before


def test_a_foreign_row_is_noticed_when_a_checkpoint_is_written(tmp_path: Path) -> None:
    """Where locks do not work, for example on some network file systems."""
    running = trainer(tmp_path)

    def report(stats) -> None:
        if stats.step == 3:
            ExposureLog(tmp_path / "exposure.log").append(2, ("ab" * 32,))

    with pytest.raises(ValueError, match="another process writes to it"):
        running.train(report)
    assert checkpoint.latest(tmp_path) is None


def test_a_checkpoint_from_before_roots_were_kept_still_resumes(tmp_path: Path) -> None:
    import json

    trainer(tmp_path).train(lambda _: None)
    newest = checkpoint.latest(tmp_path)
    assert newest is not None
    file = newest / "checkpoint.json"
    plain = json.loads(file.read_text())
    for name in ("exposure_root", "device"):
        del plain["facts"][name]
    file.write_text(json.dumps(plain))
    assert trainer(tmp_path).resume()
