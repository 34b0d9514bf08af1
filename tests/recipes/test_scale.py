"""The tiny recipe at three budgets and two sizes: finished runs are reused, stopped ones continue, tests are equal."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from evaluate.tried import SMALL
from PIL import Image

from langit import recipes
from langit.bundle.places import read_provenance
from langit.evaluate.judges.probe import Probe, load_probe
from langit.evaluate.scaling.measures import ALL, EVERYTHING
from langit.evaluate.scaling.report import ScaleReport
from langit.evaluate.scaling.runs import OWN
from langit.recipes import scale as scaling
from langit.recipes.films import RunPaths
from langit.recipes.scale import ScalingTest, plan, resized_stage, scale
from langit.train import checkpoint

TEST = ScalingTest(prompts=3, seeds=1, clips=9, draws=2)


class HaltedError(Exception):
    pass


@pytest.fixture
def place(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new home with the films, the ledger and the finished run of another."""
    probe = Probe(SMALL).eval()
    monkeypatch.setattr(scaling, "load_probe", lambda: probe)
    for name in ("films", "ledger"):
        (tmp_path / name).symlink_to(home / name)
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "tiny").symlink_to(home / "runs" / "tiny")
    return tmp_path


def test_three_budgets_and_a_smaller_size(place: Path) -> None:
    reports: list[tuple[str, int]] = []

    def halting(stage: str, done: int, of: int, facts: str) -> None:
        if (stage, done) == ("scenes-4", 3):
            raise HaltedError

    tiny, out, runs = recipes.find("tiny"), place / "out", place / "runs" / "tiny-scale"
    with pytest.raises(HaltedError):
        scale(tiny, (2, 4, 6), folder=out, report=halting, test=TEST, workers=1, home=place)
    assert not out.exists(), "an empty folder is removed"
    first = (runs / "scenes-2" / "exposure.log").stat().st_mtime_ns

    def scaled(budgets: tuple[int, ...], sizes: dict[str, tuple[str, ...]]) -> ScaleReport:
        reports.clear()
        return scale(
            tiny,
            budgets,
            sizes,
            folder=out,
            report=lambda stage, done, of, facts: reports.append((stage, done)),
            test=TEST,
            workers=1,
            home=place,
        )

    done = scaled((6, 2, 4), {})
    assert [number for stage, number in reports if stage == "scenes-4"] == [3, 4], "a stopped run continues"
    assert not {"scenes-2", "scenes"} & {stage for stage, _ in reports}, "finished runs are not trained again"
    assert (runs / "scenes-2" / "exposure.log").stat().st_mtime_ns == first
    assert {path.name for path in runs.iterdir()} == {"scenes-2", "scenes-4"}
    assert [(run.size, run.steps, run.taken) for run in done.runs] == [
        (OWN, 2, ""),
        (OWN, 4, ""),
        (OWN, 6, "tiny/scenes"),
    ]
    assert done.runs[2].flops == pytest.approx(3 * done.runs[0].flops, rel=0.5)
    assert {run.loss.clips for run in done.runs} == {2} and len({run.loss.mean for run in done.runs}) == 3
    assert {(run.rates[ALL].of, run.rates[EVERYTHING].of) for run in done.runs} == {(done.runs[0].rates[ALL].of, 3)}
    assert [trend.loss.points for trend in done.trends] == [3]

    assert {path.name for path in out.iterdir()} == {"scale.md", "scale.json", "scale.png", "prompts.png"}
    plain = json.loads((out / "scale.json").read_text(encoding="utf-8"))
    assert [run["loss"]["mean"] for run in plain["runs"]] == [run.loss.mean for run in done.runs]
    assert "taken from tiny/scenes" in (out / "scale.md").read_text(encoding="utf-8")
    with Image.open(out / "prompts.png") as picture:
        assert picture.width > 3 * 5 * 96

    smaller = scaled((6,), {"half": ("num_layers=1",)}).runs
    assert [(run.size, run.steps) for run in smaller] == [(OWN, 6), ("half", 6)]
    assert smaller[0].loss == done.runs[2].loss and smaller[0].rates == done.runs[2].rates, "the test is the same"
    assert smaller[1].parameters < smaller[0].parameters and smaller[1].flops < smaller[0].flops


def test_a_finished_model_gives_its_autoencoder_and_a_point(place: Path, home: Path) -> None:
    tiny, model, stages = recipes.find("tiny"), home / "models" / "tiny", set()

    def scaled(budgets: tuple[int, ...], finished: str) -> ScaleReport:
        out, noted = place / "out", lambda stage, *_: stages.add(stage)
        return scale(tiny, budgets, folder=out, report=noted, test=TEST, workers=1, home=place, finished=finished)

    done = scaled((3,), str(model))
    assert not {"autoencoder", "scenes"} & stages, "nothing that is finished is trained again"
    assert [(run.size, run.steps) for run in done.runs] == [
        (OWN, 3),
        (OWN, sum(stage.training.steps for stage in tiny.stages)),
    ]
    provenance = read_provenance(model)
    shown, stages_of = done.runs[1], [stage.name for stage in tiny.stages]
    assert shown.flops == sum(provenance.training[name].flops for name in stages_of)
    assert shown.clips == sum(provenance.exposure[name].rows for name in stages_of)
    assert "taken from the finished model" in done.markdown()
    assert done.trends[0].last == shown.flops, "it is a point of the line"
    (folder,) = (path for path in (place / "runs").iterdir() if path.name.startswith("tiny-scale"))
    assert len(folder.name) == len("tiny-scale-") + 8, "apart from runs with another autoencoder"
    assert math.isfinite(shown.loss.mean) and shown.loss.mean != done.runs[0].loss.mean


