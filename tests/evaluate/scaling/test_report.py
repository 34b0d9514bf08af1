"""The scaling report on runs with a known law: trends, text and pictures."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from langit.evaluate.fidelity.scores import ShownVideo
from langit.evaluate.figures.intervals import Rate
from langit.evaluate.scaling.measures import ALL, EVERYTHING, HeldOutLoss
from langit.evaluate.scaling.pictures import RunColumn, side_by_side
from langit.evaluate.scaling.report import ScaleReport, write
from langit.evaluate.scaling.runs import FRONTIER, OWN, ScalingRun, frontier


def run(size: str, steps: int, flops: float, loss: float, right: int) -> ScalingRun:
    rates = {"shape": Rate(right, 100), ALL: Rate(right, 100), EVERYTHING: Rate(right // 2, 100)}
    held = HeldOutLoss(loss, 0.004, 320, 2)
    return ScalingRun(size, steps, 12_000_000, flops, steps * 1.5, 64 * steps, held, rates, ((10, 1.9), (20, 1.5)))


def report(*runs: ScalingRun) -> ScaleReport:
    return ScaleReport("pocket", "scenes", 100, 1, "64x64x17", runs)


LAW = tuple(
    run(OWN, steps, flops, 20 * flops**-0.1, right)
    for steps, flops, right in ((125, 2e13, 40), (500, 8e13, 60), (2000, 3.2e14, 80))
)


def test_a_known_law_is_recovered_and_extrapolated() -> None:
    (found,) = report(*LAW).trends
    assert found.loss.slope == pytest.approx(-0.1) and 10**found.loss.constant == pytest.approx(20)
    assert found.further == pytest.approx(20 * 3.2e15**-0.1)
    step = 20 / math.log10(4)
    assert 100 * found.right[ALL].slope == pytest.approx(step) and found.share_further(ALL) == 1.0
    assert found.share_further(EVERYTHING) == pytest.approx(0.4 + step / 200)
    said = report(*LAW).markdown()
    assert "| 500 steps | 500 | 12.00M | 80 | 750 |" in said
    assert "FLOPs^-0.1000, least squares in logarithms through 3 points; slope (-0.1000 to -0.1000)" in said
    assert f"{step:+.1f} points" in said and f"{ALL} 100%" in said


def test_every_size_has_a_trend_and_so_has_the_frontier() -> None:
    small = [run("half", 500, 3e13, 0.85, 30), run("half", 2000, 1.2e14, 0.83, 35)]
    both = report(*LAW, *small)
    assert [trend.name for trend in both.trends] == [OWN, "half", FRONTIER]
    best = frontier(both.runs)
    assert [one.label for one in best] == ["125 steps", "half, 500 steps", "500 steps", "2,000 steps"]
    assert "two points: no interval" in both.markdown()
    plain = json.loads(both.json())
    assert plain["trends"][1]["loss"]["low"] is None and plain["trends"][0]["loss"]["points"] == 3
    assert both.table().row_count == 5


def test_sizes_at_one_budget_have_a_trend() -> None:
    (found,) = report(LAW[0], run("half", 125, 1e13, 1.2, 30)).trends
    assert found.name == FRONTIER and found.loss.slope < 0


def test_files_show_every_run(tmp_path: Path) -> None:
    shades = [torch.full((5, 16, 24, 3), shade, dtype=torch.uint8) for shade in (40, 120, 200)]
    shown = [[ShownVideo(f"prompt {number}", shade) for number in range(3)] for shade in shades]
    write(report(*LAW), shown, tmp_path, rows=2)
    assert {path.name for path in tmp_path.iterdir()} == {"scale.md", "scale.json", "scale.png", "prompts.png"}
    assert json.loads((tmp_path / "scale.json").read_text(encoding="utf-8"))["runs"][2]["rates"][ALL]["right"] == 80
    with Image.open(tmp_path / "prompts.png") as picture:
        pixels = np.asarray(picture)
    places = [np.nonzero((pixels == shade).all(2).any(0))[0].mean() for shade in (40, 120, 200)]
    assert places == sorted(places), "runs stand side by side in their order"
    rows = np.nonzero((pixels == 120).all(2).sum(1) > 100)[0]
    assert (np.diff(rows) > 1).sum() == 1, "two prompts, one under the other"


def test_a_number_of_videos_other_than_prompts_is_refused() -> None:
    film = torch.zeros(5, 16, 16, 3, dtype=torch.uint8)
    with pytest.raises(ValueError, match=r"2 prompts with \[2, 1\] videos"):
        side_by_side(["a", "b"], [RunColumn("one", (film, film)), RunColumn("two", (film,))])
