"""The physics report: its tables on known tracks, and the whole evaluation of a tiny model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from bundle.miniature import make_provenance
from evaluate.tried import SMALL, quiet, tiny_parts

from langit.bundle import save_bundle
from langit.evaluate.judges.probe import Probe
from langit.evaluate.physics import report as physics
from langit.evaluate.physics.behind import Hiding
from langit.evaluate.physics.fall import Fall, Flight
from langit.evaluate.physics.report import evaluate_physics, fall_rows, hiding_rows

LIKE = Fall(Flight(1.7, 0.999, 0.002), Flight(1.7, 0.999, 0.002), (0.4, 0.25, 0.15))
SLOW = Fall(Flight(0.3, 0.8, 0.02), None, (0.4,))
NONE = Fall(None, None, ())


def test_falls_are_a_share_of_all_videos() -> None:
    rows = fall_rows([[LIKE, SLOW, NONE], [LIKE] * 5], [LIKE] * 5, 64)
    assert [str(figure).split(" ")[0] for figure in rows["something falls"]] == ["66.7%", "100.0%"]
    assert str(rows["both"][0]).startswith("33.3%")
    assert str(rows["bounces, ever lower"][0]).startswith("33.3%")
    assert rows["acceleration, picture heights/s²"][1] == "1.70 (1.70 to 1.70)"
    assert rows["off the parabola, pixels of 64"][1].startswith("0.13")
    assert fall_rows([[NONE], [NONE]], [NONE], 64)["R² of the parabola"] == ("–", "–")


def test_hidings_are_counted_step_by_step() -> None:
    whole = Hiding(True, True, True, True, True, True)
    gone = Hiding(True, True, True, False, False, False)
    never = Hiding(True, True, False, True, True, True)
    rows = hiding_rows([[whole, gone, never, never], [whole]])
    assert [row[0].right for row in rows.values()] == [4, 4, 2, 1, 1, 1, 1]
    assert rows["of those that disappear, it comes out in colour and shape"][0].of == 2
    assert all(row[1].share == 1 for row in rows.values())


def test_an_evaluation_writes_a_report_and_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    monkeypatch.setattr(physics, "load_probe", lambda placement: Probe(SMALL).eval())
    save_bundle(tmp_path / "tiny", tiny_parts(), make_provenance())
    report = evaluate_physics(str(tmp_path / "tiny"), folder=tmp_path / "report", progress=quiet, prompts=4)
    assert {path.name for path in (tmp_path / "report").iterdir()} == {
        "physics.md",
        "physics.json",
        "falls.png",
        "falls-frames.png",
        "hidden-never-shown-there-5.png",
        "hidden-shown-there-5.png",
        "hidden-shown-there-9.png",
        "hidden-a-ball-behind-a-cube-5.png",
    }
    hidings = ("never shown there, 32x32x5", "shown there, 32x32x5", "a ball behind a cube, 32x32x5")
    titles = [f"Hidden and out again, {which}" for which in (*hidings, "shown there, 32x32x9")]
    assert [section.title for section in report.sections] == ["Free fall, 32x32x9", "Left and right", *titles]
    hidden = [section.rows["it disappears"] for section in report.sections[2:]]
    assert [[figure.of for figure in row] for row in hidden] == [[4] * 3, [2] * 3, [2] * 3, [2] * 3]
    assert report.sections[0].columns == ("model", "real films", "given back")
    plain = json.loads((tmp_path / "report" / "physics.json").read_text(encoding="utf-8"))
    assert plain["sampling"]["steps"] == report.facts["sampling"]["steps"] > 0
    assert plain["sections"][1]["rows"]["moves"]["tracker"]["of"] == 2
    assert "| orbits |" in report.markdown()


def test_too_few_prompts_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="3 prompts cannot be divided"):
        evaluate_physics("pocket", folder=tmp_path / "report", progress=quiet, prompts=3)
    assert not (tmp_path / "report").exists()