def test_a_finished_model_of_another_kind_is_refused_before_any_work(home: Path, tmp_path: Path) -> None:
    other = scaling.config.override(recipes.find("tiny"), ["transformer.num_layers=1"])
    out, tiny = tmp_path / "out", str(home / "models" / "tiny")
    for recipe, finished, said in (
        (recipes.find("tiny"), "pocket", "--finished pocket: it has no stage 'scenes' .its stages: everything, fast"),
        (other, tiny, "its transformer is not that of recipe tiny"),
        (recipes.find("tiny"), "nothing", "no model 'nothing'"),
    ):
        with pytest.raises(ValueError, match=said):
            scale(recipe, (3, 6), folder=out, report=lambda *_: None, home=tmp_path, finished=finished)
    assert list(tmp_path.iterdir()) == []


def test_the_recipes_own_run_is_reused_only_if_finished_and_of_this_recipe(home: Path) -> None:
    tiny = recipes.find("tiny")
    assert [trial.taken for trial in plan(tiny, (3, 6), {}, home)] == ["", "tiny/scenes"]
    newest = checkpoint.latest(RunPaths(home, "tiny").stage("scenes"))
    assert newest is not None and checkpoint.facts(newest)[0] == 6
    longer = recipes.find("tiny")
    longer = scaling.replace(longer, stages=(resized_stage(longer.stages[0], 8, ""), *longer.stages[1:]))
    assert [trial.taken for trial in plan(longer, (6, 8), {}, home)] == ["", ""]
    other = scaling.config.override(tiny, ["stages.scenes.training.optim.matrix_rate=0.01"])
    assert [trial.taken for trial in plan(other, (3, 6), {}, home)] == ["", ""]
    assert [trial.stage.training.steps for trial in plan(tiny, (), {}, home)] == [1, 6]  # a sixteenth and a quarter: 1


def test_a_shorter_stage_has_the_same_schedule() -> None:
    stage = recipes.find("pocket64").stages[0]
    short = resized_stage(stage, 125, "")
    assert short.name == "scenes-125" and short.films == stage.films
    assert (short.training.steps, short.training.optim.decay, short.flow.thing_after) == (125, 38, 19)
    assert short.training.optim.warmup == 12 and resized_stage(stage, 500, "").training.optim.warmup == 50
    whole = resized_stage(stage, stage.training.steps, "")
    assert scaling.replace(whole, name=stage.name, training=stage.training) == stage
    assert whole.training.optim == stage.training.optim


def test_the_model_that_ships_can_be_scaled(tmp_path: Path) -> None:
    pocket = recipes.find("pocket")
    runs = plan(pocket, (), {"half": ("num_layers=4",)}, tmp_path)
    assert [(run.size, run.stage.training.steps) for run in runs[:3]] == [(OWN, 336), (OWN, 1346), (OWN, 5385)]
    assert all(run.stage.flow.one_shape for run in runs) and len(runs) == 6
    assert str(scaling._judged_size(pocket.stages[0], load_probe())) == "128x128x17"


@pytest.mark.parametrize(
    ("budgets", "sizes", "said"),
    [
        ((3,), {}, "budgets 3: give at least two"),
        ((3, 3), {}, "budgets 3, 3"),
        ((0, 3), {}, "budgets 0, 3"),
        ((3, 6), {"Half size": ()}, "size 'Half size'"),
        ((3, 6), {"half": ("layers=1",)}, "unknown key 'layers'"),
        ((3, 6), {"half": ("num_layers=0",)}, "num_layers 0"),
    ],
)
def test_impossible_series_are_refused_before_any_work(
    budgets: tuple[int, ...], sizes: dict[str, tuple[str, ...]], said: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=said):
        scale(recipes.find("tiny"), budgets, sizes, folder=tmp_path / "out", report=lambda *_: None, home=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_lengths_that_the_probe_cannot_judge_are_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="stage scenes learns no film of 17 frames"):
        scale(recipes.find("tiny"), (3, 6), folder=tmp_path / "out", report=lambda *_: None, home=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_too_small_a_test_is_refused() -> None:
    with pytest.raises(ValueError, match="1 prompts"):
        ScalingTest(prompts=1)
    with pytest.raises(ValueError, match="1 held-out clips"):
        ScalingTest(clips=1)
