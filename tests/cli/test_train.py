"""The verbs about a recipe's runs: what they hand on, and what they refuse before anything is done."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cli.running import Run

from langit.recipes import scale as scaling


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("scale nonesuch", "no recipe is named 'nonesuch'"),
        ("scale tiny --budgets 3", "budgets 3: give at least two"),
        ("scale tiny --budgets 3,soon", "'3,soon' are not numbers of steps"),
        ("scale tiny --budgets 0,3", "budgets 0, 3"),
        ("scale tiny --size half", "--size 'half': give each size its own name"),
        ("scale tiny --prompts 1", "--prompts"),
        ("scale tiny nonesuch=3", "unknown key 'nonesuch'"),
        ("runs nonesuch", "no recipe is named 'nonesuch'"),
        ("train tiny --device cuda:9", "device 'cuda:9'"),
        ("train tiny --device cpu --dtype int8", "dtype 'int8' is unknown"),
        ("train tiny --manifest nothing", "no manifest 'nothing'"),
        ("train tiny --device cpu --devices 4096", "--devices 4096: this machine has"),
        ("train tiny --device cpu --devices 0", "--devices"),
        ("train tiny --device cpu --context 2", "--context 2: 1 processes cannot be divided"),
        ("train tiny --device cpu --sharding half", "--sharding 'half' is unknown: use auto, none, full, nodes"),
        ("train tiny --base nothing", "no model 'nothing'"),
        (
            "train pocket --device cpu --deadline 60",
            "--deadline 60 is too short to be of use: this recipe needs at least 240",
        ),
        ("train pocket --device cpu --deadline -1", "--deadline -1 is too short"),
        (
            "train tiny-gpu --device cpu --devices 2 --deadline 60",
            "--devices 2: a run with --deadline trains on one device",
        ),
        ("train tiny-gpu --device cpu --deadline 60 --from nothing", "no model 'nothing'"),
        ("train pocket64 --device cpu --from pocket", "recipe 'pocket64' is not made to be gone on with by the clock"),
        (
            "train tiny --base pocket",
            "the recipe's autoencoder is not of the base's sizes: set autoencoder.coarse_width",
        ),
        ('train tiny stages.scenes.films=[] stages.scenes.sizes=["32x32x9"]', "footage alone: name a curated set with"),
        ("runs tiny -o there", "there cannot be used"),
    ],
)
def test_mistakes(capsys: pytest.CaptureFixture[str], place: Path, arguments: str, words: str) -> None:
    (place / "there").write_bytes(b"kept")
    run = Run(capsys, *arguments.split())
    assert (run.code, run.out, run.err.count("\n")) == (2, "", 1)
    assert run.err.startswith("langit: ") and words in run.err
    assert [entry.name for entry in place.iterdir()] == ["there"]


def test_budgets_and_sizes_are_handed_on(
    capsys: pytest.CaptureFixture[str], place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, Any] = {}

    def scale(recipe: Any, budgets: Any, sizes: Any, **others: Any) -> SimpleNamespace:
        given.update(others, name=recipe.name, budgets=budgets, sizes=sizes)
        return SimpleNamespace(table=lambda: "the table")

    monkeypatch.setattr(scaling, "scale", scale)
    words = ["scale", "tiny", "name=mine", "--budgets", "2,4", "--prompts", "5", "--seeds", "2", "--clips", "7"]
    run = Run(capsys, *words, "--size", "half num_layers=1 ffn_dim=24")
    assert run.code == 0, run.err
    assert "the table" in run.out and run.out.rstrip().endswith("scale-mine")
    assert (given["name"], given["budgets"]) == ("mine", [2, 4])
    assert given["sizes"] == {"half": ["num_layers=1", "ffn_dim=24"]}
    assert given["test"] == scaling.ScalingTest(prompts=5, seeds=2, clips=7)


def test_runs_that_are_not_begun_are_said_to_be(capsys: pytest.CaptureFixture[str], place: Path) -> None:
    run = Run(capsys, "runs", "tiny", "-o", "out")
    assert run.code == 0, run.err
    assert run.out.count("not started") >= 4
    assert {path.name for path in (place / "out").iterdir()} == {"runs.md", "runs.json"}
