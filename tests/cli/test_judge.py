"""The verb judge train: tiny judges are trained, tested and written; mistakes are refused at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli.running import Run

from langit.evaluate.judges.probe import load_probe
from langit.evaluate.judges.tracker import load_tracker

TINY_RUN = (
    "training.steps=2",
    "training.checkpoint_every=2",
    "training.optim.warmup=1",
    "training.optim.decay=1",
)


@pytest.mark.draws
def test_a_tiny_probe_is_trained_and_its_figures_are_listed(capsys: pytest.CaptureFixture[str], place: Path) -> None:
    network = ("network.frames=5", "network.fine_width=8", "network.width=16", "network.blocks=2", "network.memory=16")
    films = 'films=[{"size": "32x32x5", "first": 0, "judged": 3, "last": 5, "world": "worlds-1", "step": 1}]'
    run = Run(capsys, "judge", "train", "probe", films, "batch=2", *network, *TINY_RUN, "-o", "tiny", "--workers", "1")
    assert run.code == 0, run.err
    assert "camera: " in run.out and run.out.rstrip().endswith("tiny")
    assert load_probe(place / "tiny").config.frames == 5
    assert (place / "tiny" / "record.json").is_file()


@pytest.mark.draws
def test_a_tiny_tracker_is_trained_and_its_figures_are_listed(capsys: pytest.CaptureFixture[str], place: Path) -> None:
    network = ("network.fine_width=4", "network.width=8", "network.blocks=1")
    films = 'films=[{"world": "worlds-1", "size": "32x32x3", "first": 0, "judged": 2, "last": 3}]'
    batch = ("films_each=2", "frames_each=2")
    run = Run(capsys, "judge", "train", "tracker", films, *batch, *network, *TINY_RUN, "-o", "tiny", "--workers", "1")
    assert run.code == 0, run.err
    assert "worlds-1: found " in run.out
    assert load_tracker(place / "tiny").config.width == 8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("train giraffe", "there is no judge 'giraffe': use probe, probe-story, probe-long, tracker"),
        ("train probe stepz=3", "unknown key 'stepz'"),
        ("train probe --autoencoder nonesuch", "no model 'nonesuch'"),
        ("train tracker films.0.judged=0", "are not in order"),
    ],
)
def test_mistakes_are_one_line(arguments: str, message: str, capsys: pytest.CaptureFixture[str], place: Path) -> None:
    run = Run(capsys, "judge", *arguments.split())
    assert run.code == 2
    assert message in run.err and run.err.count("\n") == 1
    assert list(place.iterdir()) == []
