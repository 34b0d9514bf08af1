"""Stages that end by the clock: their rate, their checkpoints, and what is kept when they are stopped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from torch import Tensor
from train.line import CONFIG, IDENTITY, Line, Numbers

from langit.recipes.clock import ClockConfig, RunClock
from langit.train import checkpoint
from langit.train.clock import StageClock
from langit.train.optim import OptimConfig
from langit.train.trainer import StepStats, Trainer


class Time:
    """A clock that moves when a step is reported."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds

    def after_step(self, stats: StepStats) -> None:
        self.seconds += 1


def trainer(folder: Path, clock: StageClock | None) -> Trainer[Tensor]:
    return Trainer(Line(), Numbers(), replace(CONFIG, sample_every=0), folder, IDENTITY, clock=clock)


def test_the_rate_rises_by_steps_holds_and_falls_with_the_time() -> None:
    now = Time()
    clock, optim = StageClock(0.0, 100.0, 0.4, 60.0, now), OptimConfig(warmup=4, final=0.1)
    assert clock.timed and not clock.over
    assert clock.rate(0, optim) == 0.25 and clock.rate(3, optim) == clock.rate(50, optim) == 1.0
    now.seconds = 60.0
    assert clock.rate(9, optim) == pytest.approx(1.0)
    now.seconds = 80.0
    assert clock.rate(9, optim) == pytest.approx(0.1 + 0.9 * 0.5)
    now.seconds = 100.0
    assert clock.rate(9, optim) == pytest.approx(0.1) and clock.over


def test_a_timed_stage_ends_by_the_clock_whatever_its_steps_are(tmp_path: Path) -> None:
    now = Time()
    first = trainer(tmp_path / "long", StageClock(0.0, 17.5, 0.4, 6.0, now))
    first.fit(now.after_step)
    assert first.step == 19, "the step that begins before the end is taken, and its time counts after it"
    facts = checkpoint.facts(checkpoint.latest(tmp_path / "long") or tmp_path)[1]
    assert facts["clock"] == {"seconds": 17.5, "fall": 0.4, "finished": True}
    again = trainer(tmp_path / "long", StageClock(20.0, 40.0, 0.4, 6.0, now))
    again.train(now.after_step, resume=True)
    assert again.step == 19, "a finished stage is not gone on with"
    short = trainer(tmp_path / "short", StageClock(now(), now() + 3.5, 0.4, 1e9, now))
    short.fit(now.after_step)
    assert 0 < short.step < CONFIG.steps and checkpoint.latest(tmp_path / "short") is not None


def test_checkpoints_come_by_the_clock_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = Time()
    timed = trainer(tmp_path, StageClock(0.0, 12.5, 0.4, 3.0, now))
    keep, saved = timed.save, list[int]()

    def save() -> Path:
        saved.append(timed.step)
        return keep()

    monkeypatch.setattr(timed, "save", save)
    timed.fit(now.after_step)
    assert [step for step in saved if step % CONFIG.checkpoint_every] == [7, 10, 13, 14], "every 3 s, and at the end"


def test_a_stage_that_is_stopped_keeps_a_checkpoint_and_goes_on(tmp_path: Path) -> None:
    now = Time()
    clock = RunClock(ClockConfig(least=1.0), 100.0, now)
    stage = clock.flow(1, 0)

    def report(stats: StepStats) -> None:
        now.after_step(stats)
        if stats.step == 5:
            clock.stop("SIGTERM")

    stopped = trainer(tmp_path, stage)
    stopped.fit(report)
    assert stopped.step in (5, 6) and not stopped.finished
    assert clock.left <= 0
    assert checkpoint.facts(checkpoint.latest(tmp_path) or tmp_path)[0] == stopped.step
    later = trainer(tmp_path, StageClock(now(), now() + 4.5, 0.4, 60.0, now))
    later.train(now.after_step, resume=True)
    assert later.finished and later.step > stopped.step
    untimed = RunClock(ClockConfig(), None, now)
    endless = untimed.flow(1, 0)
    assert not endless.timed and not endless.over
    untimed.stop("SIGTERM")
    assert endless.over and endless.stopped and not endless.timed


def test_stages_share_the_time() -> None:
    now = Time()
    config = ClockConfig(autoencoder=0.1, adapter=0.1, save=0.05, first_films=0.1, least=10.0)
    clock = RunClock(config, 100.0, now)
    assert clock.films_by() == pytest.approx(10.0)
    now.seconds = 8.0
    assert clock.autoencoder(1).end == pytest.approx(18.0)
    now.seconds = 20.0
    assert clock.flow(1, 1).end == pytest.approx(85.0) and clock.flow(2, 1).end == pytest.approx(52.5)
    assert clock.flow(1, 0).end == pytest.approx(95.0)
    now.seconds = 86.0
    assert clock.adapter(1).end == pytest.approx(95.0) and clock.left == pytest.approx(14.0)


def test_a_deadline_too_short_is_refused_before_anything() -> None:
    with pytest.raises(ValueError, match="--deadline 60 is too short to be of use: .* at least 240 seconds"):
        RunClock(ClockConfig(), 60.0)
    with pytest.raises(ValueError, match="--deadline nan"):
        RunClock(ClockConfig(), float("nan"))
    for wrong in ({"save": 1.5}, {"fall": -0.1}, {"autoencoder": 0.5, "adapter": 0.4}, {"least": 0.0}):
        with pytest.raises(ValueError, match="clock"):
            ClockConfig(**wrong)
