"""Recipes of footage alone: sizes chosen from the footage, the shipped autoencoder, a trial without a GPU."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from recipes.footage import add_footage

from langit import config, recipes
from langit.autoencoder.model import AutoencoderConfig
from langit.bundle import load_bundle
from langit.device import CPU
from langit.evaluate.copying import evaluate_copying
from langit.evaluate.footage_copying import copying_in_words
from langit.feed.buckets import BucketConfig
from langit.feed.exposure import open_exposure_log
from langit.flow.levels import LevelsConfig
from langit.generate import Model, generate
from langit.ledger.store import Ledger
from langit.recipes.films import RunPaths, footage_lines, read_corpus
from langit.recipes.fitted import fit_recipe, open_beginnings
from langit.recipes.identity import identity
from langit.recipes.layout import check_layout
from langit.recipes.recipe import Recipe
from langit.recipes.run import run
from langit.release.nearest import open_index
from langit.shapes import PixelShape
from langit.train.optim import OptimConfig
from langit.train.ranks import Ranks
from langit.train.trainer import TrainConfig

NAMES = ("small", "300m", "2b")


def narrow(recipe: Recipe, home: Path) -> Recipe:
    """A recipe of the same stages at a width, a resolution and a length for tests, with an autoencoder of its own."""
    quick = TrainConfig(steps=2, optim=OptimConfig(warmup=1, decay=1), checkpoint_every=2)
    tiny = recipes.find("tiny")
    stages = tuple(
        replace(
            stage,
            training=replace(quick, seed=stage.training.seed, lanes=min(stage.training.lanes, 2)),
            flow=replace(stage.flow, token_budget=64, levels=LevelsConfig()),
            buckets=BucketConfig(area=min(stage.buckets.area, 48 * 32 + 16 * number), frames=(5, 9)),
        )
        for number, stage in enumerate(recipe.stages)
        if stage.buckets is not None
    )
    (pixels,) = recipe.autoencoder_stages
    pixels = replace(pixels, reconstruction=replace(pixels.reconstruction, batch=2), training=quick)
    sizes = AutoencoderConfig(24, fine_width=16, coarse_width=24, encoder_blocks=(1, 1), decoder_blocks=(1, 1))
    transformer = replace(tiny.transformer, in_channels=24, out_channels=24)
    return replace(
        recipe,
        stages=stages,
        autoencoder_stages=(pixels,),
        autoencoder=sizes,
        autoencoder_base=None,
        text=tiny.text,
        transformer=transformer,
        sampling=replace(recipe.sampling, steps=2),
        manifest="mine",
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own")
    add_footage(folder, frames=24)
    return folder


@pytest.mark.parametrize("name", [*NAMES, "trial of small"])
def test_every_recipe_goes_from_footage_to_a_model(home: Path, name: str) -> None:
    recipe = recipes.find(name) if name in recipes.RECIPES else recipes.TRIALS["small"]()
    recipe = replace(narrow(recipe, home), name=name.replace(" ", "-"))
    lines: list[str] = []
    bundle = load_bundle(run(recipe, home=home, workers=1, report=lambda *_: None, note=lines.append))
    assert any("4 clips in" in line and "of the picture kept" in line for line in lines), lines
    assert lines[-1].startswith("held out: 1 of these clips")
    stages = bundle.provenance.recipe["stages"]
    assert all(stage["sizes"] for stage in stages), "the sizes that were chosen are on record"
    assert {(size.width, size.height) for size in bundle.sizes} == {(48, 32)}  # of 64x48, never enlarged
    assert {1, 9} <= {size.frames for size in bundle.sizes}, "pictures as well as videos"
    seen = {clip for stage in bundle.provenance.exposure for clip in _seen(home, recipe.name, stage)}
    index = open_index(bundle)
    assert index is not None and set(index.footage) == seen and len(seen) == 3
    assert generate("a red square moves right", Model.of(bundle), seed=1).frames.shape[3] == 3


def _seen(home: Path, name: str, stage: str) -> set[str]:
    return {clip for _, clip in open_exposure_log(RunPaths(home, name).stage(stage) / "exposure.log").read()}


def test_the_report_of_copying_is_about_the_footage(home: Path, tmp_path: Path) -> None:
    recipe = replace(narrow(recipes.find("small"), home), name="compared")
    model = run(recipe, home=home, workers=1, report=lambda *_: None)
    found = evaluate_copying(str(model), 3, tmp_path / "copying", home, lambda *_: None)
    assert [group.name for group in found.groups] == ["captions that were learnt", "real clips, held out"]
    assert found.groups[0].near.of == 3 and "held-out real clips" in found.markdown()
    assert (tmp_path / "copying" / "nearest.png").is_file() and (tmp_path / "copying" / "real.png").is_file()
    copied = replace(found, groups=(replace(found.groups[0], near=replace(found.groups[0].near, right=2)),))
    assert found.asked <= 3 and copying_in_words(copied).startswith(
        "2 of 3 videos are near copies of clips that it learnt (judged by 0 held"
    )
    fresh = replace(found.groups[0], near=replace(found.groups[0].near, right=0))
    fresh = replace(fresh, copied=replace(fresh.copied, right=0))
    assert "of 3 videos none is nearer" in copying_in_words(replace(found, groups=(fresh,)))


@pytest.mark.parametrize("name", NAMES)
def test_recipes_hold_what_their_footage_needs(name: str, tmp_path: Path) -> None:
    """The real sizes: every size that can be chosen fits the token budget, and the recipe loads from its own record."""
    recipe = recipes.find(name)
    add_footage(tmp_path, frames=90)
    fitted = fit_recipe(replace(recipe, manifest="mine"), RunPaths(tmp_path, name))
    assert fitted.stages[-1].sizes and config.load(Recipe, config.dump(fitted)) == fitted
    for stage in recipe.stages:
        assert stage.buckets is not None
        longest = f"{stage.buckets.area // 256 * 16}x16x{stage.buckets.frames[-1]}"
        replace(recipe, stages=(replace(stage, sizes=(longest,)),))


def test_what_a_run_begins_with_and_learns_decides_its_identity(home: Path) -> None:
    recipe = narrow(recipes.find("small"), home)
    fitted = fit_recipe(recipe, RunPaths(home, "small"))
    assert fitted.manifest == Ledger(home / "ledger").manifests()[0].digest
    name = identity(fitted, "footage")
    for changed in (
        replace(fitted, stages=(replace(fitted.stages[0], sizes=("32x32x5",)),)),
        replace(fitted, autoencoder_base="sha256:" + "0" * 64),
        replace(fitted, text_encoder="sha256:" + "0" * 64),
    ):
        assert identity(changed, "footage") != name
    assert identity(replace(fitted, text_encoder="sha256:" + "0" * 64), "pixels") == identity(fitted, "pixels")


def test_the_shipped_autoencoder_is_taken_and_named(home: Path) -> None:
    recipe = replace(recipes.find("small"), manifest="mine")
    beginnings = open_beginnings(recipe, RunPaths(home, "small"), CPU)
    assert beginnings.autoencoder is not None and beginnings.base is None
    assert beginnings.recipe.autoencoder_base == load_bundle("pocket").provenance.digest
    wrong = replace(recipe, autoencoder=replace(recipe.autoencoder, fine_width=8))
    with pytest.raises(ValueError, match="the recipe's autoencoder is not of the base's sizes: set autoencoder.fine_w"):
        open_beginnings(wrong, RunPaths(home, "small"), CPU)
    with pytest.raises(ValueError, match="a base brings its own"):
        replace(recipe, base="pocket")


def test_a_pretrained_text_encoder_is_read_and_stays_as_it_is(home: Path, tmp_path: Path) -> None:
    from bundle.miniature import make_parts, make_provenance

    from langit.bundle import save_bundle

    save_bundle(tmp_path / "umt5", make_parts(), make_provenance())
    before = load_bundle(tmp_path / "umt5").text
    recipe = replace(narrow(recipes.find("small"), home), name="read", text_encoder=str(tmp_path / "umt5"))
    model = load_bundle(run(recipe, home=home, workers=1, report=lambda *_: None))
    assert model.provenance.recipe["text_encoder"].startswith("sha256:")
    assert model.transformer.config_dict()["text_dim"] == before.config.d_model
    for name, value in before.model.state_dict().items():
        assert (model.text.model.state_dict()[name] == value).all(), name
    with pytest.raises(ValueError, match=r"nowhere has no text_encoder/config.json: give a folder"):
        run(replace(recipe, text_encoder=str(tmp_path / "nowhere")), home=home, report=lambda *_: None)


@pytest.mark.parametrize("films", [2, 0])
def test_pictures_are_learnt_beside_videos_and_alone(tmp_path: Path, films: int) -> None:
    add_footage(tmp_path, frames=24, films=films, pictures=4)
    recipe, lines = replace(narrow(recipes.find("small"), tmp_path), name="pictures"), list[str]()
    bundle = load_bundle(run(recipe, home=tmp_path, workers=1, report=lambda *_: None, note=lines.append))
    assert "48x32: 4 pictures, 89% of the picture kept" in lines, lines
    clips = {clip.digest: clip for clip in Ledger(tmp_path / "ledger").clips()}
    seen = {clips[clip].is_picture for clip in _seen(tmp_path, "pictures", "footage")}
    assert seen == ({True, False} if films else {True})
    index = open_index(bundle)
    assert index is not None and sum(clips[digest].is_picture for digest in index.footage) == 3  # one is held out
    assert bundle.sizes[0].frames == (9 if films else 1) and 1 in {size.frames for size in bundle.sizes}
    made = generate("a red square", Model.of(bundle), seed=1, pixels=PixelShape(1, 32, 48))
    assert tuple(made.frames.shape) == (1, 32, 48, 3)


def test_a_recipe_of_films_says_that_it_takes_no_pictures(tmp_path: Path) -> None:
    add_footage(tmp_path, pictures=3)
    add_footage(tmp_path, name="pictures", films=0, pictures=3)
    alone = replace(narrow(recipes.find("small"), tmp_path), name="fixed")
    alone = replace(alone, stages=tuple(replace(s, buckets=None, sizes=("48x32x9",)) for s in alone.stages))
    paths = RunPaths(tmp_path, "fixed")
    fitted = fit_recipe(alone, paths)
    (line,) = footage_lines(fitted, read_corpus(fitted, paths))
    assert line.startswith("left out: 3 pictures, for stage footage learns 48x32x9 alone; a recipe with buckets")
    with pytest.raises(ValueError, match="its 3 clips are pictures, and 48x32x9 is a film's size: train a recipe with"):
        read_corpus(fit_recipe(replace(alone, manifest="pictures"), paths), paths)


@pytest.mark.parametrize("ranks", [Ranks(0, 2, 1, "full"), Ranks(0, 2, 2, "auto")])
def test_batches_of_one_shape_need_whole_weights(ranks: Ranks) -> None:
    (stage,) = recipes.find("pocket").stages
    stage = replace(stage, training=replace(stage.training, lanes=2))
    with pytest.raises(
        ValueError, match="stage everything learns batches of one shape .* cuts them: use --sharding none"
    ):
        check_layout(stage, ranks)
    check_layout(stage, Ranks(0, 2, 1, "auto"))
