"""A recipe that learns from footage alone, and one that begins from a bundle, run from end to end."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from recipes.footage import add_footage
from safetensors import safe_open

from langit import config, recipes
from langit.bundle import Bundle, load_bundle
from langit.bundle.check import check_bundle
from langit.feed.exposure import open_exposure_log
from langit.feed.traces import find_artifacts
from langit.generate import Model, generate
from langit.ledger.answers import describe_model
from langit.ledger.exposure_columns import ExposureColumns, read_rows
from langit.ledger.lineage import Lineage, trace_descendants
from langit.ledger.store import Ledger
from langit.recipes.films import RunPaths
from langit.recipes.identity import identity
from langit.recipes.recipe import Recipe
from langit.recipes.run import run
from langit.release.nearest import nearest_clips, open_index
from langit.release.training import describe_training
from langit.train import checkpoint

SIZE = "32x32x9"


def footage_recipe(name: str = "alone", manifest: str | None = "mine") -> Recipe:
    """The tiny recipe with one stage of each kind, and no films."""
    tiny = recipes.find("tiny")
    stage = replace(tiny.stages[0], films=(), sizes=(SIZE,), autoencoder="")
    adapter = replace(tiny.distil[0], films=())
    return replace(
        tiny,
        name=name,
        stages=(stage,),
        autoencoder_stages=(tiny.autoencoder_stages[0],),
        distil=(adapter,),
        manifest=manifest,
    )


def seen_clips(home: Path, name: str) -> set[str]:
    paths = RunPaths(home, name)
    logs = [open_exposure_log(path) for path in paths.run.glob("*/exposure.log")]
    assert logs
    return {clip for log in logs for _, clip in log.read()}


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    home = tmp_path_factory.mktemp("footage")
    return home, add_footage(home)


@pytest.fixture(scope="module")
def alone(clips: tuple[Path, list[str]]) -> Bundle:
    return load_bundle(run(footage_recipe(), home=clips[0], workers=1, report=lambda *_: None))


def test_a_model_of_footage_alone_is_a_whole_bundle(clips: tuple[Path, list[str]], alone: Bundle) -> None:
    home, digests = clips
    assert check_bundle(alone.path, render=0).holds
    assert alone.provenance.films is None and not (home / "films").exists()
    seen = seen_clips(home, "alone")
    assert len(seen) == 3 and seen < set(digests), "one clip of four is held out"
    manifest = next(iter(Ledger(home / "ledger").manifests()))
    assert alone.provenance.recipe["manifest"] == manifest.digest
    assert {entry.manifest for entry in Ledger(home / "ledger").exposures()} == {manifest.digest}


def test_it_generates_at_the_size_of_the_footage(alone: Bundle) -> None:
    video = generate("a red square moves right", Model.of(alone), seed=1)
    assert video.frames.shape == (9, 32, 32, 3) and video.frames.dtype == torch.uint8


def test_a_recipe_without_films_needs_a_manifest(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="recipe 'alone' has a stage that learns from footage alone: .*--manifest"):
        run(footage_recipe(manifest=None), home=tmp_path, workers=1, report=lambda *_: None)
    with pytest.raises(ValueError, match="no manifest 'mine'.*langit curate"):
        run(footage_recipe(), home=tmp_path, workers=1, report=lambda *_: None)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        ({"captioned": False}, "has 0 captioned clips.*give at least 2"),
        ({"films": 1}, "has 1 captioned clips.*give at least 2"),
        ({"frames": 3}, "has 0 captioned clips that last 1 s, which 32x32x9 at 8 frames a second needs"),
    ],
)
def test_a_set_that_cannot_be_trained_on_is_one_clear_line(tmp_path: Path, made: dict[str, int], message: str) -> None:
    add_footage(tmp_path, **made)
    with pytest.raises(ValueError, match=message) as caught:
        run(footage_recipe(), home=tmp_path, workers=1, report=lambda *_: None)
    assert "\n" not in str(caught.value)


def test_a_set_whose_clips_were_all_revoked_is_refused(tmp_path: Path) -> None:
    for digest in add_footage(tmp_path):
        Ledger(tmp_path / "ledger").revoke(digest, "their owner asked for it")
    with pytest.raises(ValueError, match=r"none of its 4 clips may be used any more \(.*revoked.*\): curate again"):
        run(footage_recipe(), home=tmp_path, workers=1, report=lambda *_: None)


def test_training_begins_from_a_bundle(clips: tuple[Path, list[str]], alone: Bundle) -> None:
    """Its weights, words and autoencoder; the base is in the provenance, and decides the identity."""
    home, _ = clips
    rates = [f"stages.scenes.training.optim.{name}_rate=1e-9" for name in ("matrix", "other")]
    recipe = replace(footage_recipe("later"), base="alone")
    recipe = config.override(recipe, [*rates, "autoencoder_stages=[]", "distil=[]"])
    later = load_bundle(run(recipe, home=home, workers=1, report=lambda *_: None))
    assert later.provenance.base == alone.provenance.digest == later.provenance.recipe["base"]
    assert later.provenance.exposure.keys() == {"scenes"}
    assert later.tokenizer.get_vocab() == alone.tokenizer.get_vocab()
    for part in ("transformer", "autoencoder"):
        before, after = getattr(alone, part).state_dict(), getattr(later, part).state_dict()
        assert all(torch.allclose(before[name], after[name], atol=1e-3) for name in before), part
    assert check_bundle(later.path, render=0).holds

    named = replace(recipe, base=alone.provenance.digest)  # by digest, as a resumed run has it
    run(named, home=home, workers=1, report=lambda *_: None, resume=True)
    other = replace(recipe, base="sha256:" + "0" * 64)
    assert identity(named, "scenes") != identity(other, "scenes")
    with pytest.raises(ValueError, match="the base sha256:0000.* is not under"):
        run(other, home=home, workers=1, report=lambda *_: None)


def test_a_base_of_other_sizes_is_named_with_the_change_that_fits(clips: tuple[Path, list[str]], alone: Bundle) -> None:
    recipe = config.override(footage_recipe("wider"), ["transformer.num_layers=1"])
    with pytest.raises(ValueError, match="the recipe's transformer is not of the base's sizes: set transformer.num_la"):
        run(replace(recipe, base="alone"), home=clips[0], workers=1, report=lambda *_: None)
    with pytest.raises(ValueError, match="no model 'nothing'"):
        run(replace(recipe, base="nothing"), home=clips[0], workers=1, report=lambda *_: None)


def test_what_a_base_saw_counts_for_the_models_that_begin_from_it(clips: tuple[Path, list[str]], alone: Bundle) -> None:
    """A take-down finds them, and their sources are listed, although their own logs do not name the clip."""
    home, _ = clips
    other = add_footage(home, "others", frames=17, films=2)
    recipe = config.override(replace(footage_recipe("heir", "others"), base="alone"), ["distil=[]"])
    recipe = replace(recipe, autoencoder_stages=())
    heir = load_bundle(run(recipe, home=home, workers=1, report=lambda *_: None))
    of_base = sorted(seen_clips(home, "alone") - set(other))[0]
    assert of_base not in seen_clips(home, "heir")

    lineage = Lineage(Ledger(home / "ledger"), find_artifacts(home))
    model = next(model for model in lineage.artifacts.models if model.name == "heir")
    assert model.base == alone.provenance.digest.removeprefix("sha256:")
    saw = {(item.model.name, item.stage.name) for item in lineage.sightings([of_base])}
    assert ("heir", "scenes of alone") in saw and ("alone", "scenes") in saw
    clip = lineage.clips[of_base]
    assert "heir" in {item.name for item in trace_descendants(lineage, [clip]).models}
    assert clip.source in lineage.sources_of(model) and of_base in lineage.clips_seen_by(model)
    described = describe_model(lineage, model, every=True)
    assert described["began with"].startswith("alone (") and len(described["listed"]) == len(lineage.sources_of(model))
    lines = describe_training(heir.provenance.digest.removeprefix("sha256:"), home, Ledger(home / "ledger"))
    assert any(line.startswith("it began from model ") for line in lines)

    alone.path.rename(alone.path.with_name("moved-away"))
    (alone.path.with_name("moved-away") / "provenance.json").rename(home / "kept.json")
    try:
        lineage = Lineage(Ledger(home / "ledger"), find_artifacts(home))
        model = next(model for model in lineage.artifacts.models if model.name == "heir")
        assert "which is not here" in describe_model(lineage, model, every=True)["began with"]
    finally:
        (home / "kept.json").rename(alone.path.with_name("moved-away") / "provenance.json")
        alone.path.with_name("moved-away").rename(alone.path)


def test_a_model_that_learnt_a_single_clip_is_caught_showing_it(tmp_path: Path) -> None:
    """Two clips, of which one is held out, are the fewest that can be trained on; the index of nearest clips works."""
    add_footage(tmp_path, films=2)
    model = load_bundle(run(footage_recipe("few"), home=tmp_path, workers=1, report=lambda *_: None))
    (seen,) = seen_clips(tmp_path, "few")
    index = open_index(model)
    assert index is not None and index.footage == (seen,)
    (shard,) = (tmp_path / "footage").rglob("*.safetensors")
    with safe_open(shard, "numpy") as stored:
        digests, frames = json.loads(stored.metadata()["clips"]), stored.get_tensor("frames")
    for digest, shown in zip(digests, frames, strict=True):
        (match,) = nearest_clips(index, model.autoencoder, shown, model.fps, 1)
        assert (match.content > 0.99) == (digest == seen) and (match.score > 0.9) == (digest == seen)


def test_a_stage_that_streams_is_a_whole_run_with_a_log_of_format_2(clips: tuple[Path, list[str]]) -> None:
    home, digests = clips
    recipe = footage_recipe("streamed")
    stage = replace(recipe.stages[0], flow=replace(recipe.stages[0].flow, stream=True))
    recipe = replace(recipe, stages=(stage,))
    bundle = load_bundle(run(recipe, home=home, workers=1, report=lambda *_: None))
    folder = RunPaths(home, "streamed").stage(stage.name)
    columns = ExposureColumns(folder / "exposure.log")
    assert columns.is_there and columns.root() == bundle.provenance.exposure[stage.name].root
    assert not ExposureColumns(RunPaths(home, "alone").stage(stage.name) / "exposure.log").is_there
    assert check_bundle(bundle.path, render=0).holds
    (model,) = (each for each in find_artifacts(home).models if each.name == "streamed")
    logged = next(each.log for each in model.stages if each.name == stage.name)
    assert logged is not None and set(logged.seen) < set(digests)
    # Taken up again from the checkpoint before the last: rows and root are those of the run that was not stopped.
    rows = read_rows(folder / "exposure.log")
    newest = max(folder.glob("step-*"))
    shutil.rmtree(newest)
    assert checkpoint.latest(folder) is not None
    run(recipe, home=home, workers=1, report=lambda *_: None, resume=True)
    assert read_rows(folder / "exposure.log") == rows and newest.is_dir()
