"""The abilities report of a tiny model on two films: given frames are preserved, and files agree with results."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from bundle.miniature import make_provenance
from evaluate.tried import PIXELS, SMALL, quiet, tiny_model, tiny_parts

from langit.bundle import save_bundle
from langit.evaluate.abilities import report as abilities
from langit.evaluate.abilities.cases import cases
from langit.evaluate.abilities.continuations import AbilityResult, AbilityTrial, compare_motion, film_pair
from langit.evaluate.abilities.minute import PeakMemory, measure_drift, measure_memory, peak_memory, sharpness
from langit.evaluate.abilities.report import (
    AbilityResults,
    ability_pictures,
    check_model,
    evaluate_abilities,
    measure,
)
from langit.evaluate.judges.probe import Probe
from langit.evaluate.report import ReportPictures, TableReport, write_report
from langit.shapes import PixelShape
from langit.worlds.film import render

pytestmark = pytest.mark.draws
MEMORY = PeakMemory({1.0: (100 * 2**20,), 4.0: (110 * 2**20,)})


@pytest.fixture(scope="module")
def found() -> AbilityResults:
    torch.manual_seed(0)
    return measure(tiny_model(), render, Probe(SMALL).eval(), 2, 4.0, quiet)


def test_every_ability_is_tried_and_preserves_given_frames(found: AbilityResults) -> None:
    results = found.continuations.results
    assert {name: len(each) for name, each in results.items()} == {
        "image to video": 2,
        "extend": 2,
        "extend before": 2,
        "connect, one film": 2,
        "connect, two films": 2,
        "loop": 2,
        "recut": 1,
        "storyboard": 1,
    }
    for name, each in results.items():
        assert all(result.kept for result in each), name
        assert all(result.loss is not None and math.isfinite(result.loss) for result in each), name
    assert all(one.untouched for one in found.inpainted)


def test_frames_at_the_start_of_a_window_lose_nothing(found: AbilityResults) -> None:
    losses = {name: [result.loss for result in results] for name, results in found.continuations.results.items()}
    assert losses["image to video"] == pytest.approx([0.0, 0.0], abs=1e-3)
    assert losses["extend"] == pytest.approx([0.0, 0.0], abs=0.3)  # encoded from its context's first frame on


def test_steps_that_touch_generated_frames(found: AbilityResults) -> None:
    touching = {name: results[0].touching for name, results in found.continuations.results.items()}
    assert touching["image to video"] == [0, 1, 2, 3]
    assert touching["extend"] == [4, 5, 6, 7]
    assert touching["extend before"] == [0, 1, 2, 3]
    assert touching["connect, one film"] == [2, 3, 4, 5]
    assert touching["loop"] == list(range(4, 12))


def test_tables_and_numbers_agree(found: AbilityResults, tmp_path: Path) -> None:
    report = TableReport("tiny: abilities", {"model": "tiny"}, ("",), found.sections(MEMORY), summary=1)
    write_report(report, ReportPictures(ability_pictures(found)), "abilities", tmp_path, 8.0)
    said = (tmp_path / "abilities.md").read_text(encoding="utf-8")

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    plain = json.loads((tmp_path / "abilities.json").read_text(encoding="utf-8"), parse_constant=refuse)
    by_title = {section["title"]: section["rows"] for section in plain["sections"]}
    assert by_title["Memory"]["growth"]["peak"] == 1.1
    assert by_title["Given frames"]["loop"]["as given, to the pixel"]["right"] == 2
    assert set(by_title["Sizes"]) == {"32x32x5", "32x32x5, real films"}
    assert "32x32x9" in by_title["Durations"]
    for title in by_title:
        assert f"## {title}" in said
    pictures = {path.name for path in tmp_path.glob("*.png")}
    assert {"drift.png", "edit.png", "minute.png", "image-to-video.png", "connect-two-films.png"} <= pictures
    assert report.table().row_count == len(by_title["What is asked for"])


def test_real_frozen_and_text_only_motion_differ() -> None:
    model = tiny_model()
    case = cases(3, render, PixelShape(frames=5, height=64, width=64), quiet)[2]
    one = film_pair(case, model)
    new = tuple(range(1, len(one.short)))
    trial = AbilityTrial("image to video", "", one.short, one.short, new, lambda on_step: pytest.fail("ran"))
    film = compare_motion(case.short, AbilityResult(trial, one.short, None), one.short.flip(0))
    assert film.errors["made"] == film.errors["real"] == film.errors["autoencoder"]
    assert film.errors["text only"] != film.errors["real"]
    frozen = compare_motion(case.short, AbilityResult(trial, one.short[:1].expand_as(one.short), None), one.short)
    for part in ("things", "ground"):
        still, exact = (getattr(frozen.errors[whose], part) for whose in ("made", "frozen"))
        assert still == pytest.approx(exact, abs=1e-3)
    assert film.likeness["made"] == math.inf
    assert frozen.likeness["made"] == frozen.likeness["frozen"]


def test_a_minute_is_measured_in_windows_of_four_seconds(found: AbilityResults) -> None:
    [told] = found.drifts
    assert len(told.shares) == len(told.sharpness) == 1
    assert (told.sharpness[0], told.change[0]) == (1.0, 0.0)
    [case] = cases(1, render, PIXELS, quiet)
    frames = 0

    def count() -> None:
        nonlocal frames
        frames += 1

    told, shown = measure_drift(case, tiny_model(), Probe(SMALL).eval(), 8.5, 0, count)
    assert (frames, len(told.shares), len(shown)) == (68, 2, 9)
    with pytest.raises(ValueError, match="a video of 3 s is shorter than a window"):
        measure_drift(case, tiny_model(), Probe(SMALL).eval(), 3.0, 0, count)


def test_blur_is_less_sharp() -> None:
    frames = torch.randint(256, (1, 8, 8, 3), dtype=torch.uint8)
    smooth = torch.nn.functional.avg_pool2d(frames.permute(0, 3, 1, 2).float(), 3, 1, 1).permute(0, 2, 3, 1)
    assert sharpness(smooth.to(torch.uint8)) < 0.6 * sharpness(frames)


def test_peak_memory_is_of_this_process(tmp_path: Path) -> None:
    save_bundle(tmp_path / "tiny", tiny_parts(), make_provenance())
    assert 50 * 2**20 < peak_memory(str(tmp_path / "tiny"), "a red ball bounces on snow", 0.5) < 2**40
    assert PeakMemory({4.0: (10, 30, 20), 60.0: (22,)}).growth == 1.1


@pytest.mark.slow
def test_a_process_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="measuring the memory of a video of 1 s failed: .*giraffe"):
        measure_memory(str(tmp_path / "giraffe"), "a ball", (1.0,), 1, quiet)


@pytest.mark.slow
def test_the_verb_measures_a_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_bundle(tmp_path / "tiny", tiny_parts(), make_provenance())
    monkeypatch.setattr(abilities, "load_probe", lambda placement: Probe(SMALL).eval())
    monkeypatch.setattr(abilities, "MINUTE", 4.0)
    monkeypatch.setattr(abilities, "SHORT", 1.0)
    stages: list[str] = []
    report = evaluate_abilities(
        str(tmp_path / "tiny"),
        films=2,
        folder=tmp_path / "out",
        progress=lambda stage, done, of: stages.append(stage),
    )
    assert {"films", "memory", "edits", "32x32x9"} <= set(stages)
    assert (tmp_path / "out" / "abilities.md").is_file()
    assert report.facts["seconds"] > 0


def test_too_few_films_and_unsuitable_models_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="1 films cannot be connected"):
        evaluate_abilities("giraffe", films=1, folder=tmp_path / "out", progress=quiet)
    with pytest.raises(ValueError, match="giraffe"):
        evaluate_abilities("giraffe", films=2, folder=tmp_path / "out", progress=quiet)
    assert not (tmp_path / "out").exists()
    with pytest.raises(ValueError, match="this model makes 5 to 5 frames, but the probe judges 17"):
        check_model(tiny_model((PIXELS,)), Probe(type(SMALL)(frames=17)).eval())
