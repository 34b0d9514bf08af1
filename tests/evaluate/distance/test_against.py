"""Distances against a manifest: the model's videos beside clips of footage, in pieces of the model's sizes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from recipes.footage import add_footage
from recipes.test_own import narrow

from langit import recipes
from langit.evaluate.distance.report import evaluate_distance
from langit.ledger.store import Ledger
from langit.recipes.run import run


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("against")
    add_footage(folder, frames=40)  # several pieces of each clip
    run(replace(narrow(recipes.find("small"), folder), name="near"), home=folder, workers=1, report=lambda *_: None)
    return folder


def test_a_model_is_compared_with_the_clips_of_a_manifest(home: Path, tmp_path: Path) -> None:
    model = str(home / "models" / "near")
    report = evaluate_distance(model, "mine", 8, tmp_path / "report", home, lambda *_: None)
    assert report.videos == 8 and report.against == "the manifest mine"
    assert report.without_bias.video > 0 and "mine" in report.markdown() and report.rises("blur")
    plain = json.loads((tmp_path / "report" / "distance.json").read_text())
    assert plain["videos"] == 8 and {path.name for path in (tmp_path / "report").glob("*.png")} == {
        "damage.png",
        "real.png",
        "made.png",
    }
    with pytest.raises(ValueError, match="there is no manifest 'other' in .*: there is mine"):
        evaluate_distance(model, "other", 8, tmp_path / "none", home, lambda *_: None)
    ledger = Ledger(home / "ledger")
    for clip in ledger.clips()[:3]:
        ledger.revoke(clip.digest, "its owner asked for it")
    with pytest.raises(ValueError, match=r"manifest 'mine' gives \d+ videos .* use one that gives 16"):
        evaluate_distance(model, "mine", 8, tmp_path / "few", home, lambda *_: None)
