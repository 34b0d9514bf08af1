"""What is said of a recipe's runs: those that are done, running, not started, and of another recipe."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from langit import config, recipes
from langit.bundle import load_bundle
from langit.evaluate.figures.runs import RunsReport, StageRun, write
from langit.generate import Model
from langit.recipes.films import RunPaths
from langit.recipes.held_out import held_out_levels, measured_preview, read_held_out
from langit.recipes.identity import identity
from langit.recipes.run_folder import FILE, read_run_recipe, run_names
from langit.recipes.runs import compare_runs, gather, known_runs, report_runs
from langit.train.journal import read_progress


def test_every_stage_reports_what_it_took(home: Path, tmp_path: Path) -> None:
    report = report_runs(recipes.find("tiny"), tmp_path / "out", home)
    assert [stage.name for stage in report.stages] == list(recipes.find("tiny").stage_names)
    assert {stage.state for stage in report.stages} == {"done"}
    scenes = next(stage for stage in report.stages if stage.name == "scenes")
    assert (scenes.kind, scenes.steps, scenes.films[1]) == ("transformer", 6, "worlds-1 48x32x5, seeds 1,000 to 1,005")
    assert scenes.seconds > 0 and scenes.flops > 0 and 0 < scenes.different <= scenes.clips
    plain = json.loads((tmp_path / "out" / "runs.json").read_text(encoding="utf-8"))
    assert [stage["steps"] for stage in plain["stages"]] == [stage.steps for stage in report.stages]
    said = (tmp_path / "out" / "runs.md").read_text(encoding="utf-8")
    assert f"| scenes | transformer | 6 | {scenes.clips} | {scenes.different} |" in said
    assert report.table().row_count == len(report.stages)


def test_missing_stages_and_those_of_another_recipe_are_named(home: Path, tmp_path: Path) -> None:
    tiny = recipes.find("tiny")
    shutil.copytree(RunPaths(home, "tiny").stage("scenes"), RunPaths(tmp_path, "tiny").stage("scenes"))
    states = {stage.name: stage.state for stage in gather(tiny, tmp_path).stages}
    assert states["scenes"] == "done" and set(states.values()) == {"done", "not started"}
    longer = gather(config.override(tiny, ["stages.scenes.training.steps=9"]), tmp_path)
    scenes = next(stage for stage in longer.stages if stage.name == "scenes")
    assert scenes.state == "running" and scenes.line[2] == "6 of 9"
    other = gather(config.override(tiny, ["stages.scenes.training.seed=5"]), tmp_path)
    scenes = next(stage for stage in other.stages if stage.name == "scenes")
    assert scenes.state == "of another recipe" and scenes.steps == 0
    (next(RunPaths(tmp_path, "tiny").stage("scenes").glob("step-*6")) / "checkpoint.json").write_text("{")
    with pytest.raises(ValueError, match="cannot be read"):
        gather(tiny, tmp_path)


def test_curves_and_contact_sheets_are_written(tmp_path: Path) -> None:
    sheet = tmp_path / "sheet-000020.png"
    Image.new("RGB", (30, 20), (200, 40, 90)).save(sheet)
    curve = tuple((step, 2.0 / step) for step in range(10, 500, 10))
    settings = {"training": {"seed": 3, "optim": {"decay": 5}}}
    stages = (
        StageRun("scenes", "transformer", ("films",), settings, 500, "done", 500, 9, 5, 60.0, 3e12, curve, sheet),
        StageRun("story", "transformer", ("more films",), settings, 700),
    )
    write(RunsReport("pocket", stages), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        sheet.name,
        "runs.md",
        "runs.json",
        "curves.png",
        "scenes.png",
    }
    assert (tmp_path / "scenes.png").read_bytes() == sheet.read_bytes()
    said = (tmp_path / "runs.md").read_text(encoding="utf-8")
    assert "| scenes | transformer | 500 | 9 | 5 | 60 | 3 | 0.200 to 0.004 | done |" in said
    assert "| story | transformer | 0 of 700 |" in said and "seed 3, decay 5" in said and "(scenes.png)" in said
    assert "Total: 60 s and 3 TFLOP." in said
    with Image.open(tmp_path / "curves.png") as picture:
        assert picture.width > 400


def test_runs_leave_their_recipe_and_their_progress(home: Path) -> None:
    assert "tiny" in run_names(home) and "tiny" in {report.recipe for report in known_runs(home)}
    recipe = read_run_recipe("tiny", home)
    assert recipe.stages == recipes.find("tiny").stages
    (row,) = read_progress(RunPaths(home, "tiny").stage("scenes"))
    assert (row.step, row.steps) == (6, 6) and row.loss > 0 and row.peak_tflops > 0
    assert any(row.loss_by_level) and len(row.loss_by_level) == 10
    (decoder,) = read_progress(RunPaths(home, "tiny").stage(recipe.autoencoder_stages[0].name))
    assert decoder.loss_by_level == ()  # an autoencoder learns at no level of noise
    with pytest.raises(ValueError, match="there is no run 'nemo'.*tiny"):
        read_run_recipe("nemo", home)
    with pytest.raises(ValueError, match=r"there is no run '\.\./runs/tiny'"):
        read_run_recipe("../runs/tiny", home)


def test_held_out_clips_are_measured_by_level_and_told_in_the_report(home: Path, tmp_path: Path) -> None:
    recipe, paths = read_run_recipe("tiny", home), RunPaths(home, "tiny")
    model, scenes = Model.of(load_bundle(paths.bundle)), recipe.stages[0]
    count, losses = held_out_levels(recipe, scenes, paths, model)
    assert count > 0 and len(losses) == 10 and sum(loss is not None for loss in losses) >= 8
    assert held_out_levels(recipe, scenes, paths, model) == (count, losses)  # the same noise each time
    only_learnt = replace(scenes, films=(replace(scenes.films[0], first=0, last=9),))
    assert held_out_levels(recipe, only_learnt, paths, model) == (0, ())
    folder = RunPaths(tmp_path, "tiny").stage("scenes")
    shutil.copytree(paths.stage("scenes"), folder)
    told: list[str] = []
    save = measured_preview(lambda step, place: told.append(f"{place.name} {step}"), lambda: (count, losses))
    for step in (2, 4, 6, 4, 5):  # the last two are of a run that was resumed
        save(step, folder)
    assert told == [f"scenes {step}" for step in (2, 4, 6, 4, 5)]
    assert [row.step for row in read_held_out(folder)] == [2, 4, 5]
    stage = next(stage for stage in gather(recipe, tmp_path).stages if stage.name == "scenes")
    assert stage.held_out and all(0 < level < 1 and loss > 0 for level, loss in stage.held_out)
    assert "held-out loss" in RunsReport("tiny", (stage,)).markdown()
    (folder / "held-out.jsonl").write_text("{}\n")
    with pytest.raises(ValueError, match="line 1, is no row of losses"):
        gather(recipe, tmp_path)


def test_two_runs_are_compared_with_what_was_set_differently(home: Path, tmp_path: Path) -> None:
    other = config.override(
        read_run_recipe("tiny", home), ["name=other", "stages.scenes.training.optim.matrix_rate=0.5"]
    )
    shutil.copytree(RunPaths(home, "tiny").run, tmp_path / "runs" / "tiny")
    shutil.copytree(RunPaths(home, "tiny").stage("scenes"), tmp_path / "runs" / "other" / "scenes")
    (tmp_path / "runs" / "other" / FILE).write_text(json.dumps(config.dump(other)))
    newest = max((tmp_path / "runs" / "other" / "scenes").glob("step-*")) / "checkpoint.json"
    plain = json.loads(newest.read_text())
    plain["facts"] |= {"identity": identity(other, "scenes"), "curve": [[2, 1.5], [4, 1.25]]}
    newest.write_text(json.dumps(plain))
    report = compare_runs(["tiny", "other"], tmp_path / "out", tmp_path)
    rate = recipes.find("tiny").stages[0].training.optim.matrix_rate
    assert report.differences == {"stages.scenes.training.optim.matrix_rate": (rate, 0.5)}
    ours, theirs = report.stages["scenes"]
    assert (ours.run, theirs.run) == ("tiny", "other") and theirs.curve == ((2, 1.5), (4, 1.25))
    assert ours.by_level and ours.by_level == theirs.by_level and ours.mfu is not None
    assert theirs.line[1:4] == ("done", "6", "1.2500")
    absent = report.stages[other.autoencoder_stages[0].name][1]
    assert absent.line[1] == "not started"
    said = (tmp_path / "out" / "comparison.md").read_text(encoding="utf-8")
    assert "| stages.scenes.training.optim.matrix_rate |" in said and "(curves.png)" in said
    assert set(json.loads((tmp_path / "out" / "comparison.json").read_text())) == {"runs", "stages", "differences"}
    with Image.open(tmp_path / "out" / "curves.png") as picture:
        assert picture.width > 800
    assert report.table().row_count == len(report.stages) + 1
    for names in (["tiny"], ["tiny", "tiny"]):
        with pytest.raises(ValueError, match="at least two runs, each once"):
            compare_runs(names, tmp_path / "out", tmp_path)
