"""The frame gate for nudity: its wiring with a planted model, and the real one on harmless pictures."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from langit.release.gates import nudity
from langit.release.gates.finding import Finding, Refused
from langit.release.gates.frames import ClassifierGate, FramesConfig, frame_gates, watch_frames

MILD, WILD = np.full((48, 64, 3), 40, np.uint8), np.full((48, 64, 3), 200, np.uint8)


class Planted:
    """Stands for open_nsfw: bright pictures are its nudity."""

    def __init__(self, intra_op_threads: int) -> None:
        del intra_op_threads

    def score(self, picture: object) -> float:
        return 0.95 if np.asarray(picture).mean() > 128 else 0.05


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    package = type(sys)(nudity.PACKAGE)
    package.Classifier = Planted  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, nudity.PACKAGE, package)
    monkeypatch.setattr(nudity, "find_spec", lambda name: object() if name == nudity.PACKAGE else None)


def test_where_the_extra_is_installed_nudity_is_refused_without_any_setting(planted: None) -> None:
    gates = frame_gates()
    assert len(list(watch_frames([MILD] * 8, gates(8), []))) == 8
    with pytest.raises(Refused, match="nudity .open_nsfw takes a frame for pornography, 0.95, at 0.50 s"):
        list(watch_frames([MILD] * 4 + [WILD] * 4, gates(8), []))


def test_nudity_can_be_flagged_or_left_alone(planted: None) -> None:
    flags: list[Finding] = []
    list(watch_frames([WILD] * 16, frame_gates(FramesConfig(nudity="flag"))(8), flags))
    assert [(flag.rule, flag.action) for flag in flags] == [("nudity", "flag")]  # once, not for every frame
    flags = []
    list(watch_frames([WILD] * 16, frame_gates(FramesConfig(nudity="off"))(8), flags))
    assert flags == []
    list(watch_frames([WILD] * 16, frame_gates(FramesConfig(nudity_threshold=0.96))(8), flags))
    assert flags == []


def test_without_the_extra_the_gate_is_off_unless_it_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nudity, "find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, nudity.PACKAGE, None)  # importing it fails
    assert not any(isinstance(gate, ClassifierGate) for gate in frame_gates()(8))
    with pytest.raises(ModuleNotFoundError):
        frame_gates(FramesConfig(nudity="refuse"))


def test_a_threshold_that_is_no_probability_is_an_error() -> None:
    with pytest.raises(ValueError, match="nudity_threshold 0 is not a probability"):
        FramesConfig(nudity_threshold=0)


def test_the_real_model_runs_and_takes_no_plain_picture_for_nudity() -> None:
    pytest.importorskip(nudity.PACKAGE, reason="needs the nudity extra")
    rows = np.linspace(0, 255, 64, dtype=np.uint8)
    gradient = np.stack(np.broadcast_arrays(rows[:, None], rows, np.uint8(90)), axis=-1)
    judge = nudity.NudityClassifier("refuse", 0.8)
    scores = [judge.score(picture) for picture in (MILD, WILD, gradient)]
    assert all(0 < score < 0.2 for score in scores) and len(set(scores)) == 3
    assert judge.judge(gradient, 0.0) == []
    strict = nudity.NudityClassifier("flag", min(scores) / 2)
    assert [finding.rule for finding in strict.judge(gradient, 1.0)] == ["nudity"]
